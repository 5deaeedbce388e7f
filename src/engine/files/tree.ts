import crypto from 'node:crypto';
import path from 'node:path';
import { RefusedError } from '../errors.ts';
import { type FileFacts, type FileOps, REAL_FILES } from './file-ops.ts';

const CHUNK_BYTES = 1 << 20;
/** A data directory has dozens of files; one with more than this is not one. */
const MOST_FILES = 100_000;

/** A file and what it holds. `path` lies below the root, with `/`. */
export interface TreeFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A name below a root. */
export interface TreeName {
  readonly path: string;
  readonly facts: FileFacts;
}

/** Called now and then: bytes done of bytes in all. */
export type FileProgress = (done: number, total: number, what: string) => void;

/**
 * Every file and directory below `root`, directories before what is in them, names in order; the root itself is left out.
 * Sockets, pipes and devices are left out: a server makes them anew.
 * @throws {RefusedError} `symlink`: what lies behind a link cannot be exchanged.
 */
export function listTree(root: string, ops: FileOps = REAL_FILES): TreeName[] {
  const found: TreeName[] = [];
  const walk = (below: string): void => {
    for (const name of ops.list(path.join(root, below))) {
      const at = below === '' ? name : `${below}/${name}`;
      const facts = ops.facts(path.join(root, at));
      if (facts === null) continue; // gone meanwhile
      if (facts.kind === 'link') throw new RefusedError('symlink', `${path.join(root, at)} is a symbolic link`, 'Work on the directory it leads to, or on a copy made with cp -rL: what lies behind a link cannot be exchanged safely');
      if (facts.kind === 'other') continue;
      found.push({ path: at, facts });
      if (found.length > MOST_FILES) throw new RefusedError('too-many-files', `${root} holds more than ${MOST_FILES} files`, 'Is it the data directory of one member? Name that');
      if (facts.kind === 'directory') walk(at);
    }
  };
  walk('');
  return found;
}

/** The same, plain files only. */
export function listFiles(root: string, ops: FileOps = REAL_FILES): TreeName[] {
  return listTree(root, ops).filter((one) => one.facts.kind === 'file');
}

/** SHA-256 of a file, lower-case hex, and its length as read. Memory is one chunk; long files give way to timers and signals. */
export async function hashFile(file: string, ops: FileOps = REAL_FILES, onBytes?: (bytes: number) => void): Promise<{ sha256: string; bytes: number }> {
  const hash = crypto.createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const fd = ops.open(file, 'read');
  let bytes = 0;
  try {
    for (;;) {
      const read = ops.read(fd, buffer, bytes);
      hash.update(buffer.subarray(0, read));
      bytes += read;
      onBytes?.(read);
      if (read < buffer.length) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    ops.close(fd);
  }
  return { sha256: hash.digest('hex'), bytes };
}

/**
 * Every plain file below `root` with its digest, sorted by path.
 * @throws {RefusedError} `symlink` when a link is among them.
 */
export async function fingerprintTree(root: string, options: { ops?: FileOps; progress?: FileProgress | undefined } = {}): Promise<TreeFile[]> {
  const { ops = REAL_FILES, progress } = options;
  const files = listFiles(root, ops);
  const total = files.reduce((sum, one) => sum + one.facts.bytes, 0);
  let done = 0;
  const found: TreeFile[] = [];
  for (const file of files) {
    const { sha256, bytes } = await hashFile(path.join(root, file.path), ops, (read) => {
      done += read;
      progress?.(done, total, file.path);
    });
    found.push({ path: file.path, bytes, sha256 });
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What differs between two lists of files, in words; empty when they are equal. */
export function differences(expected: readonly TreeFile[], found: readonly TreeFile[]): { path: string; what: string }[] {
  const before = new Map(expected.map((one) => [one.path, one]));
  const after = new Map(found.map((one) => [one.path, one]));
  const rows: { path: string; what: string }[] = [];
  for (const one of expected) {
    const now = after.get(one.path);
    if (now === undefined) rows.push({ path: one.path, what: 'is gone' });
    else if (now.bytes !== one.bytes) rows.push({ path: one.path, what: `has ${now.bytes} bytes, not ${one.bytes}` });
    else if (now.sha256 !== one.sha256) rows.push({ path: one.path, what: 'has other content' });
  }
  for (const one of found) if (!before.has(one.path)) rows.push({ path: one.path, what: 'is new' });
  return rows;
}
