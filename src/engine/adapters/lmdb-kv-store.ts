import { statfs } from 'node:fs/promises';
import type { Database, RangeOptions, RootDatabase, Transaction } from 'lmdb';
import { StorageDamagedError, StorageFailedError } from '../ports/damage.ts';
import type { KvOperation, KvRange, KvReader, KvStore, KvView } from '../ports/kv-store.ts';

type Table = Database<Buffer, Uint8Array>;

/** Longest key, in bytes: what a page of 4,096 bytes allows. */
export const MAX_KEY_BYTES = 1978;

const PAGE_BYTES = 4096;
const MAX_DATABASES = 512;
/** Below this much free space an I/O error is put down to a full disk: LMDB reports a short write as EIO. */
const FULL_BELOW_BYTES = 1024 * 1024;

/** No key lies before it: keys are not empty. The binding's own default would leave it out. */
const LEAST_KEY = Buffer.of(0);

const BINARY = { encoding: 'binary', keyEncoding: 'binary', cache: false } as const;

const ENVIRONMENT = {
  // With it a failed flush rejects the promise and keeps the write.
  overlappingSync: false,
  // With it a failed commit also rejects a promise that is handed to nobody, and that ends the process.
  eventTurnBatching: false,
  noSubdir: false,
  maxDbs: MAX_DATABASES,
  pageSize: PAGE_BYTES,
} as const;

/**
 * An LMDB environment as a `KvStore`. A transaction is one LMDB transaction over all its sub-databases, written and fsynced by
 * LMDB's own thread: the event loop goes on meanwhile. A sub-database is created by a commit of its own just before its first put;
 * it does not count before that.
 */
export class LmdbKvStore implements KvStore {
  readonly #path: string;
  readonly #root: RootDatabase<Buffer, Uint8Array>;
  readonly #tables = new Map<string, Table>();
  #queue: Promise<void> = Promise.resolve();
  #failure: Error | null = null;
  #views = 0;
  #closing: Promise<void> | null = null;

  private constructor(path: string, root: RootDatabase<Buffer, Uint8Array>) {
    this.#path = path;
    this.#root = root;
    for (const key of root.getKeys()) {
      // LMDB's binding ends names with a zero byte.
      const name = Buffer.from(key).toString('utf8').replace(/\0$/, '');
      this.#tables.set(name, this.#openTable(name));
    }
  }

  /**
   * Opens the environment in directory `path`, or makes one. Only for a directory that this process owns: the native library may end
   * the process on a damaged file.
   * @throws {StorageDamagedError} `store-unreadable`.
   */
  static async open(path: string): Promise<LmdbKvStore> {
    const { open } = await import('lmdb');
    try {
      return new LmdbKvStore(path, open<Buffer, Uint8Array>(path, { ...BINARY, ...ENVIRONMENT }));
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  transact(operations: readonly KvOperation[]): Promise<void> {
    const done = this.#queue.then(async () => {
      if (this.#failure !== null) throw this.#failure;
      try {
        await this.#commit(operations);
      } catch (error) {
        this.#failure = error instanceof RangeError ? error : await this.#failed(error);
        throw this.#failure;
      }
    });
    this.#queue = done.catch(() => undefined);
    return done;
  }

  get(database: string, key: Uint8Array): Uint8Array | undefined {
    return this.#reader(undefined, this.#tables).get(database, key);
  }

  range(database: string, range?: KvRange): Iterable<readonly [Uint8Array, Uint8Array]> {
    return this.#reader(undefined, this.#tables).range(database, range);
  }

  databases(): string[] {
    return this.#reader(undefined, this.#tables).databases();
  }

  view(): KvView {
    const transaction = this.#root.useReadTransaction();
    const reader = this.#reader(transaction, new Map(this.#tables));
    this.#views++;
    let isOpen = true;
    return {
      ...reader,
      release: () => {
        if (!isOpen) return;
        isOpen = false;
        this.#views--;
        transaction.done();
      },
    };
  }

  /** May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#queue;
    this.#failure ??= new StorageFailedError('io', `${this.#path} is closed`);
    await this.#root.close();
  }

  async #commit(operations: readonly KvOperation[]): Promise<void> {
    for (const operation of operations) {
      if (operation.kind !== 'drop' && (operation.key.length === 0 || operation.key.length > MAX_KEY_BYTES)) throw new RangeError(`key of ${operation.key.length} bytes, limit ${MAX_KEY_BYTES}`);
      if (operation.kind === 'put' && !this.#tables.has(operation.database)) await this.#createTable(operation.database);
    }
    const gone = this.#droppedForGood(operations);
    const writes: Promise<unknown>[] = [];
    writes.push(
      this.#root.batch(() => {
        for (const operation of operations) {
          const table = this.#tables.get(operation.database);
          if (table === undefined) continue;
          if (operation.kind === 'put') writes.push(table.put(operation.key, asBuffer(operation.value)));
          else if (operation.kind === 'remove') writes.push(table.remove(operation.key));
          else writes.push(table.clearAsync());
        }
        for (const database of gone) {
          const table = this.#tables.get(database);
          if (table !== undefined) writes.push(table.drop());
        }
      }),
    );
    // Every promise of a failed commit rejects: all are heard, one is thrown.
    const failed = (await Promise.allSettled(writes)).find((one) => one.status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
    for (const database of gone) this.#tables.delete(database);
  }

  /** Databases with nothing put after their drop. While a view is open the name stays, empty: its handle must remain valid. */
  #droppedForGood(operations: readonly KvOperation[]): ReadonlySet<string> {
    const gone = new Set<string>();
    for (const operation of operations) {
      if (operation.kind === 'drop') gone.add(operation.database);
      else if (operation.kind === 'put') gone.delete(operation.database);
    }
    return this.#views === 0 ? gone : new Set();
  }

