import type { LogIndex } from './types.ts';

const CHUNK = 1024;

/** Running totals of payload bytes. `used` slots are taken by the longest list that shares the chunk. */
interface Chunk {
  readonly totals: Float64Array;
  used: number;
}

/**
 * Payload sizes as running totals, so that the bytes of any stretch cost two look-ups. Immutable to whoever holds it: lists share
 * chunks, a list reads only its own slots, and a slot that another list has taken is never written again (the chunk is copied).
 */
export interface Sizes {
  readonly chunks: readonly Chunk[];
  /** Index of the first slot. */
  readonly start: LogIndex;
  /** Total before the first slot. */
  readonly before: number;
  readonly length: number;
}

export function noSizes(start: LogIndex): Sizes {
  return { chunks: [], start, before: 0, length: 0 };
}

/** Total of the sizes up to and including `index`, counted from wherever the list once began: only differences mean something. */
export function sumUpTo(sizes: Sizes, index: LogIndex): number {
  const at = Math.min(index - sizes.start, sizes.length - 1);
  return at < 0 ? sizes.before : (sizes.chunks[Math.floor(at / CHUNK)]?.totals[at % CHUNK] ?? 0);
}

export function appendSize(sizes: Sizes, bytes: number): Sizes {
  const slot = sizes.length % CHUNK;
  const total = sumUpTo(sizes, sizes.start + sizes.length - 1) + bytes;
  const open = sizes.chunks.at(-1);
  let { chunks } = sizes;
  if (slot === 0 || open === undefined) {
    const totals = new Float64Array(CHUNK);
    totals[0] = total;
    chunks = [...chunks, { totals, used: 1 }];
  } else if (open.used === slot) {
    open.totals[slot] = total;
    open.used++;
  } else {
    const totals = open.totals.slice();
    totals[slot] = total;
    chunks = [...chunks.slice(0, -1), { totals, used: slot + 1 }];
  }
  return { chunks, start: sizes.start, before: sizes.before, length: sizes.length + 1 };
}

/** Drops the sizes from index `from` on. */
export function truncateSizes(sizes: Sizes, from: LogIndex): Sizes {
  const length = Math.max(0, from - sizes.start);
  return { ...sizes, chunks: sizes.chunks.slice(0, Math.ceil(length / CHUNK)), length };
}

/** Frees whole chunks before `index`. What stays of the first chunk is merely not asked for. */
export function dropSizesBefore(sizes: Sizes, index: LogIndex): Sizes {
  const whole = Math.min(Math.floor((index - sizes.start) / CHUNK), Math.floor(sizes.length / CHUNK));
  if (whole <= 0) return sizes;
  return {
    chunks: sizes.chunks.slice(whole),
    start: sizes.start + whole * CHUNK,
    before: sumUpTo(sizes, sizes.start + whole * CHUNK - 1),
    length: sizes.length - whole * CHUNK,
  };
}
