import fs from 'node:fs';
import path from 'node:path';
import { LmdbKvStore } from '../../src/engine/adapters/lmdb-kv-store.ts';
import { NodeDisk } from '../../src/engine/adapters/node-disk.ts';
import type { Configuration } from '../../src/engine/core/configuration.ts';
import { encodeConfiguration } from '../../src/engine/core/configuration.ts';
import type { Entry, HardState } from '../../src/engine/core/entry.ts';
import { KvMachine } from '../../src/engine/machines/kv/kv-machine.ts';
import { encodeKvCommand } from '../../src/engine/native/kv-command.ts';
import type { KvStore } from '../../src/engine/ports/kv-store.ts';
import type { SnapshotManifest } from '../../src/engine/ports/snapshot-files.ts';
import type { Identity, NamedSnapshot } from '../../src/engine/ports/storage.ts';
import { initialise } from '../../src/engine/storage/initialise.ts';
import { LogStorage } from '../../src/engine/storage/log-storage.ts';
import { SnapshotFileStore } from '../../src/engine/storage/snapshot-files.ts';

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
    private readonly state: KvStore,
  ) {}

  static async create(directory: string, identity: Identity, configuration: Configuration | null): Promise<NativeWriter> {
    const kv = await LmdbKvStore.open(path.join(directory, 'raft'));
    await initialise(kv, identity, configuration);
    fs.mkdirSync(path.join(directory, 'snapshots'), { recursive: true });
    const storage = new LogStorage(kv);
    const state = await LmdbKvStore.open(path.join(directory, 'state'));
    const machine = new KvMachine(state);
    const writer = new NativeWriter(directory, identity, storage, new SnapshotFileStore(new NodeDisk(directory)), machine, state);
    const stored = await storage.open();
    await machine.open();
    writer.hardState = stored.hardState;
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

  /** What a follower does with a leader's snapshot: the file of `from`, named, in place of the whole log. */
  async install(from: string, manifest: SnapshotManifest): Promise<void> {
    const { id, index, term, chainHash, configuration } = manifest;
    fs.copyFileSync(path.join(from, 'snapshots', `${id}.snap`), path.join(this.directory, 'snapshots', `${id}.snap`));
    this.hardState = { term, vote: '', commit: index };
    await this.storage.commit({ hardState: this.hardState, truncateFrom: null, entries: [], install: { snapshot: { id, index, term, chainHash, configuration }, keepSuffix: false } });
    this.next = index + 1;
  }

  trim(firstIndex: number): Promise<void> {
    return this.storage.trim(firstIndex);
  }

  async close(): Promise<void> {
    const view = await this.machine.snapshot(); // stores what is applied
    view.release();
    await this.storage.close();
    await this.machine.close();
    await this.state.close();
  }
}
