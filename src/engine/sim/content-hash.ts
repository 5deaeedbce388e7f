import type { Entry } from '../core/entry.ts';

const known = new WeakMap<Entry, number>();

function join(high: number, low: number): number {
  return (high >>> 0) * 0x20_0000 + (low & 0x1f_ffff);
}

/** 53 bits over some bytes. Quick, not cryptographic: it compares what one run made, and needs no secret. */
export function bytesHash(bytes: Uint8Array, seed: number): number {
  let [high, low] = [0x811c9dc5 ^ seed, 0x1b873593 + seed];
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    high = Math.imul(high ^ byte, 0x01000193);
    low = Math.imul(low ^ byte ^ (high >>> 15), 0x5bd1e995);
  }
  return join(high, low);
}

/** Of an entry's fields and payload. The simulator's own: it must not trust the hash it checks. */
export function contentHash(entry: Entry): number {
  let hash = known.get(entry);
  if (hash !== undefined) return hash;
  hash = mixHash(bytesHash(entry.payload, entry.kind.length), entry.index * 31 + entry.term * 1_000_003 + (entry.wallClockMs % 0xffff_ffff));
  known.set(entry, hash);
  return hash;
}

/** Folds a number into a hash: chains of entries, rows of results. */
export function mixHash(hash: number, value: number): number {
  let [high, low] = [Math.floor(hash / 0x20_0000) | 0, hash % 0x20_0000 | 0];
  for (const part of [value % 0x1_0000_0000 | 0, Math.floor(value / 0x1_0000_0000) | 0]) {
    high = Math.imul(high ^ part, 0x01000193);
    low = Math.imul(low ^ part ^ (high >>> 13), 0x5bd1e995);
  }
  return join(high, low);
}
