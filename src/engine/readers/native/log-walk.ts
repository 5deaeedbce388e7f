import type { Entry } from '../../core/entry.ts';
import type { LogIndex } from '../../core/types.ts';
import type { LogDamage } from '../../model/reading.ts';
import { decodeBatch, salvageBatch } from '../../native/batch-record.ts';
import { ENTRY_FIELD_BYTES } from '../../native/entry-record.ts';
import type { ChainedEntry } from '../../native/entry-record.ts';
import { parseIndexKey, parseSegmentName, SEGMENT_ENTRIES } from '../../native/layout.ts';
import type { LmdbView } from '../../native/pages/lmdb-file.ts';
import type { Lost, Pair } from '../../native/pages/tree-walk.ts';

export interface WalkedEntry {
  readonly type: 'entry';
  readonly entry: Entry;
  readonly chainHash: Uint8Array;
  /** Where the entry begins in the file. */
  readonly byteOffset: number;
}

export type WalkItem = WalkedEntry | LogDamage;

/** Where the log should begin and end, as far as that is known. */
export interface LogBounds {
  /** Index before the first entry. */
  readonly base: LogIndex | null;
  readonly tail: { readonly index: LogIndex; readonly byteOffset: number } | null;
}

interface Loss {
  readonly start: LogIndex | null;
  readonly byteOffset: number;
  readonly reason: string;
}

/**
 * Walks the entries of a view in index order, with every damaged place between those that bound it. Reads batch after batch:
 * memory holds one. A batch that does not decode gives the entries that hold on their own.
 * @param from Batches that end before it are passed over.
 */
export function* walkLog(view: LmdbView, file: string, bounds: LogBounds, from: LogIndex = 0): Generator<WalkItem, void, void> {
  const walk = new LogWalk(view, file, bounds, from);
  yield* walk.items();
}

class LogWalk {
  /** Index that should come next; null before anything is known. */
  private next: LogIndex | null;
  private losses: Loss[] = [];

  constructor(
    private readonly view: LmdbView,
    private readonly file: string,
    private readonly bounds: LogBounds,
    private readonly from: LogIndex,
  ) {
    this.next = bounds.base === null ? null : bounds.base + 1;
  }

  *items(): Generator<WalkItem, void, void> {
    for (const lost of this.view.lostDatabases()) this.lose(null, lost.byteOffset, `the list of databases cannot be read: ${lost.problem}`);
    const segments: { start: LogIndex; name: string }[] = [];
    for (const { name, byteOffset } of this.view.databases().values()) {
      const start = parseSegmentName(name);
      if (start !== null) segments.push({ start, name });
      else if (name.startsWith('log-')) this.lose(null, byteOffset, `the database ${JSON.stringify(name.slice(0, 64))} is no segment of the log`);
    }
    segments.sort((a, b) => a.start - b.start);
    for (const segment of segments) yield* this.segment(segment.name, segment.start);
    yield* this.end();
  }

  private lose(start: LogIndex | null, byteOffset: number, reason: string): void {
    this.losses.push({ start, byteOffset, reason });
  }

  /** Decodes a batch only when the one behind it begins after `from`: keys alone tell where a batch ends. */
  private *segment(name: string, start: LogIndex): Generator<WalkItem, void, void> {
    let held: Pair | null = null;
    for (const item of this.view.items(name)) {
      if (item.kind === 'lost') {
        if (held !== null) yield* this.batch(held, start);
        held = null;
        this.losePages(item, start);
        continue;
      }
      if (held !== null && (parseIndexKey(item.key) ?? Infinity) > this.from) yield* this.batch(held, start);
      else if (held !== null && this.next !== null) this.next = parseIndexKey(item.key) ?? this.next;
      held = item;
    }
    if (held !== null) yield* this.batch(held, start);
  }

  private losePages({ from, byteOffset, problem }: Lost, start: LogIndex): void {
    const index = from === null ? null : parseIndexKey(from);
    const isInside = index !== null && index >= start && index < start + SEGMENT_ENTRIES;
    // The lower bound may be the last batch that was read: what is lost begins behind it.
    this.lose(isInside && (this.next === null || index >= this.next) ? index : null, byteOffset, problem);
  }

  private *batch(pair: Pair, start: LogIndex): Generator<WalkItem, void, void> {
    const key = parseIndexKey(pair.key);
    if (key === null || key < start || key >= start + SEGMENT_ENTRIES) {
      this.lose(null, pair.byteOffset, `a batch has the key ${pair.key.toString('hex').slice(0, 64)}, which is no index of its segment`);
      return;
    }
    const batch = decodeBatch(pair.value);
    if (batch.ok && batch.value.first === key) {
      yield* this.entries(batch.value.entries, pair);
      return;
    }
    if (batch.ok) {
      this.lose(key, pair.byteOffset, `the batch of entry ${batch.value.first} lies in the place of entry ${key}`);
      return;
    }
    const held = batch.rule === 'record-damaged' ? salvageBatch(pair.value) : [];
    if (held[0]?.entry.index === key) yield* this.entries(held, pair);
    else this.lose(key, pair.byteOffset, batch.problem);
    const last = held.at(-1);
    if (held[0]?.entry.index === key && last !== undefined) this.lose(last.entry.index + 1, pair.byteOffset, batch.problem);
  }

  private *entries(entries: readonly ChainedEntry[], { value, byteOffset }: Pair): Generator<WalkItem, void, void> {
    for (const { entry, chainHash } of entries) {
      const at = byteOffset + (entry.payload.byteOffset - value.byteOffset) - ENTRY_FIELD_BYTES;
      if (this.next !== null && entry.index < this.next) {
        this.lose(null, at, `entry ${entry.index} is there twice`);
        continue;
      }
      yield* this.flush(entry.index, at);
      this.next = entry.index + 1;
      yield { type: 'entry', entry, chainHash, byteOffset: at };
    }
  }

  /** Hands out what was lost before `index`: each loss reaches to the next one, the last to `index`. */
  private *flush(index: LogIndex | null, byteOffset: number): Generator<LogDamage, void, void> {
    const { losses } = this;
    this.losses = [];
    if (losses.length === 0 && this.next !== null && index !== null && index > this.next) {
      losses.push({ start: this.next, byteOffset, reason: `entry ${index} follows ${this.next - 1}` });
    }
    let from = this.next;
    for (const [i, loss] of losses.entries()) {
      const start = loss.start !== null && (from === null || loss.start >= from) ? loss.start : from;
      const until = losses[i + 1]?.start ?? index;
      const isEmpty = start === null || (until !== null && until <= start);
      const toIndex = isEmpty || until === null ? null : until - 1;
      yield { type: 'damage', fromIndex: isEmpty ? null : start, toIndex, file: this.file, byteOffset: loss.byteOffset, reason: loss.reason };
      if (toIndex !== null) from = toIndex + 1;
    }
  }

  private *end(): Generator<LogDamage, void, void> {
    const { tail } = this.bounds;
    if (tail !== null && this.losses.length === 0 && this.next !== null && this.next <= tail.index) {
      this.lose(this.next, tail.byteOffset, `the log ends at ${this.next - 1}, its tail descriptor says ${tail.index}`);
    }
    if (this.losses.length === 0) return;
    const end = tail === null ? null : Math.max(tail.index + 1, this.next ?? 0);
    yield* this.flush(end, 0);
  }
}
