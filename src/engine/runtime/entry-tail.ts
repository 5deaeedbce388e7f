import type { Entry } from '../core/entry.ts';
import type { LogIndex } from '../core/types.ts';
import type { Storage } from '../ports/storage.ts';

const ENTRY_OVERHEAD_BYTES = 96;
const COMPACT_AFTER = 1024;
const READ_BYTES = 1024 * 1024;

/**
 * The newest entries, in memory: all that are not durable yet, and as many of the others as the limit allows, so that sending and
 * applying seldom read the disk. What lies before `first` is durable and read from the storage. Invariant: no gap between the two.
 */
export class EntryTail {
  private held: (Entry | undefined)[] = [];
  private start = 0;
  private heldBytes = 0;
  private first: LogIndex;
  private durable: LogIndex;

  constructor(
    private readonly storage: Pick<Storage, 'entries'>,
    last: LogIndex,
    private readonly maxBytes: number,
  ) {
    this.first = last + 1;
    this.durable = last;
  }

  /** Bytes in memory, heads included. */
  get bytes(): number {
    return this.heldBytes;
  }

  /** Carries out what a write says of the log, before it is durable. */
  change(truncateFrom: LogIndex | null, entries: readonly Entry[]): void {
    if (truncateFrom !== null) this.truncate(truncateFrom);
    for (const entry of entries) {
      this.held.push(entry);
      this.heldBytes += costOf(entry);
    }
    this.shrink();
  }

  /** A snapshot replaced the whole log. */
  reset(last: LogIndex): void {
    [this.held, this.start, this.heldBytes, this.first, this.durable] = [[], 0, 0, last + 1, last];
  }

  /** Entries up to here are in the storage: the oldest of them may be forgotten. */
  setDurable(index: LogIndex): void {
    this.durable = index;
    this.shrink();
  }

  /** All entries `[from, until)`. @throws {RangeError} When the log does not hold them: a fault of the caller. */
  read(from: LogIndex, until: LogIndex): Entry[] {
    const found: Entry[] = [];
    while (from + found.length < until) {
      const part = this.readSome(from + found.length, until, READ_BYTES);
      if (part.length === 0) throw new RangeError(`log entries ${from + found.length} to ${until - 1} are not held, the tail begins at ${this.first}`);
      found.push(...part);
    }
    return found;
  }

  /** Entries `[from, until)` as far as `maxBytes` of payload go; at least one where the log holds it. */
  readSome(from: LogIndex, until: LogIndex, maxBytes: number): Entry[] {
    if (from >= until) return [];
    if (from < this.first) return this.storage.entries(from, Math.min(until, this.first), maxBytes);
    const found: Entry[] = [];
    let bytes = 0;
    for (let index = from; index < until; index++) {
      const entry = this.held[this.start + index - this.first];
      if (entry === undefined) break;
      bytes += entry.payload.length;
      if (found.length > 0 && bytes > maxBytes) break;
      found.push(entry);
    }
    return found;
  }

  private truncate(from: LogIndex): void {
    const kept = Math.max(0, from - this.first);
    for (const entry of this.held.splice(this.start + kept)) this.heldBytes -= entry === undefined ? 0 : costOf(entry);
    if (from < this.first) [this.held, this.start, this.first] = [[], 0, from];
    this.durable = Math.min(this.durable, from - 1);
  }

  private shrink(): void {
    while (this.heldBytes > this.maxBytes && this.first <= this.durable) {
      const oldest = this.held[this.start];
      if (oldest === undefined) break;
      this.heldBytes -= costOf(oldest);
      this.held[this.start++] = undefined;
      this.first++;
    }
    if (this.start >= COMPACT_AFTER) [this.held, this.start] = [this.held.slice(this.start), 0];
  }
}

function costOf(entry: Entry): number {
  return entry.payload.length + ENTRY_OVERHEAD_BYTES;
}
