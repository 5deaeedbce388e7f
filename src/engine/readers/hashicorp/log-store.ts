import type { EntryRange, LogRecord } from '../../model/reading.ts';
import type { StableState } from './stable-store.ts';

/** How an opened log is walked; each walk opens the files anew, so nothing is held between walks. */
export interface LogStore {
  /** The file that takes appends, below the member's directory. */
  newestFile: string;
  records(range: EntryRange, times: boolean): IterableIterator<LogRecord>;
}

/** What a store reader hands to the common report. */
export interface StoreParts {
  /** Null when nothing of the log can be read. */
  log: LogStore | null;
  stable: StableState;
  /** Why the program would refuse to open the store, as a sentence fragment; null when it would not. */
  refusal: string | null;
  /** An unfinished last write was found. */
  torn: boolean;
  /** Something is lost that no log record tells (a header, an index array, the segment list, pages). */
  damaged: boolean;
  /** Files read, for locks and times: inode and modification time. */
  files: StoreFile[];
}

export interface StoreFile {
  inode: { major: number; minor: number; number: number };
  mtimeMs: number;
}
