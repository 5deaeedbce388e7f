import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, realpath, rename, unlink, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { RefusedError } from '../errors.ts';
import type { Disk, DiskFile } from '../ports/disk.ts';

const MODES = {
  read: constants.O_RDONLY,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
  update: constants.O_RDWR | constants.O_CREAT,
} as const;

/** Files of the real machine, below one directory. No symbolic link is followed, neither as a file nor on the way to one. */
export class NodeDisk implements Disk {
  readonly #root: string;

  /** @param root An existing directory; what leads to it may be links. */
  constructor(root: string) {
    this.#root = root;
  }

  async open(file: string, mode: 'read' | 'create' | 'update'): Promise<DiskFile> {
    const full = await this.#inside(file);
    // A FIFO put in the file's place must not hold us for ever: O_NONBLOCK changes nothing for files.
    const handle = await open(full, MODES[mode] | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600);
    try {
      if (!(await handle.stat()).isFile()) throw new RefusedError('not-a-file', `${full} is no regular file`, 'Remove what was put in its place');
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new NodeDiskFile(handle);
  }

  async rename(from: string, to: string): Promise<void> {
    await rename(await this.#inside(from), await this.#inside(to));
  }

  async remove(file: string): Promise<void> {
    await unlink(await this.#inside(file));
  }

  async list(directory: string): Promise<string[]> {
    try {
      return (await readdir(await this.#inside(directory))).sort();
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
  }

  /** Also makes the new names durable: the directories above are fsynced. */
  async makeDirectory(directory: string): Promise<void> {
    const full = await this.#inside(directory);
    const firstMade = await mkdir(full, { recursive: true, mode: 0o700 });
    if (firstMade === undefined) return;
    for (let one = full; one.length >= firstMade.length; one = path.dirname(one)) await syncDirectory(path.dirname(one));
  }

  async syncDirectory(directory: string): Promise<void> {
    await syncDirectory(await this.#inside(directory));
  }

  /** The full path, after every directory on the way was looked at. */
  async #inside(relative: string): Promise<string> {
    const parts = relative === '' ? [] : relative.split('/');
    if (path.isAbsolute(relative) || parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'))) {
      throw new RefusedError('path-outside', `"${relative}" does not stay below ${this.#root}`, 'Names of files come from the program: please report this');
    }
    let full = await realpath(this.#root);
    for (const part of parts) {
      full = path.join(full, part);
      if (await isLink(full)) throw new RefusedError('symlink', `${full} is a symbolic link`, 'Put the files themselves there: links below a data directory are not followed');
    }
    return full;
  }
}

class NodeDiskFile implements DiskFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.#handle.read(bytes, done, length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  }

  /** A short write is gone on with; the error it hides comes with the next call. */
  async write(position: number, bytes: Uint8Array): Promise<void> {
    let done = 0;
    while (done < bytes.length) done += (await this.#handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }

  async truncate(bytes: number): Promise<void> {
    await this.#handle.truncate(bytes);
  }

  async sync(): Promise<void> {
    await this.#handle.sync();
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

async function isLink(full: string): Promise<boolean> {
  try {
    return (await lstat(full)).isSymbolicLink();
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return false;
    throw error;
  }
}

async function syncDirectory(full: string): Promise<void> {
  const handle = await open(full, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
