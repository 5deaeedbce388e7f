import type { LogIndex } from '../core/types.ts';
import { asBuffer, COUNTER_BYTES, readCounter, writeCounter } from './counter.ts';

/** Directories and files below a member's data directory. */
export const RAFT_DIRECTORY = 'raft';
export const SNAPSHOT_DIRECTORY = 'snapshots';
export const STATE_DIRECTORY = 'state';
export const LOCK_FILE = 'LOCK';
export const BALLAST_FILE = 'ballast';
/** There only when the directory must not be started any more: see fence-record.ts. */
export const FENCE_FILE = 'FENCED';

/** Version of the native format as a whole; the record `format` holds it. */
export const FORMAT_VERSION = 1;

/** Sub-databases of the environment `raft`, besides the segments of the log. */
export const META_DATABASE = 'meta';
/** Second home of the tail descriptor: another tree, so other pages. */
export const TAIL_DATABASE = 'tail';

/** Keys of `meta`, ASCII. */
export const META_KEY = {
  format: key('format'),
  identity: key('identity'),
  hardState: key('hard-state'),
  tail: key('tail'),
  incarnation: key('incarnation'),
  snapshots: key('snapshots'),
  base: key('base'),
  /** Only where a recovery made a new lineage of the store. */
  recoveries: key('recoveries'),
} as const;

/** The only key of `tail`. */
export const TAIL_COPY_KEY = key('tail-copy');

/** Entries of one segment of the log. */
export const SEGMENT_ENTRIES = 65_536;

const SEGMENT_NAME = /^log-(\d{16})$/;

/** First index of the segment that holds `index`: 1, 65 537, 131 073, ... */
export function segmentStart(index: LogIndex): LogIndex {
  return index - ((index - 1) % SEGMENT_ENTRIES);
}

/** Name of the sub-database that begins at `start`: 16 digits, so that names order as numbers do. */
export function segmentName(start: LogIndex): string {
  return `log-${String(start).padStart(16, '0')}`;
}

/** First index of a segment by its name; null when it names none. */
export function parseSegmentName(name: string): LogIndex | null {
  const digits = SEGMENT_NAME.exec(name)?.[1];
  if (digits === undefined) return null;
  const start = Number(digits);
  return start > 0 && Number.isSafeInteger(start) && segmentStart(start) === start ? start : null;
}

/** Key of a batch: the index of its first entry, 8 bytes big-endian. */
export function indexKey(index: LogIndex): Buffer {
  const bytes = Buffer.allocUnsafe(COUNTER_BYTES);
  writeCounter(bytes, 0, index, 'index');
  return bytes;
}

/** The index a key stands for; null when it is none. */
export function parseIndexKey(bytes: Uint8Array): LogIndex | null {
  return bytes.length === COUNTER_BYTES ? readCounter(asBuffer(bytes), 0) : null;
}

function key(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'ascii'));
}
