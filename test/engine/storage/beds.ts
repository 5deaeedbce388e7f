import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { LmdbKvStore } from '../../../src/engine/adapters/lmdb-kv-store.ts';
import type { KvStore } from '../../../src/engine/ports/kv-store.ts';
import { MemoryKvStore } from '../../helpers/memory-kv-store.ts';
import type { KvBed } from './kv-conformance.ts';

export async function memoryBed(): Promise<KvBed> {
  let newest = new MemoryKvStore();
  return await Promise.resolve({
    kv: newest,
    reopen: () => {
      newest = newest.reopen();
      return Promise.resolve(newest);
    },
    dispose: () => Promise.resolve(),
  });
}

export function scratch(name: string): Promise<string> {
  return fs.mkdtemp(path.join(os.tmpdir(), `raft-inspector-${name}-`));
}

export async function lmdbBed(): Promise<KvBed> {
  const directory = await scratch('lmdb');
  const open: KvStore[] = [];
  const openOne = async (): Promise<KvStore> => {
    const kv = await LmdbKvStore.open(directory);
    open.push(kv);
    return kv;
  };
  return {
    kv: await openOne(),
    reopen: async () => {
      for (const kv of open) await kv.close();
      return await openOne();
    },
    dispose: async () => {
      for (const kv of open) await kv.close();
      await fs.rm(directory, { recursive: true });
    },
  };
}
