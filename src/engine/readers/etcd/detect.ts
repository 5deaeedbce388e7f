import { FileSource } from '../file-source.ts';
import type { ReadOptions } from '../../model/reading.ts';
import { findDataDir } from './data-dir.ts';

const BOLT_MAGIC = 0xed0cdaed;

/** Whether the place is an etcd member's: by the names of its files, a lone db also by bbolt's magic number. */
export function detectEtcd(place: string, options: ReadOptions): boolean {
  try {
    const found = findDataDir(place, options.walDir);
    if (!found) return false;
    return found.shape !== 'db' || !found.db || hasBoltMagic(found.db.path);
  } catch {
    return false;
  }
}

function hasBoltMagic(file: string): boolean {
  using source = FileSource.open(file);
  return [0, 4096, 16384, 65536].some((page) => {
    const bytes = source.read(page + 16, 4);
    return bytes.length === 4 && (bytes.readUInt32LE() === BOLT_MAGIC || bytes.readUInt32BE() === BOLT_MAGIC);
  });
}
