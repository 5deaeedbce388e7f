import path from 'node:path';
import { DataLock } from '../../adapters/data-lock.ts';
import { RefusedError } from '../../errors.ts';
import { makeDirectories, removeTree, renameDurably, syncPath } from '../../files/durable.ts';
import { type FileOps, REAL_FILES } from '../../files/file-ops.ts';
import { listTree } from '../../files/tree.ts';

/** Where a directory is built: beside its place, so that a rename is one step; a run that was killed leaves only this. */
export function asideOf(target: string): string {
  return path.join(path.dirname(target), `.${path.basename(target)}.restore`);
}

/**
 * Makes a whole new directory or none: `build` fills one beside its place, everything in it is made durable, `check` looks at it, and a
 * rename gives it its name. What a run that was killed left is removed first.
 * @throws {RefusedError} `not-empty` when something of that name exists.
 */
export async function buildWhole<T>(into: string, build: (directory: string) => Promise<T>, check: (directory: string, built: T) => Promise<void>, ops: FileOps = REAL_FILES): Promise<T> {
  const target = path.resolve(into);
  const home = asideOf(target);
  removeAside(target, ops);
  makeDirectories(ops, path.dirname(target), 0o755);
  const release = soleRun(home, ops);
  try {
    const directory = path.join(home, path.basename(target));
    const built = await build(directory);
    for (const { path: below } of listTree(directory, ops)) syncPath(ops, path.join(directory, below));
    syncPath(ops, directory);
    await check(directory, built);
    // Somebody may have made it meanwhile: a rename would go over an empty directory without a word.
    refuseTaken(target, ops);
    renameDurably(ops, directory, target);
    return built;
  } finally {
    removeTree(ops, home);
    release();
    syncPath(ops, path.dirname(target));
  }
}

/** Removes what a run that was killed left, and refuses when the place is taken: before the snapshot is read for a long time. */
export function removeAside(into: string, ops: FileOps = REAL_FILES): void {
  const home = asideOf(path.resolve(into));
  if (ops.facts(home) !== null) {
    const release = soleRun(home, ops);
    removeTree(ops, home);
    release();
  }
  refuseTaken(path.resolve(into), ops);
}

/**
 * Two runs must not build in one place: one would give its name to what the other has half done. A simulated disk has one run only.
 * @throws {RefusedError} `restore-running`.
 */
function soleRun(home: string, ops: FileOps): () => void {
  try {
    if (ops.facts(home) === null) ops.makeDirectory(home, 0o700);
    if (ops !== REAL_FILES) return () => undefined;
    const lock = DataLock.take(home);
    return () => lock.release();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // Made or removed by another run in this very moment.
    const isRace = code === 'EEXIST' || code === 'ENOENT';
    if (!isRace && !(cause instanceof RefusedError)) throw cause;
    throw new RefusedError('restore-running', `another run is making this directory, in ${home}`, 'Wait until it has ended, or stop it and run this again', { cause });
  }
}

export function refuseTaken(target: string, ops: FileOps = REAL_FILES): void {
  const facts = ops.facts(target);
  if (facts === null) return;
  const names = facts.kind === 'directory' ? ops.list(target) : [];
  throw new RefusedError('not-empty', `${target} exists already${names.length === 0 ? '' : ` and holds ${names.slice(0, 3).join(', ')}`}`, 'Name a directory that does not exist: nothing is ever overwritten');
}
