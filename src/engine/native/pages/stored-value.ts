import fs from 'node:fs';
import path from 'node:path';
import { DATA_FILE } from './check-before-open.ts';
import { descriptorSource } from './descriptor-source.ts';
import { openLmdb } from './lmdb-file.ts';

/**
 * One value of an LMDB environment, as its newest transaction left it; null when it is not there or cannot be read. Takes no lock and
 * makes no file: a process may have the environment open.
 */
export function storedValue(directory: string, database: string, key: Uint8Array): Uint8Array | null {
  const file = path.join(directory, DATA_FILE);
  let fd: number;
  try {
    fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch {
    return null;
  }
  try {
    const stat = fs.fstatSync(fd);
    if (!stat.isFile() || stat.size === 0) return null;
    const found = openLmdb(descriptorSource(fd, file, stat.size)).views[0]?.get(database, Buffer.from(key));
    return found !== undefined && 'value' in found ? Uint8Array.from(found.value) : null;
  } finally {
    fs.closeSync(fd);
  }
}
