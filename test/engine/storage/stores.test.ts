import fs from 'node:fs/promises';
import { NodeDisk } from '../../../src/engine/adapters/node-disk.ts';
import { MemoryDisk } from '../../helpers/memory-disk.ts';
import { lmdbBed, memoryBed, scratch } from './beds.ts';
import { diskConformance } from './disk-conformance.ts';
import { kvConformance } from './kv-conformance.ts';
import { storageConformance } from './storage-conformance.ts';

for (const [name, bed] of [['memory', memoryBed], ['LMDB', lmdbBed]] as const) {
  kvConformance(name, bed);
  storageConformance(name, bed);
}

diskConformance('memory', () => Promise.resolve({ disk: new MemoryDisk(), dispose: () => Promise.resolve() }));
diskConformance('node', async () => {
  const root = await scratch('disk');
  return { disk: new NodeDisk(root), dispose: () => fs.rm(root, { recursive: true }) };
});
