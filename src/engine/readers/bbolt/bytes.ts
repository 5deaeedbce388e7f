const TWO_32 = 2 ** 32;

/**
 * A u64 as a number: exact up to 2^53, and still larger than any bound above that. Every caller compares it with a bound
 * before it is used.
 */
export function u64(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset + 4) * TWO_32 + bytes.readUInt32LE(offset);
}

/** The same value spelled exactly, for messages. */
export function u64Text(bytes: Buffer, offset: number): string {
  return bytes.readBigUInt64LE(offset).toString();
}

/**
 * Orders `a[aFrom, aTo)` against `b[bFrom, bTo)` as Buffer.compare does. In place, because a view per key costs more than the
 * comparison itself, and files hold millions of keys.
 */
export function compareRange(a: Uint8Array, aFrom: number, aTo: number, b: Uint8Array, bFrom: number, bTo: number): number {
  const shared = Math.min(aTo - aFrom, bTo - bFrom);
  for (let i = 0; i < shared; i++) {
    const difference = (a[aFrom + i] as number) - (b[bFrom + i] as number);
    if (difference !== 0) return difference;
  }
  return aTo - aFrom - (bTo - bFrom);
}

// The FNV prime is 2^40 + 0x1b3.
const PRIME_LOW = 0x1b3;

/** FNV-1a, 64 bits, as two halves: a product by the prime is one small product and one shift, so no BigInt per byte. */
export function fnv1a64(bytes: Uint8Array): { high: number; low: number } {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (const byte of bytes) {
    low = (low ^ byte) >>> 0;
    const product = low * PRIME_LOW;
    high = (Math.imul(high, PRIME_LOW) + Math.floor(product / TWO_32) + (low << 8)) >>> 0;
    low = product >>> 0;
  }
  return { high, low };
}

/** A set of page ids that stays small however large the claimed file is: memory grows with the pages really visited. */
export class PageSet {
  private readonly blocks = new Map<number, Uint8Array>();
  size = 0;

  has(id: number): boolean {
    const block = this.blocks.get(Math.floor(id / PAGES_PER_BLOCK));
    const bit = id % PAGES_PER_BLOCK;
    return block !== undefined && ((block[bit >>> 3] as number) & (1 << (bit & 7))) !== 0;
  }

  /** False when it was there already. */
  add(id: number): boolean {
    const number = Math.floor(id / PAGES_PER_BLOCK);
    let block = this.blocks.get(number);
    if (!block) this.blocks.set(number, (block = new Uint8Array(PAGES_PER_BLOCK / 8)));
    const bit = id % PAGES_PER_BLOCK;
    const mask = 1 << (bit & 7);
    const byte = block[bit >>> 3] as number;
    if (byte & mask) return false;
    block[bit >>> 3] = byte | mask;
    this.size += 1;
    return true;
  }
}

const PAGES_PER_BLOCK = 32768;
