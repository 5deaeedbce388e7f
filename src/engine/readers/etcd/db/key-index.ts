import crypto from 'node:crypto';

const LANES = 4; // three hash words and the state
const FIRST_SLOTS = 1 << 12;
const MAX_FILL = 0.7;
/** Typed arrays end near 2^32 bytes in places; at 16 bytes a slot this is 2^27 slots, some 94 million distinct keys. */
const MAX_SLOTS = 1 << 27;

/**
 * One u32 of state for each distinct user key, without keeping the keys: they are hashed to 96 bits with a seed drawn anew
 * for every index, so two of 100 million keys meet with a chance below 10^-12 and nobody can prepare keys that do.
 * 16 bytes a slot, filled to between 35 and 70 %: 23 to 46 bytes a key, and while it grows the old and the new table
 * together, at most 69 bytes a key.
 */
export class KeyIndex {
  size = 0;
  private slots = FIRST_SLOTS;
  private table = new Uint32Array(FIRST_SLOTS * LANES);
  private readonly seeds = new Uint32Array(3);
  private readonly hash = new Uint32Array(3);

  constructor() {
    crypto.getRandomValues(this.seeds);
  }

  /** State of the key at `slot`, as found by `slotOf`. */
  state(slot: number): number {
    return this.table[slot * LANES + 3] as number;
  }

  setState(slot: number, state: number): void {
    this.table[slot * LANES + 3] = state;
  }

  /** Where the key is, adding it with state 0; -1 when the index is full. A slot is valid until the next call. */
  slotOf(key: Uint8Array): number {
    if (this.size >= this.slots * MAX_FILL && !this.grow()) return -1;
    this.digest(key);
    const { hash, slots, table } = this;
    const a = hash[0] as number;
    const b = hash[1] as number;
    const c = hash[2] as number;
    for (let slot = a % slots; ; slot = (slot + 1) % slots) {
      const at = slot * LANES;
      const first = table[at] as number;
      if (first === 0) {
        table[at] = a;
        table[at + 1] = b;
        table[at + 2] = c;
        this.size += 1;
        return slot;
      }
      if (first === a && table[at + 1] === b && table[at + 2] === c) return slot;
    }
  }

  private grow(): boolean {
    if (this.slots >= MAX_SLOTS) return false;
    const { table: old, slots: oldSlots } = this;
    const slots = (this.slots = oldSlots * 2);
    const table = (this.table = new Uint32Array(slots * LANES));
    for (let from = 0; from < old.length; from += LANES) {
      if (old[from] === 0) continue;
      let slot = (old[from] as number) % slots;
      while (table[slot * LANES] !== 0) slot = (slot + 1) % slots;
      for (let lane = 0; lane < LANES; lane++) table[slot * LANES + lane] = old[from + lane] as number;
    }
    return true;
  }

  /** Three lanes that feed each other after each word, finished as MurmurHash3 does. The first is never 0: that marks a free slot. */
  private digest(key: Uint8Array): void {
    let a = this.seeds[0] as number;
    let b = this.seeds[1] as number;
    let c = this.seeds[2] as number;
    const n = key.length;
    for (let i = 0; i < n; i += 4) {
      const word = (key[i] as number) | ((key[i + 1] ?? 0) << 8) | ((key[i + 2] ?? 0) << 16) | ((key[i + 3] ?? 0) << 24);
      a = Math.imul(a ^ Math.imul(word, 0xcc9e2d51), 0x1b873593);
      b = Math.imul(b ^ Math.imul(word, 0x85ebca6b), 0xc2b2ae35);
      c = Math.imul(c ^ Math.imul(word, 0x9e3779b1), 0x27d4eb2f);
      a = (((a << 15) | (a >>> 17)) + b) | 0;
      b = (((b << 13) | (b >>> 19)) + c) | 0;
      c = (((c << 17) | (c >>> 15)) + a) | 0;
    }
    a = mix((a ^ n) + b);
    b = mix(b + c);
    c = mix(c + a);
    this.hash[0] = a === 0 ? 1 : a;
    this.hash[1] = b;
    this.hash[2] = c;
  }
}

function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Bits numbered from 0 that grow as needed; unset bits cost nothing beyond the highest set one. */
export class GrowingBits {
  private bytes = new Uint8Array(1 << 12);
  count = 0;

  has(bit: number): boolean {
    return ((this.bytes[Math.floor(bit / 8)] ?? 0) & (1 << (bit % 8))) !== 0;
  }

  set(bit: number): void {
    const at = Math.floor(bit / 8);
    if (at >= this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.bytes.length * 2, at + 1));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes[at] = (this.bytes[at] as number) | (1 << (bit % 8));
    this.count += 1;
  }

  clear(bit: number): void {
    const at = Math.floor(bit / 8);
    this.bytes[at] = (this.bytes[at] as number) & ~(1 << (bit % 8));
    this.count -= 1;
  }
}
