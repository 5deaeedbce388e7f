import type { CorruptDataError } from '../../errors.ts';

/** One key and value of a bucket. Buffers are valid until the iterator moves on: copy to keep. */
export interface BoltItem {
  key: Buffer;
  value: Buffer;
  /** Start of the page that holds it, in bytes. */
  byteOffset: number;
}

export interface BoltWalk {
  /** First key wanted (inclusive). */
  from?: Uint8Array;
  /**
   * Called when a page below the bucket cannot be used; the walk goes on behind it. Without it the error is thrown.
   * `before` and `after` are the keys that the parent page gives as the bounds of what is lost (null when unknown).
   */
  onDamage?: (error: CorruptDataError, before: Buffer | null, after: Buffer | null) => void;
}

export interface BoltBucket {
  readonly name: string;
  /** Ascending by key; sub-buckets are left out. @throws {CorruptDataError} */
  items(walk?: BoltWalk): IterableIterator<BoltItem>;
  get(key: string | Uint8Array): Buffer | null;
  /** First and last key, null when empty. */
  firstKey(): Buffer | null;
  lastKey(): Buffer | null;
}

/** What one of the two meta pages says. */
export interface BoltMeta {
  page: 0 | 1;
  /** Why it cannot be used; null when it can. */
  problem: string | null;
  txid: number;
  pageSize: number;
  rootPage: number;
  /** Null when the freelist is not synced (all ones). */
  freelistPage: number | null;
  highWater: number;
}

/** A bbolt file opened for reading: `BoltFile.open(source: FileSource)` in file.ts. */
export interface Bolt {
  readonly pageSize: number;
  /** Transaction id of the meta in use. */
  readonly txid: number;
  readonly metas: readonly BoltMeta[];
  /** Pages below this id are in use or free; what lies behind is noise. */
  readonly highWater: number;
  bucketNames(): string[];
  bucket(name: string): BoltBucket | null;
  /** What the format's own checker would report, plus inline buckets: empty when sound. Bounded to 100 problems. */
  check(): { byteOffset: number; problem: string }[];
  /** True when another transaction was committed since opening (a live server): read again. */
  movedOn(): boolean;
}
