import type { KvRange } from '../ports/kv-store.ts';

/** Keys as text of one character a byte: compares as the bytes do. */
export function keyText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}

export function keyBytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

/** One ordered database of a simulated environment. Copied only when somebody still looks at the old content. */
export class KvTable {
  private keys: string[] = [];
  private values = new Map<string, Uint8Array>();
  private isShared = false;

  get size(): number {
    return this.keys.length;
  }

  /** The same content, frozen from the view of the taker: later changes go to a copy. */
  share(): KvTable {
    const other = new KvTable();
    [other.keys, other.values, other.isShared] = [this.keys, this.values, true];
    this.isShared = true;
    return other;
  }

  get(key: string): Uint8Array | undefined {
    return this.values.get(key);
  }

  put(key: string, value: Uint8Array): void {
    this.own();
    if (!this.values.has(key)) {
      const last = this.keys.at(-1);
      if (last === undefined || last < key) this.keys.push(key);
      else this.keys.splice(this.firstAtLeast(key), 0, key);
    }
    this.values.set(key, value);
  }

  remove(key: string): void {
    this.own();
    if (this.values.delete(key)) this.keys.splice(this.firstAtLeast(key), 1);
  }

  keyAt(at: number): string | undefined {
    return this.keys[at];
  }

  *range(range: KvRange = {}): Generator<readonly [Uint8Array, Uint8Array]> {
    const [keys, values] = [this.keys, this.values];
    this.isShared = true; // who iterates keeps seeing this moment
    const from = range.from === undefined ? 0 : this.firstAtLeast(keyText(range.from));
    const until = range.until === undefined ? keys.length : this.firstAtLeast(keyText(range.until));
    let left = range.limit ?? Number.POSITIVE_INFINITY;
    const isReverse = range.reverse === true;
    for (let at = isReverse ? until - 1 : from; left > 0 && (isReverse ? at >= from : at < until); at += isReverse ? -1 : 1, left -= 1) {
      const key = keys[at] as string;
      yield [keyBytes(key), Uint8Array.from(values.get(key) as Uint8Array)];
    }
  }

  private own(): void {
    if (!this.isShared) return;
    this.keys = [...this.keys];
    this.values = new Map(this.values);
    this.isShared = false;
  }

  private firstAtLeast(key: string): number {
    let [low, high] = [0, this.keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.keys[middle] as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
