import fs from 'node:fs';
import path from 'node:path';
import { BALLAST_FILE } from '../native/layout.ts';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Keeps a file of `bytes` beside the data, really written, so that a full disk can be relieved by removing it and the member can start
 * again. Where the disk has no room for it the member starts all the same and says so.
 * @returns Whether it is there now, in full.
 */
export function keepBallast(dataDir: string, bytes: number): 'kept' | 'none-wanted' | 'no-room' {
  const file = path.join(dataDir, BALLAST_FILE);
  if (bytes === 0) return 'none-wanted';
  const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size === bytes) return 'kept';
  const aside = `${file}.new`;
  try {
    const fd = fs.openSync(aside, 'w', 0o600);
    try {
      // Zeros would do on most file systems; some store them as holes.
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, bytes), 'ballast ');
      for (let at = 0; at < bytes; at += chunk.length) fs.writeSync(fd, chunk, 0, Math.min(chunk.length, bytes - at));
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(aside, file);
    return 'kept';
  } catch (error) {
    fs.rmSync(aside, { force: true });
    if (['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) return 'no-room';
    throw error;
  }
}

/** Frees the room, so that recovery can write. */
export function dropBallast(dataDir: string): void {
  fs.rmSync(path.join(dataDir, BALLAST_FILE), { force: true });
}
