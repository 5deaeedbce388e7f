import fs from 'node:fs';

const MODE = 0o600;
const BUFFER_BYTES = 1 << 20;

/** A file being written: created by us alone, in order, and on the disk when `finish` returns. */
export class FileWriter {
  /** Bytes given so far. */
  bytes = 0;
  private readonly fd: number;
  private held: Uint8Array[] = [];
  private heldBytes = 0;

  /** @throws {Error} `EEXIST` when there is such a file: nothing is ever overwritten. */
  constructor(file: string) {
    this.fd = fs.openSync(file, 'wx', MODE);
  }

  /** The bytes are kept until they are written with others: they must not change afterwards. */
  write(bytes: Uint8Array): void {
    this.held.push(bytes);
    this.heldBytes += bytes.length;
    this.bytes += bytes.length;
    if (this.heldBytes >= BUFFER_BYTES) this.flush();
  }

  private flush(): void {
    const bytes = Buffer.concat(this.held);
    const at = this.bytes - this.heldBytes;
    for (let done = 0; done < bytes.length; ) done += fs.writeSync(this.fd, bytes, done, bytes.length - done, at + done);
    this.held = [];
    this.heldBytes = 0;
  }

  /** @param size Where the file is longer than what was written: the rest is a hole that reads as zeros. */
  finish(size = 0): void {
    this.flush();
    if (size > this.bytes) fs.ftruncateSync(this.fd, size);
    fs.fsyncSync(this.fd);
    fs.closeSync(this.fd);
  }

  abandon(): void {
    fs.closeSync(this.fd);
  }
}

/** Writes a file through `write`; a failure closes it and is passed on (what was written is left to the caller's staging directory). */
export function writeFile(file: string, write: (writer: FileWriter) => number | void): void {
  const writer = new FileWriter(file);
  let size: number | void;
  try {
    size = write(writer);
  } catch (error) {
    writer.abandon();
    throw error;
  }
  writer.finish(size ?? 0);
}
