import type { KvOperation, KvRange, KvStore, KvView } from '../../src/engine/ports/kv-store.ts';

/** Key as latin-1 text (orders as bytes do), key, value. */
interface Row {
  readonly text: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

type Content = ReadonlyMap<string, readonly Row[]>;

/**
 * A `KvStore` in memory, for tests. Every transaction makes new arrays of the databases it touches, so a view is just the old
 * map. `reopen` gives the store a restarted process would find; `failNext` makes one transaction reject.
 */
export class MemoryKvStore implements KvStore {
  #content: Content;
  #queue: Promise<void> = Promise.resolve();
  #isClosed = false;
  #failure: { readonly error: Error; readonly isKept: boolean } | null = null;
  /** Every transaction carried out, oldest first. */
  readonly transactions: (readonly KvOperation[])[] = [];

  constructor(content: Content = new Map()) {
    this.#content = content;
  }

  transact(operations: readonly KvOperation[]): Promise<void> {
    const done = this.#queue.then(() => {
      if (this.#isClosed) throw new Error('the store is closed');
      const failure = this.#failure;
      this.#failure = null;
      if (failure !== null && !failure.isKept) throw failure.error;
      this.#content = applied(this.#content, operations);
      this.transactions.push(operations);
      if (failure !== null) throw failure.error;
    });
    this.#queue = done.catch(() => undefined);
    return done;
  }

  get(database: string, key: Uint8Array): Uint8Array | undefined {
    return readGet(this.#content, database, key);
  }

  range(database: string, range: KvRange = {}): Iterable<readonly [Uint8Array, Uint8Array]> {
    return readRange(this.#content, database, range);
  }

  databases(): string[] {
    return [...this.#content.keys()].sort();
  }

  view(): KvView {
    const content = this.#content;
    return {
      get: (database, key) => readGet(content, database, key),
      range: (database, range = {}) => readRange(content, database, range),
      databases: () => [...content.keys()].sort(),
      release: () => undefined,
    };
  }

  async close(): Promise<void> {
    await this.#queue;
    this.#isClosed = true;
  }

  /** The next transaction rejects; `isKept`: what it wrote is there all the same, as after an fsync that failed late. */
  failNext(error: Error, isKept: boolean): void {
    this.#failure = { error, isKept };
  }

  /** What a new process would find: all committed transactions. */
  reopen(): MemoryKvStore {
    return new MemoryKvStore(this.#content);
  }

  /** A store that differs in one value: `change` gets a copy and returns what to put, or null to remove the row. */
  withValue(database: string, key: Uint8Array, change: (value: Uint8Array) => Uint8Array | null): MemoryKvStore {
    const old = this.get(database, key);
    if (old === undefined) throw new Error(`no such row in ${database}`);
    const value = change(old);
    return new MemoryKvStore(applied(this.#content, [value === null ? { kind: 'remove', database, key } : { kind: 'put', database, key, value }]));
  }
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}

/** First position whose key is at or after `text`. */
function position(rows: readonly Row[], text: string): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle] as Row).text < text) low = middle + 1;
    else high = middle;
  }
  return low;
}

function applied(content: Content, operations: readonly KvOperation[]): Content {
  const next = new Map(content);
  const own = new Map<string, Row[]>();
  for (const operation of operations) {
    const { database } = operation;
    if (operation.kind === 'drop') {
      next.delete(database);
      own.delete(database);
      continue;
    }
    let rows = own.get(database);
    if (rows === undefined) {
      const held = next.get(database);
      if (held === undefined && operation.kind === 'remove') continue;
      rows = [...(held ?? [])];
      own.set(database, rows);
      next.set(database, rows);
    }
    const text = textOf(operation.key);
    const at = position(rows, text);
    const isThere = rows[at]?.text === text;
    if (operation.kind === 'put') rows.splice(at, isThere ? 1 : 0, { text, key: operation.key.slice(), value: operation.value.slice() });
    else if (isThere) rows.splice(at, 1);
  }
  return next;
}

function readGet(content: Content, database: string, key: Uint8Array): Uint8Array | undefined {
  const rows = content.get(database) ?? [];
  const text = textOf(key);
  const row = rows[position(rows, text)];
  return row?.text === text ? row.value.slice() : undefined;
}

function* readRange(content: Content, database: string, range: KvRange): Generator<readonly [Uint8Array, Uint8Array]> {
  const rows = content.get(database) ?? [];
  const first = range.from === undefined ? 0 : position(rows, textOf(range.from));
  const end = range.until === undefined ? rows.length : position(rows, textOf(range.until));
  const count = Math.min(range.limit ?? Infinity, Math.max(end - first, 0));
  for (let n = 0; n < count; n++) {
    const row = rows[range.reverse === true ? end - 1 - n : first + n] as Row;
    yield [row.key.slice(), row.value.slice()];
  }
}
