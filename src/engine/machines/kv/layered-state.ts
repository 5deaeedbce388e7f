import { Buffer } from 'node:buffer';
import { compareBytes, decodeRecord, encodeRecord, placeOf, type KvRecord } from '../../native/kv-record.ts';
import type { KvOperation, KvReader } from '../../ports/kv-store.ts';

// What a change costs besides its bytes, so that many small ones count too.
const CHANGE_OVERHEAD_BYTES = 128;

/** Changes of one flush, by place; null: the key was deleted. Places are latin1 strings, whose order is the order of the bytes. */
class Layer {
  readonly changes = new Map<string, KvRecord | null>();
  bytes = 0;

  set(place: Uint8Array, record: KvRecord | null): void {
    this.changes.set(nameOf(place), record);
    this.bytes += place.length + (record?.value.length ?? 0) + CHANGE_OVERHEAD_BYTES;
  }
}

/**
 * The pairs of one moment: changes not yet stored lie above those being stored, and these above the store. So reads see what is
 * applied at once, and the store is written behind, a batch at a time.
 */
export class LayeredState {
  private pending = new Layer();
  private storing: Layer | null = null;

  constructor(
    private readonly store: KvReader,
    readonly database: string,
  ) {}

  get pendingBytes(): number {
    return this.pending.bytes;
  }

  /** @throws {StorageDamagedError} When the stored record is bad. */
  get(key: Uint8Array): KvRecord | null {
    const place = placeOf(key);
    const record = this.at(place);
    return record !== null && compareBytes(record.key, key) === 0 ? record : null;
  }

  set(record: KvRecord): void {
    this.pending.set(placeOf(record.key), record);
  }

  delete(key: Uint8Array): void {
    this.pending.set(placeOf(key), null);
  }

  /** Records in `[from, until)`, in order of places. @throws {StorageDamagedError} */
  *range(from: Uint8Array, until: Uint8Array | undefined): Generator<readonly [place: Uint8Array, record: KvRecord]> {
    const changed = this.changedIn(from, until);
    let next = 0;
    for (const [place, bytes] of this.store.range(this.database, { ...(from.length === 0 ? {} : { from }), ...(until === undefined ? {} : { until }) })) {
      const name = nameOf(place);
      for (let at = changed[next]; at !== undefined && at[0] < name; at = changed[++next]) if (at[1] !== null) yield [placeFrom(at[0]), at[1]];
      const change = changed[next];
      if (change?.[0] !== name) {
        yield [place, decodeRecord(this.database, place, bytes)];
        continue;
      }
      next++;
      if (change[1] !== null) yield [place, change[1]];
    }
    for (let at = changed[next]; at !== undefined; at = changed[++next]) if (at[1] !== null) yield [placeFrom(at[0]), at[1]];
  }

  /** Moves the pending changes to those being stored; gives them as operations. */
  beginStoring(): KvOperation[] {
    this.storing = this.pending;
    this.pending = new Layer();
    return [...this.storing.changes].map(([name, record]) => {
      const [database, key] = [this.database, placeFrom(name)];
      return record === null ? { kind: 'remove', database, key } : { kind: 'put', database, key, value: encodeRecord(record) };
    });
  }

  endStoring(): void {
    this.storing = null;
  }

  private at(place: Uint8Array): KvRecord | null {
    const name = nameOf(place);
    const change = this.pending.changes.get(name) ?? (this.pending.changes.has(name) ? null : this.storing?.changes.get(name));
    if (change !== undefined) return change;
    const bytes = this.store.get(this.database, place);
    return bytes === undefined ? null : decodeRecord(this.database, place, bytes);
  }

  private changedIn(from: Uint8Array, until: Uint8Array | undefined): (readonly [string, KvRecord | null])[] {
    const [first, end] = [nameOf(from), until === undefined ? null : nameOf(until)];
    const merged = new Map<string, KvRecord | null>();
    for (const layer of [this.storing, this.pending]) {
      for (const [name, record] of layer?.changes ?? []) if (name >= first && (end === null || name < end)) merged.set(name, record);
    }
    return [...merged].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  }
}

function nameOf(place: Uint8Array): string {
  return Buffer.from(place.buffer, place.byteOffset, place.byteLength).toString('latin1');
}

function placeFrom(name: string): Uint8Array {
  return Buffer.from(name, 'latin1');
}
