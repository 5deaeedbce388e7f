import type { Entry } from '../core/entry.ts';
import type { LogIndex } from '../core/types.ts';
import { BATCH_BYTES, encodeBatch } from '../native/batch-record.ts';
import { ENTRY_OVERHEAD_BYTES, type ChainedEntry } from '../native/entry-record.ts';
import { indexKey, SEGMENT_ENTRIES, segmentName, segmentStart } from '../native/layout.ts';
import type { ChainPosition } from '../native/position-records.ts';
import { StorageMisuseError } from '../ports/damage.ts';
import type { KvOperation } from '../ports/kv-store.ts';

/** Entries of one batch at most: what a read of one entry decodes, and a step of trimming removes. */
const MAX_ENTRIES_PER_BATCH = 1024;

/** Which batches lie in the store, by the index of their first entries. Together they are the log from `base` to `tail`. */
export interface LogExtent {
  readonly base: ChainPosition;
  readonly tail: ChainPosition;
  readonly firsts: readonly number[];
}

interface AddedBatch {
  readonly first: LogIndex;
  readonly record: Buffer;
  readonly entries: readonly ChainedEntry[];
}

/** Position in `firsts` of the batch that holds `index`; the caller knows that it is held. */
export function batchAt(firsts: readonly number[], index: LogIndex): number {
  let [low, high] = [0, firsts.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((firsts[middle] ?? 0) <= index) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Changes to the log on their way into one transaction; nothing of the extent changes before it is durable. */
export class LogEdit {
  readonly #extent: LogExtent;
  readonly #read: (first: LogIndex) => readonly ChainedEntry[];
  /** The batches `[#from, #until)` of the extent stay. */
  #from = 0;
  #until: number;
  #base: ChainPosition;
  #tail: ChainPosition;
  readonly #added: AddedBatch[] = [];

  constructor(extent: LogExtent, read: (first: LogIndex) => readonly ChainedEntry[]) {
    this.#extent = extent;
    this.#read = read;
    this.#until = extent.firsts.length;
    this.#base = extent.base;
    this.#tail = extent.tail;
  }

  get base(): ChainPosition {
    return this.#base;
  }

  get tail(): ChainPosition {
    return this.#tail;
  }

  get added(): readonly AddedBatch[] {
    return this.#added;
  }

  /** Keys of the batches that go. A rewritten batch keeps its key and is not among them. */
  removed(): LogIndex[] {
    const { firsts } = this.#extent;
    const rewritten = new Set(this.#added.map((batch) => batch.first));
    return [...firsts.slice(0, this.#from), ...firsts.slice(this.#until)].filter((first) => !rewritten.has(first));
  }

  /** The whole log goes; it begins anew behind `base`. */
  reset(base: ChainPosition): void {
    this.#until = this.#from;
    this.#base = base;
    this.#tail = base;
  }

  /** Drops entries from `index` on. A batch cut inside is written anew, shorter. */
  truncate(index: LogIndex): void {
    if (index <= this.#base.index || index > this.#tail.index + 1) throw new StorageMisuseError('truncate-outside-log', `truncation from ${index} of a log of ${this.#base.index + 1} to ${this.#tail.index}`);
    if (index > this.#tail.index) return;
    const { firsts } = this.#extent;
    const at = batchAt(firsts, index);
    const first = firsts[at] ?? 0;
    this.#until = at;
    if (first < index) {
      const kept = this.#read(first).slice(0, index - first);
      this.#tail = this.#before(first);
      this.#write(kept.map((one) => one.entry));
    } else this.#tail = this.#before(index);
  }

  /** @throws {StorageMisuseError} When the entries do not follow the log. */
  append(entries: readonly Entry[]): void {
    let [index, term] = [this.#tail.index, this.#tail.term];
    for (const entry of entries) {
      if (entry.index !== index + 1) throw new StorageMisuseError('append-gap', `entry ${entry.index} behind entry ${index}`);
      if (entry.term < term) throw new StorageMisuseError('append-term', `entry ${entry.index} has term ${entry.term}, the one before it ${term}`);
      [index, term] = [entry.index, entry.term];
    }
    this.#write(entries);
  }

  /**
   * Moves the base towards `firstIndex - 1`: by one whole segment, or by at most `maxEntries` entries.
   * A batch that begins before the new base is written anew.
   */
  trim(firstIndex: LogIndex, maxEntries: number): void {
    const { firsts } = this.#extent;
    const segment = segmentStart(firsts[0] ?? 1);
    let end = 0;
    while (end < firsts.length && segmentStart(firsts[end] ?? 0) === segment) end++;
    const segmentEnd = this.#lastOf(end - 1);
    if (segmentEnd < firstIndex) {
      this.#from = end;
      this.#base = this.#positionOf(end - 1, segmentEnd);
      return;
    }
    const until = Math.min(firstIndex, this.#base.index + 1 + maxEntries);
    const at = batchAt(firsts, until);
    const first = firsts[at] ?? 0;
    this.#from = at;
    if (first === until) {
      this.#base = this.#positionOf(at - 1, until - 1);
      return;
    }
    const entries = this.#read(first);
    const [base, rest] = [entries[until - 1 - first], entries.slice(until - first)];
    if (base === undefined) throw new StorageMisuseError('trim-outside-log', `no entry ${until - 1}`);
    this.#from = at + 1;
    this.#base = positionOf(base);
    this.#added.push(encoded(rest.map((one) => one.entry), base.chainHash));
  }

  /** What the transaction must do to the segments. Whole ones are dropped, which costs next to nothing. */
  operations(): KvOperation[] {
    const { firsts } = this.#extent;
    const live = new Set(this.#added.map((batch) => segmentStart(batch.first)));
    if (this.#from < this.#until) {
      live.add(segmentStart(firsts[this.#from] ?? 0));
      live.add(segmentStart(firsts[this.#until - 1] ?? 0));
    }
    const operations: KvOperation[] = [];
    const dropped = new Set<LogIndex>();
    for (const first of this.removed()) {
      const segment = segmentStart(first);
      if (live.has(segment)) operations.push({ kind: 'remove', database: segmentName(segment), key: indexKey(first) });
      else if (!dropped.has(segment)) {
        dropped.add(segment);
        operations.push({ kind: 'drop', database: segmentName(segment) });
      }
    }
    for (const batch of this.#added) operations.push({ kind: 'put', database: segmentName(segmentStart(batch.first)), key: indexKey(batch.first), value: batch.record });
    return operations;
  }

  /** The extent once the transaction is durable. Changes `firsts` in place: a log has many batches, a commit few. */
  applyTo(firsts: number[]): LogExtent {
    const added = this.#added.map((batch) => batch.first);
    firsts.length = this.#until;
    if (this.#from > 0) firsts.splice(0, this.#from);
    // A trim writes the batch that is cut anew, before all that stay; an append adds behind them.
    if ((added[0] ?? 0) < (firsts[0] ?? 0)) firsts.unshift(...added);
    else firsts.push(...added);
    return { base: this.#base, tail: this.#tail, firsts };
  }

  /** Splits at segment ends, and where a batch has grown large enough. */
  #write(entries: readonly Entry[]): void {
    let start = 0;
    while (start < entries.length) {
      const first = entries[start]?.index ?? 0;
      const segmentEnd = segmentStart(first) + SEGMENT_ENTRIES;
      let [end, bytes] = [start, 0];
      while (end < entries.length && end - start < MAX_ENTRIES_PER_BATCH && first + end - start < segmentEnd) {
        bytes += ENTRY_OVERHEAD_BYTES + (entries[end]?.payload.length ?? 0);
        if (end > start && bytes > BATCH_BYTES) break;
        end++;
      }
      const batch = encoded(entries.slice(start, end), this.#tail.chainHash);
      this.#added.push(batch);
      const last = batch.entries.at(-1);
      if (last !== undefined) this.#tail = positionOf(last);
      start = end;
    }
  }

  /** Position of the entry before `first`, which begins a batch of the extent. */
  #before(first: LogIndex): ChainPosition {
    return first - 1 === this.#base.index ? this.#base : this.#positionOf(batchAt(this.#extent.firsts, first - 1), first - 1);
  }

  #positionOf(at: number, index: LogIndex): ChainPosition {
    const first = this.#extent.firsts[at] ?? 0;
    const found = this.#read(first)[index - first];
    if (found === undefined) throw new StorageMisuseError('trim-outside-log', `no entry ${index}`);
    return positionOf(found);
  }

  #lastOf(at: number): LogIndex {
    const next = this.#extent.firsts[at + 1];
    return next === undefined ? this.#extent.tail.index : next - 1;
  }
}

function encoded(entries: readonly Entry[], previousChain: Uint8Array): AddedBatch {
  const { record, chain } = encodeBatch(entries, previousChain);
  return { first: entries[0]?.index ?? 0, record, entries: entries.map((entry, n) => ({ entry, chainHash: chain[n] ?? previousChain })) };
}

function positionOf({ entry, chainHash }: ChainedEntry): ChainPosition {
  return { index: entry.index, term: entry.term, chainHash };
}
