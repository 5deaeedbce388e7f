import type { ChainedEntry } from '../native/entry-record.ts';

/**
 * The batches read or written last, decoded, up to a number of bytes: a leader sends what it has just appended, and a follower
 * that lags reads the same batch several times. Holds durable batches only.
 */
export class BatchCache {
  readonly #batches = new Map<number, { readonly entries: readonly ChainedEntry[]; readonly bytes: number }>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(first: number): readonly ChainedEntry[] | undefined {
    const found = this.#batches.get(first);
    if (found === undefined) return undefined;
    this.#batches.delete(first);
    this.#batches.set(first, found);
    return found.entries;
  }

  set(first: number, entries: readonly ChainedEntry[], bytes: number): void {
    this.delete(first);
    this.#batches.set(first, { entries, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#batches.keys()) {
      if (this.#bytes <= this.#maxBytes || oldest === first) break;
      this.delete(oldest);
    }
  }

  delete(first: number): void {
    this.#bytes -= this.#batches.get(first)?.bytes ?? 0;
    this.#batches.delete(first);
  }
}
