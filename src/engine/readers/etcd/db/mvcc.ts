import { CorruptDataError } from '../../../errors.ts';
import type { Progress } from '../../../model/reading.ts';
import type { BoltBucket, BoltItem } from '../../bbolt/types.ts';
import { crc32c } from '../../../native/crc32c.ts';
import type { DamageLog } from './damage-log.ts';
import { GrowingBits, KeyIndex } from './key-index.ts';
import { decodeRevision, userKeyOf, type Revision } from './key-value.ts';

/** What the `meta` bucket says about compaction: main revisions, -1 for never. */
export interface Compaction {
  scheduled: number;
  finished: number;
}

export interface MvccState {
  revision: number;
  /** What a running server reports: -1 for never compacted. */
  compactRevision: number;
  /** Null when damage hides some keys. */
  liveKeys: number | null;
  /** HashKV at `revision`; null when damage hides some keys. */
  hash: number | null;
}

export interface MvccOptions {
  /** Revision to hash at, default the current one; from `compactRevision` to the current one. */
  at?: number;
  progress?: Progress;
  /** Size of the file's used part in bytes, the measure of progress. */
  totalBytes?: number;
}

// What the index remembers of a user key: 1 + the ordinal of its kept revision, or one of these.
const UNKNOWN = 0;
/** Its last generation is empty: deleted. */
const DEAD = 0xfffffffc;
/** Kept, by a revision after the compaction: those need no bit, they are hashed anyway. */
const KEPT_AFTER = 0xfffffffd;
/** A tombstone at exactly `at` ended the generation that counts; whatever follows at `at` is not kept. */
const ENDED_LIVE = 0xfffffffe;
const ENDED_DEAD = 0xffffffff;
const MAX_ORDINAL = DEAD - 2;

/** Highest main revision in the bucket and the `meta` keys: what the server calls the current revision (etcd 3.5 mvcc/kvstore.go restore). */
export function currentRevision(lastMain: number, { scheduled, finished }: Compaction): number {
  return Math.max(1, lastMain, scheduled, finished);
}

/** Main revision of the bucket's last key, 0 when it has none. @throws {CorruptDataError} */
export function lastMainOf(bucket: BoltBucket): number {
  const key = bucket.lastKey();
  return key ? (decodeRevision(key)?.main ?? 0) : 0;
}

/**
 * Reads the `key` bucket twice: first every revision, to know which one of each user key counts; then the bytes that HashKV
 * covers. Memory: at most 69 bytes a distinct user key (see `KeyIndex`) and one bit a compacted revision.
 *
 * HashKV as etcd 3.4.34+, 3.5 and 3.6 compute it (mvcc/hash.go, key_index.go `keep`): CRC-32C over "key" and then keys and
 * values, without what a compaction would have removed and without tombstones at the compaction revision itself (older
 * versions delete those, newer ones keep them: left out, all versions hash alike).
 */
export function readMvcc(bucket: BoltBucket, compaction: Compaction, log: DamageLog, options: MvccOptions = {}): MvccState {
  return new MvccReading(bucket, compaction, log, options).read();
}

class MvccReading {
  private readonly index = new KeyIndex();
  private readonly kept = new GrowingBits();
  private readonly compact: number;
  private readonly at: number;
  private keptKeys = 0;
  private liveKeys = 0;
  private lastMain = 0;
  private gaps = 0;
  private isWhole = true;
  private doneBytes = 0;

  constructor(
    private readonly bucket: BoltBucket,
    private readonly compaction: Compaction,
    private readonly log: DamageLog,
    private readonly options: MvccOptions,
  ) {
    this.compact = Math.max(compaction.scheduled, compaction.finished);
    this.at = options.at ?? this.current();
  }

  read(): MvccState {
    this.indexKeys();
    const hash = this.isWhole ? this.hash() : null;
    return {
      revision: this.options.at ?? currentRevision(this.lastMain, this.compaction),
      compactRevision: this.compact,
      liveKeys: this.isWhole ? this.liveKeys : null,
      hash: this.isWhole ? hash : null,
    };
  }

  private current(): number {
    try {
      return currentRevision(lastMainOf(this.bucket), this.compaction);
    } catch (error) {
      this.lose(error);
      return Number.MAX_SAFE_INTEGER;
    }
  }

