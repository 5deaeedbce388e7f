import path from 'node:path';
import { DriftError, PartialError } from '../../errors.ts';
import { keepOwner } from '../../files/copy.ts';
import { makeDirectories, renameDurably, syncPath } from '../../files/durable.ts';
import type { FileOps } from '../../files/file-ops.ts';
import { hashFile, type TreeFile } from '../../files/tree.ts';
import type { FileChange } from '../../model/plan.ts';
import type { Workplace } from './workplace.ts';

/** What is exchanged: from the files that were there to those that shall be. Either list is of the whole data directory. */
export interface FileSwap {
  readonly changes: readonly Pick<FileChange, 'path' | 'kind'>[];
  readonly before: readonly TreeFile[];
  readonly after: readonly TreeFile[];
}

/**
 * Renames each changed file over, in order, durable one by one. A run that was cut off goes on: what already has its new content is left.
 * @throws {DriftError} `data-moved-on` when a file is neither what it was nor what it shall be; then nothing is touched.
 */
export async function swapFiles(at: Workplace, swap: FileSwap, ops: FileOps, onFile?: (file: string) => void): Promise<void> {
  const states = await Promise.all(swap.changes.map((one) => stateOf(at, one, swap, ops)));
  const odd = swap.changes.filter((_, index) => states[index] === 'other').map((one) => one.path);
  if (odd.length > 0) throw new DriftError('data-moved-on', `${odd.join(', ')}: neither as before the exchange nor as after it`, 'Somebody wrote to the directory in between: nothing more was changed. Find out who, and see: raft-inspector recover status', odd);
  for (const [index, one] of swap.changes.entries()) {
    if (states[index] === 'after') continue;
    const live = path.join(at.dataDir, one.path);
    if (one.kind === 'remove') {
      ops.unlink(live);
      syncPath(ops, path.dirname(live));
    } else {
      makeRoom(at, path.dirname(one.path), ops);
      renameDurably(ops, path.join(at.staging, one.path), live);
    }
    onFile?.(one.path);
  }
  // A file may have its new content because the run before this one was cut off between the rename and its being durable.
  for (const one of swap.changes) if (ops.facts(path.dirname(path.join(at.dataDir, one.path))) !== null) syncPath(ops, path.dirname(path.join(at.dataDir, one.path)));
}

async function stateOf(at: Workplace, change: Pick<FileChange, 'path' | 'kind'>, swap: FileSwap, ops: FileOps): Promise<'before' | 'after' | 'other'> {
  const now = await digestOf(path.join(at.dataDir, change.path), ops);
  const before = swap.before.find((one) => one.path === change.path)?.sha256 ?? null;
  const after = swap.after.find((one) => one.path === change.path)?.sha256 ?? null;
  if (now === after) return 'after';
  if (now !== before) return 'other';
  if (after !== null && (await digestOf(path.join(at.staging, change.path), ops)) !== after) {
    throw new PartialError(`${path.join(at.staging, change.path)}, which was to be exchanged in, is not as it was built`, 'Undo brings the original back: raft-inspector recover undo');
  }
  return 'before';
}

/** Directories that the new file needs, as they were built. */
function makeRoom(at: Workplace, below: string, ops: FileOps): void {
  const missing: string[] = [];
  for (let one = below; one !== '.' && ops.facts(path.join(at.dataDir, one)) === null; one = path.dirname(one)) missing.unshift(one);
  for (const one of missing) {
    makeDirectories(ops, path.join(at.dataDir, one), 0o700);
    const built = ops.facts(path.join(at.staging, one));
    if (built !== null) keepOwner(path.join(at.dataDir, one), built, ops);
  }
}

async function digestOf(file: string, ops: FileOps): Promise<string | null> {
  const facts = ops.facts(file);
  if (facts === null) return null;
  return facts.kind === 'file' ? (await hashFile(file, ops)).sha256 : 'not a file';
}

export interface DirectorySwap {
  /** Below the data directory; empty for the data directory itself. */
  readonly part: string;
  /** Where the present one goes. */
  readonly away: string;
}

/** How far an exchange of directories came, from what lies where. */
export type SwapPlace = 'before' | 'gap' | 'after' | 'foreign';

/** `foreign`: the directory was gone for a moment, and somebody made another one: a supervised server, started in between. */
export function placeOf(at: Workplace, swap: DirectorySwap, ops: FileOps): SwapPlace {
  const isLive = ops.facts(path.join(at.dataDir, swap.part)) !== null;
  const isStaged = ops.facts(path.join(at.staging, swap.part)) !== null;
  const isAway = ops.facts(swap.away) !== null;
  if (!isStaged) return 'after';
  if (!isAway) return 'before';
  return isLive ? 'foreign' : 'gap';
}

/**
 * Exchanges a whole directory for the one that was built, by two renames. Between them there is none: after a crash there this is the
 * first thing to finish.
 * @throws {DriftError} `data-moved-on` when another directory has appeared in its place.
 */
export function swapDirectory(at: Workplace, swap: DirectorySwap, ops: FileOps): void {
  const live = path.join(at.dataDir, swap.part);
  const place = placeOf(at, swap, ops);
  if (place === 'foreign') throw new DriftError('data-moved-on', `${live} was made anew by somebody in the middle of the exchange`, `A server was started meanwhile and began with nothing. Stop it, look at what it made, and move that away: mv ${live} ${live}.empty; then run this again`);
  if (place === 'before') renameDurably(ops, live, swap.away);
  if (place === 'before' || place === 'gap') {
    // The first rename may have been made by a run that was cut off before it was durable.
    if (place === 'gap') for (const directory of [path.dirname(live), path.dirname(swap.away)]) syncPath(ops, directory);
    renameDurably(ops, path.join(at.staging, swap.part), live);
  } else {
    for (const directory of [path.dirname(live), path.dirname(path.join(at.staging, swap.part))]) if (ops.facts(directory) !== null) syncPath(ops, directory);
  }
}
