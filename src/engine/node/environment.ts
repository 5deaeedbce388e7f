import fs from 'node:fs';
import path from 'node:path';
import { DataLock } from '../adapters/data-lock.ts';
import { LmdbKvStore } from '../adapters/lmdb-kv-store.ts';
import type { Configuration } from '../core/configuration.ts';
import { RefusedError } from '../errors.ts';
import { FENCE_FILE, META_DATABASE, META_KEY, RAFT_DIRECTORY } from '../native/layout.ts';
import { MAX_FENCE_BYTES, parseFence } from '../native/fence-record.ts';
import { decodeIdentity, decodeSnapshotNames } from '../native/named-records.ts';
import { checkBeforeOpen } from '../native/pages/check-before-open.ts';
import { storedValue } from '../native/pages/stored-value.ts';
import { StorageDamagedError } from '../ports/damage.ts';
import type { KvReader, KvStore } from '../ports/kv-store.ts';
import type { SnapshotFiles } from '../ports/snapshot-files.ts';
import type { Identity } from '../ports/storage.ts';
import { readRecoveries } from '../storage/bootstrap.ts';
import { readMeta } from '../storage/meta.ts';
import { readStore } from '../storage/stored-state.ts';
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
 * A directory that a recovery has replaced must never run again: with enough others of its kind it would be a second cluster of the same name.
 * @throws {RefusedError} `fenced`, with what the fence says.
 */
export function checkFence(dataDir: string): void {
  const file = path.join(dataDir, FENCE_FILE);
  const text = readStart(file);
  if (text === null) return;
  const fence = parseFence(text);
  const why = fence === null ? 'its fence file cannot be read' : `${fence.why} (${fence.at}${fence.planId === null ? '' : `, plan ${fence.planId.slice(0, 6)}`})`;
  throw new RefusedError('fenced', `${dataDir} must not be started: ${why}`, `Wipe it and let its member join under a new id; only when the recovery was undone, remove ${file}`);
}

/** The beginning of a small file; null when there is none. */
function readStart(file: string): string | null {
  let fd: number;
  try {
    fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    return ''; // It is there: that fences, whatever it says.
  }
  try {
    const bytes = Buffer.alloc(MAX_FENCE_BYTES + 1);
    return bytes.toString('utf8', 0, fs.readSync(fd, bytes, 0, bytes.length, 0));
  } catch {
    return '';
  } finally {
    fs.closeSync(fd);
  }
}

/** Whose data a directory holds; null when it holds none of ours, or what it holds cannot be read. Looks only: a member may run on it. */
export function identityIn(dataDir: string): Identity | null {
  const bytes = storedValue(path.join(dataDir, RAFT_DIRECTORY), META_DATABASE, META_KEY.identity);
  const identity = bytes === null ? null : decodeIdentity(bytes);
  return identity?.ok === true ? identity.value : null;
}

/**
 * The newest configuration in a directory that nobody runs on; null when its log and snapshots hold none.
 * @throws {RefusedError} `directory-in-use`. @throws {StorageDamagedError} When its store cannot be true.
 */
export async function configurationIn(dataDir: string): Promise<Configuration | null> {
  const lock = DataLock.take(dataDir);
  try {
    const store = await openEnvironment(path.join(dataDir, RAFT_DIRECTORY));
    try {
      return readStore(store).configurations.at(-1)?.configuration ?? null;
    } finally {
      await store.close();
    }
  } finally {
    lock.release();
  }
}

/**
 * A directory belongs to one member of one cluster for ever.
 * @throws {RefusedError} `member-mismatch` when it is another than the configuration's.
 */
export function checkIdentity(reader: KvReader, config: Pick<NodeConfig, 'clusterId' | 'generation' | 'member' | 'machine' | 'dataDir' | 'file'>): Identity {
  const identity = readMeta(reader, 'identity', decodeIdentity);
  const wrong = [
    { what: 'cluster', there: identity.clusterId, wanted: config.clusterId },
    { what: 'generation', there: String(identity.generation), wanted: String(config.generation ?? identity.generation) },
    { what: 'member', there: identity.memberId, wanted: config.member.id },
    { what: 'state machine', there: identity.machine, wanted: config.machine },
  ].find(({ there, wanted }) => there !== wanted);
  if (wrong === undefined) return identity;
  const said = `${config.dataDir} belongs to ${wrong.what} ${wrong.there}, and ${config.file} names ${wrong.wanted}`;
  const recovery = `A recovery made this directory member ${identity.memberId} of generation ${identity.generation}: set member: {id: ${identity.memberId}} and generation: ${identity.generation}, remove initialMembers and join, and give it a certificate of its own`;
  throw new RefusedError('member-mismatch', said, readRecoveries(reader).length > 0 ? recovery : 'Correct dataDir, clusterId, generation or member in the configuration: a directory never changes its member');
}

/**
 * Every snapshot that the log names must be there, with a sound head. Found missing only when a lagging member asks for it, it would end
 * the leader of that moment. Their content is checked wherever it is read.
 * @throws {StorageDamagedError} `record-missing` or what the file says.
 */
export async function checkSnapshots(reader: KvReader, files: SnapshotFiles): Promise<void> {
  for (const { id } of readMeta(reader, 'snapshots', decodeSnapshotNames)) await (await files.open(id)).close();
}
