import { spawnSync } from 'node:child_process';
import fs from 'node:fs';

/** What a name stands for; links are not followed. */
export interface FileFacts {
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  readonly bytes: number;
  /** What lies on the disk, holes left out. */
  readonly allocatedBytes: number;
  /** Permission bits, without the kind. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly device: number;
  readonly inode: number;
}

/**
 * The calls that recovery makes on files, one each: a test runs the same code over a file system that it can stop, or pull the plug of,
 * between any two. Errors are those of the system, with their `code`. A name is durable after `fsync` of its directory, content after
 * `fsync` of the file.
 */
export interface FileOps {
  /** `create` fails when the name is taken; `append` makes the file when there is none. A directory is opened with `read`. */
  open(file: string, how: 'read' | 'create' | 'append', mode?: number): number;
  close(fd: number): void;
  /** Bytes read, fewer only at the end. */
  read(fd: number, into: Uint8Array, position: number): number;
  /** Writes all of `bytes`; `position` null: at the end. */
  write(fd: number, bytes: Uint8Array, position: number | null): void;
  truncate(fd: number, bytes: number): void;
  fsync(fd: number): void;
  /** Null when there is nothing of that name. */
  facts(file: string): FileFacts | null;
  /** Names, sorted. */
  list(directory: string): string[];
  makeDirectory(directory: string, mode: number): void;
  removeDirectory(directory: string): void;
  rename(from: string, to: string): void;
  link(from: string, to: string): void;
  unlink(file: string): void;
  setMode(file: string, mode: number): void;
  setOwner(file: string, uid: number, gid: number): void;
  setModified(file: string, mtimeNs: bigint): void;
  /** Copies by sharing blocks, where the file system can; false where it cannot, and then there is no `to`. Never over another file. */
  clone(from: string, to: string): boolean;
  /** Bytes that an ordinary user may still write; null where the system does not tell. */
  freeBytes(directory: string): number | null;
}

const OPEN_FLAGS = {
  read: fs.constants.O_RDONLY | fs.constants.O_NONBLOCK,
  create: fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL,
  append: fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_APPEND,
} as const;

/** The real ones. */
export const REAL_FILES: FileOps = {
  open: (file, how, mode = 0o600) => fs.openSync(file, OPEN_FLAGS[how], mode),
  close: (fd) => fs.closeSync(fd),
  read(fd, into, position) {
    let done = 0;
    while (done < into.length) {
      const read = fs.readSync(fd, into, done, into.length - done, position + done);
      if (read === 0) break;
      done += read;
    }
    return done;
  },
  write(fd, bytes, position) {
    // A short write is how a full disk begins: the next call says so.
    for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done, bytes.length - done, position === null ? null : position + done);
  },
  truncate: (fd, bytes) => fs.ftruncateSync(fd, bytes),
  fsync: (fd) => fs.fsyncSync(fd),
  facts(file) {
    const stat = fs.lstatSync(file, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return null;
    return {
      kind: stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'link' : 'other',
      bytes: Number(stat.size),
      allocatedBytes: Number(stat.blocks) * 512,
      mode: Number(stat.mode) & 0o7777,
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      mtimeNs: stat.mtimeNs,
      device: Number(stat.dev),
      inode: Number(stat.ino),
    };
  },
  list: (directory) => fs.readdirSync(directory).sort(),
  makeDirectory: (directory, mode) => {
    fs.mkdirSync(directory, { mode });
  },
  removeDirectory: (directory) => fs.rmdirSync(directory),
  rename: (from, to) => fs.renameSync(from, to),
  link: (from, to) => fs.linkSync(from, to),
  unlink: (file) => fs.unlinkSync(file),
  setMode: (file, mode) => fs.chmodSync(file, mode),
  setOwner: (file, uid, gid) => fs.chownSync(file, uid, gid),
  setModified(file, mtimeNs) {
    const seconds = Number(mtimeNs / 1_000_000_000n) + Number(mtimeNs % 1_000_000_000n) / 1e9;
    fs.utimesSync(file, seconds, seconds);
    // Node hands times over as doubles, which hold a quarter of a microsecond at best; touch takes every digit.
    if (fs.statSync(file, { bigint: true }).mtimeNs === mtimeNs) return;
    const sign = mtimeNs < 0n ? '-' : '';
    const digits = String(mtimeNs < 0n ? -mtimeNs : mtimeNs).padStart(10, '0');
    spawnSync('touch', ['-m', '-d', `@${sign}${digits.slice(0, -9)}.${digits.slice(-9)}`, '--', file], { stdio: 'ignore' });
  },
  clone(from, to) {
    try {
      fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE_FORCE);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST' || code === 'ENOENT' || code === 'EACCES' || code === 'ENOSPC') throw error;
      fs.rmSync(to, { force: true });
      return false;
    }
  },
  freeBytes(directory) {
    try {
      const { bavail, bsize } = fs.statfsSync(directory);
      return bavail * bsize;
    } catch {
      return null;
    }
  },
};