  private lose(error: unknown): void {
    if (!(error instanceof CorruptDataError)) throw error;
    this.isWhole = false;
    this.log.page(error);
  }

  /** Items in order with their revision; what is no revision key is reported and left out. */
  private *revisions(what: string): Generator<{ item: BoltItem; revision: Revision; ordinal: number }> {
    let ordinal = 0;
    let previous = { main: 0, sub: -1 };
    for (const item of this.bucket.items({ onDamage: (error) => this.lose(error) })) {
      if (ordinal % 8192 === 0) this.options.progress?.(this.doneBytes, 2 * (this.options.totalBytes ?? 0), what);
      this.doneBytes += item.key.length + item.value.length + 16;
      const revision = decodeRevision(item.key);
      if (!revision || !isAfter(revision, previous)) {
        const why = revision ? 'out of order' : 'not a revision';
        this.lose(new CorruptDataError(this.log.file, item.byteOffset, `key 0x${item.key.subarray(0, 32).toString('hex')} of bucket key is ${why}`));
        continue;
      }
      if (revision.main > this.at) return;
      previous = revision;
      yield { item, revision, ordinal };
      ordinal += 1;
    }
  }

  private indexKeys(): void {
    for (const { item, revision, ordinal } of this.revisions('keys')) {
      const key = userKeyOf(item.value);
      if (!key) {
        this.lose(new CorruptDataError(this.log.file, item.byteOffset, `the value at revision ${revision.main}.${revision.sub} is no KeyValue message`));
        continue;
      }
      this.noteGap(item, revision);
      this.lastMain = revision.main;
      const slot = this.index.slotOf(key);
      if (slot < 0 || ordinal > MAX_ORDINAL) {
        this.isWhole = false;
        this.log.add('db-too-large', 'warn', null, 'too many distinct keys for this reader: live keys and HashKV are not computed', 'Compare members by their log instead');
        return;
      }
      this.remember(slot, revision, ordinal);
    }
  }

  /** Follows one revision of a key through etcd's generations (mvcc/key_index.go). */
  private remember(slot: number, revision: Revision, ordinal: number): void {
    const before = this.index.state(slot);
    const after = this.nextState(before, revision, ordinal);
    this.index.setState(slot, after);
    if (before !== UNKNOWN && before < DEAD) this.kept.clear(before - 1);
    if (after !== UNKNOWN && after < DEAD) this.kept.set(after - 1);
    this.keptKeys += Number(isKept(after)) - Number(isKept(before));
    this.liveKeys += Number(isLive(after)) - Number(isLive(before));
  }

  private nextState(before: number, revision: Revision, ordinal: number): number {
    const hasEnded = before === ENDED_LIVE || before === ENDED_DEAD;
    if (revision.isTombstone) {
      if (revision.main === this.at && before !== DEAD) return ENDED_DEAD;
      return hasEnded ? ENDED_DEAD : DEAD;
    }
    if (hasEnded) return ENDED_LIVE;
    return revision.main > this.compact ? KEPT_AFTER : ordinal + 1;
  }

  /** Above the compaction main revisions follow each other, except across `--bump-revision` (an empty value). */
  private noteGap(item: BoltItem, { main }: Revision): void {
    const before = Math.max(this.lastMain, this.compact, 1);
    if (main <= before + 1 || item.value.length === 0 || !this.isWhole) return;
    if (this.gaps++ > 0) return;
    this.log.add('db-revision-gap', 'warn', item.byteOffset, `revisions ${before + 1} to ${main - 1} are missing before revision ${main}`);
  }

  private hash(): number {
    let hash = crc32c(Buffer.from('key'));
    for (const { item, revision, ordinal } of this.revisions('hash')) {
      const isCompacted = revision.main <= this.compact;
      if (isCompacted && this.keptKeys > 0 && !this.kept.has(ordinal)) continue;
      if (revision.main === this.compact && revision.isTombstone) continue;
      hash = crc32c(item.value, crc32c(item.key, hash));
    }
    return hash;
  }
}

function isAfter(a: { main: number; sub: number }, b: { main: number; sub: number }): boolean {
  return a.main > b.main || (a.main === b.main && a.sub > b.sub);
}

function isKept(state: number): boolean {
  return state === KEPT_AFTER || (state !== UNKNOWN && state < DEAD);
}

function isLive(state: number): boolean {
  return isKept(state) || state === ENDED_LIVE;
}
