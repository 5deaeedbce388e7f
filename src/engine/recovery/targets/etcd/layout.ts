import fs from 'node:fs';
import path from 'node:path';
import { RefusedError } from '../../../errors.ts';
import type { FileChange } from '../../../model/plan.ts';
import type { DataDir } from '../../../readers/etcd/data-dir.ts';

/** Where a member's files lie below its data directory, spelled with `/`; empty for the data directory itself. */
export interface EtcdLayout {
  walDir: string;
  snapDir: string;
  db: string;
  /** The smallest directory that holds log and snapshots: what is exchanged when both change. */
  common: string;
}

/**
 * @throws {RefusedError} `not-a-data-directory` for single files; `wal-apart` when the log lies outside of the data directory, so that
 * one exchange cannot replace both.
 */
export function layoutOf(directory: DataDir, hasLog: boolean): EtcdLayout {
  const { shape, segments, snapDir, snapPrefix, root } = directory;
  if (shape !== 'member' || snapDir === null) {
    throw new RefusedError('not-a-data-directory', `${root} holds only a part of a member`, 'Name the data directory, with member/wal and member/snap in it');
  }
  if (segments.length === 0 && hasLog) {
    const hint = 'Copy the log into member/wal of a copy of the data directory, make the plan there, and start etcd without --wal-dir; or name the directory that holds both';
    throw new RefusedError('wal-apart', 'the write-ahead log lies outside of the data directory: both cannot be replaced as one', hint);
  }
  const snaps = snapPrefix.replace(/\/$/, '');
  const member = snaps.includes('/') ? snaps.slice(0, snaps.lastIndexOf('/')) : '';
  const first = segments[0]?.name;
  const wal = first === undefined ? join(member, 'wal') : first.slice(0, Math.max(0, first.lastIndexOf('/')));
  const common = wal === join(member, 'wal') ? member : '';
  return { walDir: wal, snapDir: snaps, db: join(snaps, 'db'), common };
}

export function join(...parts: string[]): string {
  return parts.filter((part) => part !== '').join('/');
}

/** Names of a directory below the data directory with their sizes; regular files only. */
export function filesIn(dataDir: string, below: string): { path: string; name: string; bytes: number }[] {
  const directory = path.join(dataDir, below);
  if (!fs.existsSync(directory)) return [];
  const entries = fs.readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map(({ name }) => ({ path: join(below, name), name, bytes: fs.statSync(path.join(directory, name)).size })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Preallocated segments that the server makes in advance. It writes to them in place: where a whole directory is exchanged they must not be
 * shared with the old one, and it makes new ones anyway.
 */
export function spareFiles(dataDir: string, { walDir }: EtcdLayout): FileChange[] {
  const spare = filesIn(dataDir, walDir).filter(({ name }) => isSpare(name));
  return spare.map(({ path: file, bytes }) => ({ path: file, kind: 'remove', bytesBefore: bytes, bytesAfter: null, lines: [] }));
}

export function isSpare(name: string): boolean {
  return /^\d+\.tmp$/.test(name);
}
