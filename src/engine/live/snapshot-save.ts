import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { cannotWrite, linkNew, syncDirectory } from '../files/new-file.ts';

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
  if (fs.existsSync(file)) throw cannotWrite(file, { code: 'EEXIST' });
  const directory = path.dirname(file);
  const aside = path.join(directory, `.${path.basename(file)}.${process.pid}.part`);
  try {
    const digest = crypto.createHash('sha256');
    let bytes = 0;
    const handle = await fs.promises.open(aside, 'wx', 0o600).catch((cause: unknown) => {
      throw cannotWrite(file, cause);
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
    syncDirectory(directory);
    return { path: file, bytes, sha256: digest.digest('hex') };
  } finally {
    fs.rmSync(aside, { force: true });
  }
}
