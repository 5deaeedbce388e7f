import path from 'node:path';
import type { FileOps } from './file-ops.ts';

/** Makes the content of a file, or the names in a directory, durable. */
export function syncPath(ops: FileOps, file: string): void {
  const fd = ops.open(file, 'read');
  try {
    ops.fsync(fd);
  } finally {
    ops.close(fd);
  }
}

/** Makes a directory and those above it that are missing, each durable. */
export function makeDirectories(ops: FileOps, directory: string, mode: number): void {
  if (ops.facts(directory) !== null) return;
  const parent = path.dirname(directory);
  makeDirectories(ops, parent, mode);
  ops.makeDirectory(directory, mode);
  syncPath(ops, parent);
}

/** Writes a file whole under a name beside it, and gives it its name, over an older one, in one step. `<file>.part` is the name beside. */
export function replaceDurably(ops: FileOps, file: string, text: string, mode: number): void {
  const aside = `${file}.part`;
  removeTree(ops, aside);
  const fd = ops.open(aside, 'create', mode);
  try {
    ops.write(fd, Buffer.from(text), 0);
    ops.fsync(fd);
  } finally {
    ops.close(fd);
  }
  ops.rename(aside, file);
  syncPath(ops, path.dirname(file));
}

/** Renames and makes both names durable. */
export function renameDurably(ops: FileOps, from: string, to: string): void {
  ops.rename(from, to);
  syncPath(ops, path.dirname(to));
  if (path.dirname(from) !== path.dirname(to)) syncPath(ops, path.dirname(from));
}

/** Removes a file, or a directory with all that is in it; links are removed, not followed. Nothing there is fine. */
export function removeTree(ops: FileOps, file: string): void {
  const facts = ops.facts(file);
  if (facts === null) return;
  if (facts.kind !== 'directory') {
    ops.unlink(file);
    return;
  }
  // A directory that its owner closed to himself is opened first: what cannot be listed cannot be removed.
  if ((facts.mode & 0o700) !== 0o700) ops.setMode(file, 0o700);
  for (const name of ops.list(file)) removeTree(ops, path.join(file, name));
  ops.removeDirectory(file);
}

/** The whole content of a small file; null when there is none. @throws {RangeError} When it is longer than `maxBytes`. */
export function readSmallFile(ops: FileOps, file: string, maxBytes: number): Buffer | null {
  const facts = ops.facts(file);
  if (facts === null) return null;
  if (facts.kind !== 'file') throw new RangeError(`${file} is not a plain file`);
  if (facts.bytes > maxBytes) throw new RangeError(`${file} has ${facts.bytes} bytes, limit ${maxBytes}`);
  const fd = ops.open(file, 'read');
  try {
    const bytes = Buffer.alloc(facts.bytes);
    return bytes.subarray(0, ops.read(fd, bytes, 0));
  } finally {
    ops.close(fd);
  }
}
