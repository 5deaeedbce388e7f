import fs from 'node:fs';
import path from 'node:path';
import { open } from 'lmdb';
import type { Database, RootDatabase } from 'lmdb';
import type { Configuration } from '../../src/engine/core/configuration.ts';
import { encodeConfiguration } from '../../src/engine/core/configuration.ts';
import type { Entry, HardState } from '../../src/engine/core/entry.ts';
import { KvMachine } from '../../src/engine/machines/kv/kv-machine.ts';
import { encodeKvCommand } from '../../src/engine/native/kv-command.ts';
import type { Disk, DiskFile } from '../../src/engine/ports/disk.ts';
import type { KvOperation, KvRange, KvStore, KvView } from '../../src/engine/ports/kv-store.ts';
import type { SnapshotManifest } from '../../src/engine/ports/snapshot-files.ts';
import type { Identity, NamedSnapshot } from '../../src/engine/ports/storage.ts';
import { initialise } from '../../src/engine/storage/initialise.ts';
import { LogStorage } from '../../src/engine/storage/log-storage.ts';
import { SnapshotFileStore } from '../../src/engine/storage/snapshot-files.ts';

/** An lmdb environment as a `KvStore`, as small as tests need it; opened with the options of the engine. */
export class FileKvStore implements KvStore {
  private readonly root: RootDatabase<Buffer, Buffer>;
  private readonly open = new Map<string, Database<Buffer, Buffer>>();

  constructor(directory: string) {
    fs.mkdirSync(directory, { recursive: true });
    this.root = open<Buffer, Buffer>({ path: directory, overlappingSync: false, noSubdir: false, maxDbs: 64, encoding: 'binary', keyEncoding: 'binary', pageSize: 4096 });
    for (const key of this.root.getKeys()) this.database(keyText(key));
  }

  private database(name: string): Database<Buffer, Buffer> {
    let database = this.open.get(name);
    if (database === undefined) {
      database = this.root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' });
      this.open.set(name, database);
    }
    return database;
  }

  get(database: string, key: Uint8Array): Uint8Array | undefined {
    const value = this.open.has(database) ? this.database(database).get(Buffer.from(key)) : undefined;
    return value && Uint8Array.from(value);
  }

  *range(database: string, range: KvRange = {}): Iterable<readonly [Uint8Array, Uint8Array]> {
    if (!this.open.has(database)) return;
    const { from, until, limit, reverse } = range;
    const rows = [...this.database(database).getRange({})].map(({ key, value }) => [Uint8Array.from(key), Uint8Array.from(value)] as const);
    const inside = rows.filter(([key]) => (from === undefined || Buffer.compare(key, from) >= 0) && (until === undefined || Buffer.compare(key, until) < 0));
    if (reverse === true) inside.reverse();
    yield* inside.slice(0, limit ?? inside.length);
  }

  databases(): string[] {
    return [...this.open.keys()].sort();
  }

  async transact(operations: readonly KvOperation[]): Promise<void> {
    const dropped = operations.flatMap((one) => (one.kind === 'drop' && this.open.has(one.database) ? [one.database] : []));
    for (const one of operations) if (one.kind === 'put') this.database(one.database);
    this.root.transactionSync(() => {
      for (const one of operations) {
        const database = this.open.get(one.database);
        if (database === undefined) continue;
        if (one.kind === 'put') database.putSync(Buffer.from(one.key), Buffer.from(one.value));
        else if (one.kind === 'remove') database.removeSync(Buffer.from(one.key));
        else database.clearSync();
      }
    });
    for (const name of dropped) {
      if (operations.some((one) => one.kind === 'put' && one.database === name)) continue;
      this.database(name).dropSync();
      this.open.delete(name);
    }
    await this.root.flushed;
  }

  view(): KvView {
    const rows = new Map(this.databases().map((name) => [name, [...this.range(name)]]));
    return {
      get: (database, key) => rows.get(database)?.find(([one]) => Buffer.compare(one, key) === 0)?.[1],
      range: (database, { from } = {}) => (rows.get(database) ?? []).filter(([key]) => from === undefined || Buffer.compare(key, from) >= 0),
      databases: () => [...rows.keys()],
      release: () => {},
    };
  }

  async close(): Promise<void> {
    await this.root.close();
  }
}

/** Names in the root end with a zero byte. */
function keyText(key: Buffer): string {
  const text = Buffer.from(key).toString('latin1');
  return text.endsWith('\0') ? text.slice(0, -1) : text;
}

/** Files below a real directory. */
export function realDisk(root: string): Disk {
  const at = (name: string): string => path.join(root, name);
  return {
    async open(name, mode): Promise<DiskFile> {
      const handle = await fs.promises.open(at(name), mode === 'read' ? 'r' : mode === 'create' ? 'w+' : fs.constants.O_RDWR | fs.constants.O_CREAT);
      return {
        async read(position, length) {
          const bytes = Buffer.alloc(length);
          return bytes.subarray(0, (await handle.read(bytes, 0, length, position)).bytesRead);
        },
        async write(position, bytes) {
          await handle.write(bytes, 0, bytes.length, position);
        },
        truncate: (bytes) => handle.truncate(bytes),
        sync: () => handle.sync(),
        size: async () => (await handle.stat()).size,
        close: () => handle.close(),
      };
    },
    rename: (from, to) => fs.promises.rename(at(from), at(to)),
    remove: (name) => fs.promises.rm(at(name)),
    list: async (name) => (fs.existsSync(at(name)) ? fs.readdirSync(at(name)).sort() : []),
    makeDirectory: async (name) => void fs.mkdirSync(at(name), { recursive: true }),
    syncDirectory: async () => {},
  };
}

