import fs from 'node:fs';
import path from 'node:path';
import { LmdbKvStore } from '../../../adapters/lmdb-kv-store.ts';
import { copyFile } from '../../../files/copy.ts';
import { syncDirectory } from '../../../files/new-file.ts';
import { RAFT_DIRECTORY } from '../../../native/layout.ts';
import { checkBeforeOpen, DATA_FILE } from '../../../native/pages/check-before-open.ts';
import { StorageDamagedError } from '../../../ports/damage.ts';
import type { KvStore } from '../../../ports/kv-store.ts';
import { planNativeBootstrap } from '../../../storage/bootstrap.ts';
import type { BuildRequest } from '../target.ts';
import { readParameters } from './parameters.ts';

/** Path of the one file that a native recovery changes, below the data directory. */
export const CHANGED_FILE = `${RAFT_DIRECTORY}/${DATA_FILE}`;

/**
 * Writes `raft/data.mdb` of the new lineage: a copy of the old one, and one transaction on it. LMDB works in a directory of its own,
 * because it makes a lock file and the one beside the result may be a link to the original's.
 */
export async function buildNative({ dataDir, into, parameters, progress }: BuildRequest): Promise<void> {
  const bootstrap = readParameters(parameters);
  const target = path.join(into, CHANGED_FILE);
  const workshop = fs.mkdtempSync(path.join(into, '.native-'));
  try {
    const copy = path.join(workshop, DATA_FILE);
    await copyFile(path.join(dataDir, CHANGED_FILE), copy);
    const bytes = fs.statSync(copy).size;
    progress?.(bytes, bytes, CHANGED_FILE);
    await editStore(workshop, (store) => store.transact(planNativeBootstrap(store, bootstrap)));
    publish(copy, target);
  } finally {
    fs.rmSync(workshop, { recursive: true, force: true });
  }
}

/** Opens the environment in `directory`, which nobody else has, after a look at its pages; closes and syncs it behind. */
export async function editStore(directory: string, edit: (store: KvStore) => Promise<void>): Promise<void> {
  const check = checkBeforeOpen(directory);
  if (!check.ok) throw new StorageDamagedError('environment-damaged', check.byteOffset === null ? check.file : `${check.file}, byte ${check.byteOffset}`, check.problem);
  const store = await LmdbKvStore.open(directory);
  try {
    await edit(store);
  } finally {
    await store.close();
  }
  const fd = fs.openSync(path.join(directory, DATA_FILE), 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Gives the finished file its place, never over another one, durably. */
function publish(finished: string, target: string): void {
  fs.mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 });
  fs.linkSync(finished, target);
  syncDirectory(path.dirname(target));
}
