import path from 'node:path';
import { RefusedError } from '../errors.ts';
import { copyFile, keepFacts } from '../files/copy.ts';
import { type FileOps, REAL_FILES } from '../files/file-ops.ts';
import { listTree } from '../files/tree.ts';
import type { Progress } from '../model/reading.ts';

/** Room for what a started server writes, besides the data itself. */
const SPARE_BYTES = 128 * 1024 * 1024;

/**
 * Copies a directory to a new place, sharing blocks or keeping holes; `from` is only read.
 * @returns Files copied, and the bytes they take on the disk.
 * @throws {RefusedError} `no-space` before anything is copied; `symlink`.
 */
export async function copyTree(from: string, to: string, options: { progress?: Progress | undefined; ops?: FileOps } = {}): Promise<{ files: number; bytes: number }> {
  const { progress, ops = REAL_FILES } = options;
  const names = listTree(from, ops);
  const files = names.filter((one) => one.facts.kind === 'file');
  const bytes = files.reduce((sum, one) => sum + one.facts.allocatedBytes, 0);
  const free = ops.freeBytes(path.dirname(to));
  // Twice: what is changed is written anew beside the copy.
  if (free !== null && free < 2 * bytes + SPARE_BYTES) {
    throw new RefusedError('no-space', `${free} bytes are free in ${path.dirname(to)}, about ${2 * bytes + SPARE_BYTES} are needed for the copy`, 'Name a directory with more room with --scratch');
  }
  ops.makeDirectory(to, 0o700);
  let done = 0;
  for (const { path: below, facts } of names) {
    const target = path.join(to, below);
    if (facts.kind === 'directory') {
      ops.makeDirectory(target, facts.mode);
      continue;
    }
    await copyFile(path.join(from, below), target, ops);
    done += facts.allocatedBytes;
    progress?.(done, bytes, `copy ${below}`);
  }
  for (const { path: below, facts } of names) if (facts.kind === 'directory') keepFacts(path.join(to, below), facts, ops);
  return { files: files.length, bytes };
}
