import fs from 'node:fs';
import path from 'node:path';
import { UnreadableError } from '../errors.ts';

/**
 * A regular file opened read-only, read at offsets. Opening never blocks (a FIFO is refused, not waited for), takes no lock
 * and creates nothing. Sizes come from the open descriptor, so a file that grows under us is read as of its opening.
 */
export class FileSource {
  private constructor(
    readonly path: string,
    /** How the file is named to people: a path below the member's directory. */
    readonly name: string,
    readonly size: number,
    readonly mtimeMs: number,
    readonly inode: { major: number; minor: number; number: number },
    private readonly fd: number,
  ) {}

  /** @throws {UnreadableError} When it is missing, not a regular file, or not permitted. */
  static open(file: string, name = path.basename(file)): FileSource {
    let fd: number;
    try {
      fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    } catch (cause) {
      throw new UnreadableError(name, openProblem(cause), undefined, { cause });
    }
    const stat = fs.fstatSync(fd);
    if (!stat.isFile()) {
      fs.closeSync(fd);
      throw new UnreadableError(name, stat.isDirectory() ? 'is a directory, a file was expected' : 'is not a regular file');
    }
    const inode = { major: (stat.dev >> 8) & 0xfff, minor: (stat.dev & 0xff) | ((stat.dev >> 12) & 0xfff00), number: stat.ino };
    return new FileSource(file, name, stat.size, stat.mtimeMs, inode, fd);
  }

  /**
   * Fills `into` from `offset`; returns the bytes read, fewer only at the end of the file.
   * @throws {UnreadableError} On an I/O error.
   */
  readInto(into: Uint8Array, offset: number): number {
    let done = 0;
    while (done < into.length) {
      let read: number;
      try {
        read = fs.readSync(this.fd, into, done, into.length - done, offset + done);
      } catch (cause) {
        throw new UnreadableError(this.name, `read error at byte ${offset + done}`, 'The disk may be failing: copy it with ddrescue first', { cause });
      }
      if (read === 0) break;
      done += read;
    }
    return done;
  }

  /** A new buffer of `length` bytes from `offset`, shorter only at the end of the file. Bound `length` before calling. */
  read(offset: number, length: number): Buffer {
    const wanted = Math.max(0, Math.min(length, this.size - offset));
    const buffer = Buffer.allocUnsafe(wanted);
    return buffer.subarray(0, this.readInto(buffer, offset));
  }

  /** Consecutive chunks of at most `chunkBytes`; the buffer is reused, so copy what must outlive the step. */
  *chunks(from = 0, to = this.size, chunkBytes = 1 << 20): Generator<Buffer> {
    const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(chunkBytes, to - from)));
    for (let offset = from; offset < to; ) {
      const read = this.readInto(buffer.subarray(0, Math.min(buffer.length, to - offset)), offset);
      if (read === 0) return;
      yield buffer.subarray(0, read);
      offset += read;
    }
  }

  close(): void {
    fs.closeSync(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function openProblem(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
  const words: Record<string, string> = {
    ENOENT: 'no such file',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    ELOOP: 'a loop of symbolic links',
    ENOTDIR: 'part of its path is not a directory',
    ENXIO: 'is not a regular file',
    EIO: 'input/output error',
  };
  return words[code] ?? code;
}

/** Names in a directory, sorted; an empty list when it is missing or not a directory. */
export function listDirectory(directory: string): string[] {
  try {
    return fs.readdirSync(directory).sort();
  } catch {
    return [];
  }
}

/** Whether `file` is a regular file (links followed). Never throws. */
export function isFile(file: string): boolean {
  try {
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Whether `directory` is a directory (links followed). Never throws. */
export function isDirectory(directory: string): boolean {
  try {
    return fs.statSync(directory).isDirectory();
  } catch {
    return false;
  }
}
