import fs from 'node:fs';
import path from 'node:path';
import type { Configuration } from '../core/configuration.ts';
import { InspectorError, RefusedError } from '../errors.ts';
import { syncDirectory } from '../files/new-file.ts';
import { RAFT_DIRECTORY, SNAPSHOT_DIRECTORY, STATE_DIRECTORY } from '../native/layout.ts';
import type { Identity } from '../ports/storage.ts';
import { initialise } from '../storage/initialise.ts';
import { keepBallast } from './ballast.ts';
import { ConfigError } from './config-error.ts';
import type { NodeConfig } from './config.ts';
import { openEnvironment } from './environment.ts';

export interface Initialised {
  readonly dataDir: string;
  readonly identity: Identity;
  /** Null: it joins a running cluster. */
  readonly members: Configuration['members'] | null;
  readonly ballast: ReturnType<typeof keepBallast>;
}

/**
 * Makes the data directory of a member, once: beside its place, then renamed, so that it is whole or not there.
 * @throws {RefusedError} `not-empty` when something lies there.
 */
export async function initMember(config: NodeConfig): Promise<Initialised> {
  const { dataDir, member, clusterId, machine } = config;
  refuseTaken(dataDir);
  const aside = `${dataDir}.new-${process.pid}`;
  try {
    fs.mkdirSync(path.dirname(dataDir), { recursive: true });
    fs.rmSync(aside, { recursive: true, force: true });
    for (const name of ['', RAFT_DIRECTORY, SNAPSHOT_DIRECTORY, STATE_DIRECTORY]) fs.mkdirSync(path.join(aside, name), { mode: 0o700 });
    const identity: Identity = { clusterId, generation: config.generation ?? 1, memberId: member.id, name: member.name, machine };
    const configuration = config.initialMembers.length === 0 ? null : bootstrapConfiguration(config);
    const store = await openEnvironment(path.join(aside, RAFT_DIRECTORY));
    try {
      await initialise(store, identity, configuration);
    } finally {
      await store.close();
    }
    const ballast = keepBallast(aside, config.ballastBytes);
    for (const directory of [path.join(aside, RAFT_DIRECTORY), aside]) syncDirectory(directory);
    refuseTaken(dataDir);
    fs.renameSync(aside, dataDir);
    syncDirectory(path.dirname(dataDir));
    return { dataDir, identity, members: configuration?.members ?? null, ballast };
  } catch (error) {
    throw toInitError(error, config);
  } finally {
    fs.rmSync(aside, { recursive: true, force: true });
  }
}

/** What the file system objects to, with the place in the configuration it comes from. */
function toInitError(error: unknown, { file, dataDir }: NodeConfig): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof InspectorError || typeof code !== 'string') return error;
  return new ConfigError(file, 'dataDir', `${dataDir} cannot be made (${code})`, code === 'ENOSPC' ? 'Free space on that disk' : 'Name a directory that this user may make', { cause: error });
}

/** The same on every initial member, whatever the order in its file: ordered by id. */
export function bootstrapConfiguration({ initialMembers }: Pick<NodeConfig, 'initialMembers'>): Configuration {
  const members = [...initialMembers].sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ id, name, address }) => ({ id, name, address, role: 'voter' as const }));
  return { members, tombstones: [], changes: [] };
}

function refuseTaken(dataDir: string): void {
  let names: string[];
  try {
    names = fs.readdirSync(dataDir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    throw new RefusedError('not-empty', `${dataDir} cannot be used (${code ?? 'unknown error'})`, 'Name a directory that is new or empty: dataDir in the configuration', { cause: error });
  }
  // A file system of its own brings this directory with it.
  const taken = names.filter((name) => name !== 'lost+found');
  if (taken.length === 0 && names.length === 0) return;
  if (taken.length === 0) throw new RefusedError('not-empty', `${dataDir} is the root of a file system`, 'Name a directory below it: it is put in its place by a rename');
  const isMember = taken.includes(RAFT_DIRECTORY);
  throw new RefusedError(
    'not-empty',
    isMember ? `${dataDir} holds a member already` : `${dataDir} is not empty (${taken.slice(0, 3).join(', ')}${taken.length > 3 ? ', ...' : ''})`,
    isMember ? 'Start it: raft-inspector node start --config <file>; a member is made once' : 'Name a directory that is new or empty: dataDir in the configuration',
  );
}
