import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.ts';

export interface SavedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Writes a stream to a new file, whole or not at all and never over another one: a file beside it, synced, checked by the caller, then
 * linked into place. The commit point is the link.
 * @param check Looks at the finished file before it gets its name; throws when it is not what it should be.
 * @throws {UsageError} When the file exists, or the place cannot be written.
 */
export async function saveStream(file: string, chunks: AsyncIterable<Uint8Array>, check: (aside: string) => Promise<void>, progress?: (bytes: number) => void): Promise<SavedFile> {
  if (fs.existsSync(file)) throw exists(file);
  const directory = path.dirname(file);
  const aside = path.join(directory, `.${path.basename(file)}.${process.pid}.part`);
  try {
    const digest = crypto.createHash('sha256');
    let bytes = 0;
    const handle = await fs.promises.open(aside, 'wx', 0o600).catch((cause: NodeJS.ErrnoException) => {
      throw new UsageError(`${file} cannot be written: ${cause.code ?? cause.message}`, 'Name a file in a directory you may write to with -o', { cause });
    });
    try {
      for await (const chunk of chunks) {
        await handle.writeFile(chunk);
        digest.update(chunk);
        bytes += chunk.length;
        progress?.(bytes);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await check(aside);
    linkNew(aside, file);
    await syncDirectory(directory);
    return { path: file, bytes, sha256: digest.digest('hex') };
  } finally {
    fs.rmSync(aside, { force: true });
  }
}

function linkNew(aside: string, file: string): void {
  try {
    fs.linkSync(aside, file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw exists(file);
    throw new UsageError(`${file} cannot be written: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`, 'Name a file in a directory you may write to with -o', { cause });
  }
}

function exists(file: string): UsageError {
  return new UsageError(`${file} exists already`, 'Name another file with -o: nothing is overwritten');
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await fs.promises.open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