export function threeMembers(ids: readonly string[] = ['n1', 'n2', 'n3']): Configuration {
  return { members: ids.map((id, i) => ({ id, name: `name-${id}`, address: `127.0.0.1:${7001 + i}`, role: 'voter' })), tombstones: [], changes: [] };
}

export function identityOf(memberId: string, over: Partial<Identity> = {}): Identity {
  return { clusterId: 'c1', generation: 1, memberId, name: `name-${memberId}`, machine: 'kv', ...over };
}

/** A real data directory, written by the engine's own storage and state machine. */
export class NativeWriter {
  private next = 1;
  private last = { term: 0, index: 0 };
  private hardState: HardState = { term: 0, vote: '', commit: 0 };
  private names: readonly NamedSnapshot[] = [];
  private configuration: Configuration | null = null;
  private configurationIndex = 0;

  private constructor(
    readonly directory: string,
    private readonly identity: Identity,
    private readonly storage: LogStorage,
    private readonly files: SnapshotFileStore,
    private readonly machine: KvMachine,
  ) {}

  static async create(directory: string, identity: Identity, configuration: Configuration | null): Promise<NativeWriter> {
    const kv = new FileKvStore(path.join(directory, 'raft'));
    await initialise(kv, identity, configuration);
    fs.mkdirSync(path.join(directory, 'snapshots'), { recursive: true });
    const storage = new LogStorage(kv);
    const machine = new KvMachine(new FileKvStore(path.join(directory, 'state')));
    const writer = new NativeWriter(directory, identity, storage, new SnapshotFileStore(realDisk(directory)), machine);
    const state = await storage.open();
    await machine.open();
    writer.hardState = state.hardState;
    if (configuration !== null) {
      [writer.next, writer.last, writer.configuration, writer.configurationIndex] = [2, { term: 1, index: 1 }, configuration, 1];
      await machine.apply([], 1);
    }
    return writer;
  }

  /** One commit of commands `put <key> = <value>` in `term`; `commit` is what the hard state then says. */
  async puts(term: number, pairs: readonly (readonly [key: string, value: string | Uint8Array])[], options: { commit?: number; noop?: boolean } = {}): Promise<void> {
    const entries: Entry[] = [];
    const add = (kind: Entry['kind'], payload: Uint8Array): void => void entries.push({ index: this.next++, term, kind, wallClockMs: Date.UTC(2026, 0, 2) + this.next * 1000, payload });
    if (options.noop === true) add('noop', new Uint8Array());
    for (const [key, value] of pairs) add('command', encodeKvCommand({ op: 'put', key: Buffer.from(key), value: Buffer.from(value) }));
    await this.write(entries, options.commit);
  }

  async configure(term: number, configuration: Configuration, commit?: number): Promise<void> {
    const index = this.next++;
    [this.configuration, this.configurationIndex] = [configuration, index];
    await this.write([{ index, term, kind: 'confChange', wallClockMs: Date.UTC(2026, 0, 2), payload: encodeConfiguration(configuration) }], commit);
  }

  private async write(entries: readonly Entry[], commit = this.hardState.commit): Promise<void> {
    const last = entries.at(-1);
    if (last !== undefined) this.last = { term: last.term, index: last.index };
    this.hardState = { term: Math.max(this.hardState.term, this.last.term), vote: this.hardState.vote, commit };
    await this.storage.commit({ hardState: this.hardState, truncateFrom: null, entries, install: null });
    const applied = this.storage.entries(this.machine.appliedIndex() + 1, commit + 1, 1 << 30);
    if (applied.length > 0) await this.machine.apply(applied.filter((one) => one.kind === 'command'), commit);
  }

  async vote(term: number, vote: string): Promise<void> {
    this.hardState = { ...this.hardState, term, vote };
    await this.storage.commit({ hardState: this.hardState, truncateFrom: null, entries: [], install: null });
  }

  async truncate(from: number): Promise<void> {
    this.next = from;
    await this.storage.commit({ hardState: null, truncateFrom: from, entries: [], install: null });
  }

  /** A snapshot at the commit index, named by the storage. */
  async snapshot(): Promise<SnapshotManifest> {
    const view = await this.machine.snapshot();
    const { index } = view;
    const [entry] = this.storage.entries(index, index + 1, 1);
    const chainHash = this.storage.chainHash(index);
    if (this.configuration === null || entry === undefined || chainHash === null) throw new Error('nothing to take a snapshot of');
    const configuration = { index: this.configurationIndex, configuration: this.configuration };
    const { clusterId, generation, machine } = this.identity;
    const head = { clusterId, generation, machine, index, term: entry.term, chainHash, configuration, featureLevel: 1, stateHash: view.stateHash, takenAtMs: Date.UTC(2026, 0, 3) };
    const manifest = await this.files.write(head, view.chunks());
    view.release();
    this.names = [{ id: manifest.id, index, term: entry.term, chainHash, configuration }, ...this.names].slice(0, 2);
    await this.storage.commit({ hardState: null, truncateFrom: null, entries: [], install: null, snapshots: this.names });
    return manifest;
  }

  trim(firstIndex: number): Promise<void> {
    return this.storage.trim(firstIndex);
  }

  async close(): Promise<void> {
    const view = await this.machine.snapshot(); // stores what is applied
    view.release();
    await this.storage.close();
    await this.machine.close();
  }
}
