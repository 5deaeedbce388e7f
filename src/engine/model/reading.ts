import type { EntryKind, LogIndex, MemberId, Term } from '../core/types.ts';
import type { Finding } from './finding.ts';
import type { MemberReport } from './member-report.ts';

/** One effective log entry, as stored. `data` is valid only until the iterator moves on: copy to keep. */
export interface LogEntry {
  type: 'entry';
  index: LogIndex;
  term: Term;
  kind: EntryKind | (string & {});
  /** Path below the member's directory. */
  file: string;
  /** Start of the record (WAL frame, bolt page) in the file. */
  byteOffset: number;
  /** Payload size in bytes. */
  bytes: number;
  data: Uint8Array;
  /** The leader's clock, where the store keeps one: RFC 3339. Informational. */
  appendedAt?: string;
  extensions?: Uint8Array;
}

/** A place in the log that cannot be read. `fromIndex`/`toIndex` as known from the neighbours. */
export interface LogDamage {
  type: 'damage';
  fromIndex: LogIndex | null;
  toIndex: LogIndex | null;
  file: string;
  byteOffset: number;
  reason: string;
}

export type LogRecord = LogEntry | LogDamage;

/** A configuration the log or a snapshot names. `effective` is false for a change the store would reject at apply. */
export interface ConfigurationChange {
  index: LogIndex;
  term: Term;
  source: 'log' | 'snapshot';
  /** What changed, in the product's words: `add voter n3`, `remove n1`, `configuration of 3`. */
  change: string;
  voters: MemberId[];
  learners: MemberId[];
  effective: boolean;
}

/** Which entries to visit; both ends are included. */
export interface EntryRange {
  from?: LogIndex;
  to?: LogIndex;
}

/** A member as read: its report, what is wrong, and its log to walk again. Everything is read-only. */
export interface MemberReading {
  report: MemberReport;
  findings: Finding[];
  /** Oldest first. */
  configurations: ConfigurationChange[];
  /**
   * Walks the effective entries and damaged places in index order, the part behind damage included; re-reads the files, so
   * memory stays flat. Entries before a snapshot jump (history) are walked too.
   */
  records(range?: EntryRange): IterableIterator<LogRecord>;
  /** A mark of the bytes of the log store, by which copies of one disk are known; only where the store keeps no id of its server. */
  storeDigest?(): string | null;
}

/** Called now and then while reading: bytes done of bytes in all. */
export type Progress = (done: number, total: number, what: string) => void;

export interface ReadOptions {
  /** Directory of the WAL, where the server keeps it apart from the data. */
  walDir?: string;
  /** `log` skips the state machine's content (live keys, hash); `full` reads all. Default `full`. */
  depth?: 'log' | 'full';
  progress?: Progress;
}

/** One on-disk format. A new store is a folder with one of these and a line in the registry. */
export interface StoreReader {
  store: MemberReport['store'];
  /** For people: what it reads, e.g. `etcd 3.3 to 3.6: WAL, .snap, db (bbolt)`. */
  title: string;
  /** Names and shapes that `detect` looks for, for `inspect stores`. */
  looksFor: string[];
  /** True when the directory (or file) is this store's. Looks at names and magic numbers only; never throws on bad content. */
  detect(path: string, options: ReadOptions): boolean;
  /**
   * Reads the member. `path` is what `detect` accepted. Damage becomes findings and `health`, not an exception.
   * @throws {UnreadableError} When nothing at all can be read.
   */
  read(path: string, options: ReadOptions): MemberReading;
}

/** A decoded payload: what an operator should see. No values, passwords or tokens unless `value` is asked for. */
export interface DecodedEntry {
  /** Operation name: `put`, `delete-range`, `txn`, `KVS set`, `register`, ... */
  op: string;
  /** The key (or name) it touches, raw text; null when there is none. Redaction happens at render time. */
  key: string | null;
  /** Size of the value in bytes, null when there is none. */
  valueBytes: number | null;
  /** Further facts worth a column, e.g. `lease 694d`, `3 compares, 2 ops`. Never values or secrets. */
  detail: string;
  /** Nested operations (transactions). */
  nested?: DecodedEntry[];
  /** The value itself, for `--redact none`. Secrets are never put here. */
  value?: Uint8Array;
  /** Whether it is undecodable: an unknown operation or broken bytes. */
  undecodable?: boolean;
}

/** Turns a payload into what to show. Never throws: broken bytes give `undecodable`. */
export type EntryDecoder = (entry: LogEntry) => DecodedEntry;
