import path from 'node:path';
import { comparePositions, type LogPosition } from '../../core/types.ts';
import { UnreadableError } from '../../errors.ts';
import type { SnapshotReport } from '../../model/member-report.ts';
import { listDirectory } from '../file-source.ts';
import type { DataDir } from './data-dir.ts';
import { parseSnapName, readSnapFile, snapName, type SnapFile } from './snap-file.ts';

/** Stores are read of so many of the newest files: enough for the history of members, bounded for a directory full of files. */
const STORES_READ = 64;

/** All `.snap` files, newest first; one that cannot be read has its problem instead of its content. */
export function readSnapDirectory(directory: DataDir): SnapFile[] {
  const { snapDir, snapPrefix } = directory;
  if (!snapDir) return [];
  const names = listDirectory(snapDir).filter((name) => parseSnapName(name) !== null);
  const snaps = names.reverse().map((name, place) => readOne(path.join(snapDir, name), snapPrefix + name, place < STORES_READ));
  return snaps.sort((a, b) => comparePositions(b.position, a.position));
}

function readOne(file: string, name: string, store: boolean): SnapFile {
  try {
    return readSnapFile(file, name, { store });
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    const position = parseSnapName(path.basename(file)) ?? { term: 0, index: 0 };
    return { file: name, position, bytes: 0, problem: error.problem, confState: null, store: null, mtimeMs: 0 };
  }
}

/** Snapshots that a start could load: sound, and named by a valid snapshot record of the log, which is one not above the commit. */
export function usableSnaps(snaps: readonly SnapFile[], named: readonly LogPosition[], commit: number): SnapFile[] {
  const valid = new Set(named.filter(({ index }) => index <= commit).map(({ term, index }) => `${term}/${index}`));
  return snaps.filter(({ position, problem }) => problem === null && valid.has(`${position.term}/${position.index}`));
}

/** The newest snapshot that the log names, when no file of the directory holds it. */
export function missingSnap(directory: DataDir, snaps: readonly SnapFile[], named: readonly LogPosition[], commit: number): SnapshotReport | null {
  if (!directory.snapDir) return null;
  const newest = named.filter(({ index }) => index > 0 && index <= commit).reduce<LogPosition | null>((best, one) => (best && comparePositions(best, one) >= 0 ? best : one), null);
  if (!newest || snaps.some(({ position }) => comparePositions(position, newest) === 0)) return null;
  return { file: directory.snapPrefix + snapName(newest), ...newest, bytes: 0, status: 'bad', confState: null };
}

export function toSnapshotReport({ file, position, bytes, problem, confState }: SnapFile): SnapshotReport {
  return { file, term: position.term, index: position.index, bytes, status: problem === null ? 'verified' : 'bad', confState };
}