  /** Inside a transaction of LMDB's thread: one of our own would hold up the event loop, and with it heartbeats, for as long as an fsync takes. */
  async #createTable(name: string): Promise<void> {
    const table = await this.#root.transaction(() => {
      this.#root.resetReadTxn(); // opening ends the current read transaction, which may be that of a view
      return this.#openTable(name);
    });
    this.#tables.set(name, table);
  }

  #openTable(name: string): Table {
    return this.#root.openDB<Buffer, Uint8Array>(name, { ...BINARY });
  }

  #reader(transaction: Transaction | undefined, tables: ReadonlyMap<string, Table>): KvReader {
    const within = transaction === undefined ? {} : { transaction };
    const guarded = <T>(read: () => T): T => {
      try {
        return read();
      } catch (error) {
        throw unreadable(this.#path, error);
      }
    };
    return {
      get: (database, key) =>
        guarded(() => {
          const value = key.length === 0 || key.length > MAX_KEY_BYTES ? undefined : tables.get(database)?.get(key, within);
          return value === undefined ? undefined : Uint8Array.from(value);
        }),
      range: (database, range = {}) => copies(tables.get(database), { ...rangeOptions(range), ...within }, this.#path),
      databases: () => guarded(() => [...tables].filter(([, table]) => !isEmpty(table, within)).map(([name]) => name).sort()),
    };
  }

  async #failed(error: unknown): Promise<Error> {
    const cause = await causeOf(error);
    const isFull = /MDB_MAP_FULL|ENOSPC|No space left/.test(cause.message) || cause.code === 28 || cause.code === 122 || (await this.#isDiskFull());
    return new StorageFailedError(isFull ? 'full' : 'io', `commit to ${this.#path} failed: ${cause.message}`, { cause });
  }

  async #isDiskFull(): Promise<boolean> {
    try {
      const { bavail, bsize } = await statfs(this.#path);
      return bavail * bsize < FULL_BELOW_BYTES;
    } catch {
      return false; // The commit's own error counts, not this one.
    }
  }
}

function* copies(table: Table | undefined, options: RangeOptions, path: string): Generator<readonly [Uint8Array, Uint8Array]> {
  if (table === undefined) return;
  const rows = table.getRange(options)[Symbol.iterator]();
  try {
    for (;;) {
      const row = step(rows, path);
      if (row === null) return;
      yield row;
    }
  } finally {
    rows.return?.();
  }
}

function step(rows: Iterator<{ key: Uint8Array; value: Buffer }>, path: string): readonly [Uint8Array, Uint8Array] | null {
  try {
    const next = rows.next();
    return next.done === true ? null : [Uint8Array.from(next.value.key), Uint8Array.from(next.value.value)];
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** LMDB walks down from `start`, which it includes, to `end`, which it leaves out; ours is always `[from, until)`. */
function rangeOptions({ from, until, reverse, limit }: KvRange): RangeOptions {
  const options: RangeOptions = limit === undefined ? {} : { limit };
  if (reverse !== true) {
    if (from !== undefined) options.start = asBuffer(from);
    if (until !== undefined) options.end = asBuffer(until);
    return options;
  }
  options.reverse = true;
  if (until !== undefined) Object.assign(options, { start: asBuffer(until), exclusiveStart: true });
  Object.assign(options, { end: from === undefined ? LEAST_KEY : asBuffer(from), inclusiveEnd: true });
  return options;
}

function isEmpty(table: Table, within: RangeOptions): boolean {
  for (const _ of table.getKeys({ limit: 1, ...within })) return false;
  return true;
}

/** What LMDB's thread met: a rejected commit carries it as a promise. */
async function causeOf(error: unknown): Promise<Error & { code?: unknown }> {
  if (error instanceof Error && 'commitError' in error) {
    try {
      await error.commitError;
    } catch (inner) {
      if (inner instanceof Error) return inner;
    }
  }
  return error instanceof Error ? error : new Error(String(error));
}

function unreadable(path: string, error: unknown): StorageDamagedError {
  return new StorageDamagedError('store-unreadable', path, error instanceof Error ? error.message : String(error), { cause: error });
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
