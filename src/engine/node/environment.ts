import fs from 'node:fs';
import path from 'node:path';
import { LmdbKvStore } from '../adapters/lmdb-kv-store.ts';
import { RefusedError } from '../errors.ts';
import { RAFT_DIRECTORY } from '../native/layout.ts';
import { decodeIdentity, decodeSnapshotNames } from '../native/named-records.ts';
import { checkBeforeOpen } from '../native/pages/check-before-open.ts';
import { StorageDamagedError } from '../ports/damage.ts';
import type { KvReader, KvStore } from '../ports/kv-store.ts';
import type { SnapshotFiles } from '../ports/snapshot-files.ts';
import type { Identity } from '../ports/storage.ts';
import { readMeta } from '../storage/meta.ts';
import type { NodeConfig } from './config.ts';

/**
 * Opens an LMDB environment after looking at its pages: what is damaged would end the process inside the library, without a word.
 * @throws {StorageDamagedError} `environment-damaged`, with the file and the place.
 */
export async function openEnvironment(directory: string): Promise<KvStore> {
  const check = checkBeforeOpen(directory);
  if (!check.ok) throw new StorageDamagedError('environment-damaged', check.byteOffset === null ? check.file : `${check.file}, byte ${check.byteOffset}`, check.problem);
  return LmdbKvStore.open(directory);
}

/** @throws {RefusedError} `not-initialised` when no member was ever made in the data directory. */
export function checkInitialised({ dataDir, file }: Pick<NodeConfig, 'dataDir' | 'file'>): void {
  if (fs.existsSync(path.join(dataDir, RAFT_DIRECTORY))) return;
  const lost = 'if it held a member before, its disk was lost: remove that member and join a new one under another id';
  throw new RefusedError('not-initialised', `${dataDir} holds no member`, `Make it once: raft-inspector node init --config ${file}; ${lost}`);
}

/**
 * A directory belongs to one member of one cluster for ever.
 * @throws {RefusedError} `member-mismatch` when it is another than the configuration's.
 */
export function checkIdentity(reader: KvReader, config: Pick<NodeConfig, 'clusterId' | 'member' | 'machine' | 'dataDir' | 'file'>): Identity {
  const identity = readMeta(reader, 'identity', decodeIdentity);
  const wrong = [
    { what: 'cluster', there: identity.clusterId, wanted: config.clusterId },
    { what: 'member', there: identity.memberId, wanted: config.member.id },
    { what: 'state machine', there: identity.machine, wanted: config.machine },
  ].find(({ there, wanted }) => there !== wanted);
  if (wrong === undefined) return identity;
  throw new RefusedError('member-mismatch', `${config.dataDir} belongs to ${wrong.what} ${wrong.there}, and ${config.file} names ${wrong.wanted}`, 'Correct dataDir, clusterId or member in the configuration: a directory never changes its member');
}

/**
 * Every snapshot that the log names must be there, with a sound head. Found missing only when a lagging member asks for it, it would end
 * the leader of that moment. Their content is checked wherever it is read.
 * @throws {StorageDamagedError} `record-missing` or what the file says.
 */
export async function checkSnapshots(reader: KvReader, files: SnapshotFiles): Promise<void> {
  for (const { id } of readMeta(reader, 'snapshots', decodeSnapshotNames)) await (await files.open(id)).close();
}
