import type { Configuration } from '../../../src/engine/core/configuration.ts';
import type { Entry } from '../../../src/engine/core/entry.ts';
import type { EntryKind } from '../../../src/engine/core/types.ts';
import type { KvStore } from '../../../src/engine/ports/kv-store.ts';
import type { Identity, NamedSnapshot, StorageWrite } from '../../../src/engine/ports/storage.ts';
import { initialise } from '../../../src/engine/storage/initialise.ts';
import { LogStorage } from '../../../src/engine/storage/log-storage.ts';

export const IDENTITY: Identity = { clusterId: 'c-1', generation: 1, memberId: 'n1', name: 'first', machine: 'kv' };

export const CONFIGURATION: Configuration = {
  members: ['n1', 'n2', 'n3'].map((id) => ({ id, name: id, address: `127.0.0.1:${2000 + Number(id.slice(1))}`, role: 'voter' as const })),
  tombstones: ['n0'],
  changes: [],
};

export function entry(index: number, term = 1, payload: Uint8Array | string = `payload ${index}`, kind: EntryKind = 'command'): Entry {
  return { index, term, kind, wallClockMs: 1_700_000_000_000 + index, payload: typeof payload === 'string' ? Uint8Array.from(Buffer.from(payload)) : payload };
}

/** Entries `[from, until)` of one term. */
export function entries(from: number, until: number, term = 1, bytes?: number): Entry[] {
  return Array.from({ length: until - from }, (_, n) => entry(from + n, term, bytes === undefined ? `payload ${from + n}` : new Uint8Array(bytes).fill(from + n)));
}

export function write(parts: Partial<StorageWrite>): StorageWrite {
  return { hardState: null, truncateFrom: null, entries: [], install: null, ...parts };
}

export function snapshotAt(index: number, term: number, chainHash: string): NamedSnapshot {
  return { id: `${term}-${index}-0123456789abcdef`, index, term, chainHash, configuration: { index: 1, configuration: CONFIGURATION } };
}

/** A member of a new cluster, open. */
export async function newStorage(kv: KvStore): Promise<LogStorage> {
  await initialise(kv, IDENTITY, CONFIGURATION);
  const storage = new LogStorage(kv);
  await storage.open();
  return storage;
}

/** Entries in a form that compares: payloads as text. */
export function plain(list: readonly Entry[]): object[] {
  return list.map((one) => ({ ...one, payload: Buffer.from(one.payload).toString('hex') }));
}
