import path from 'node:path';
import { CorruptDataError, UnreadableError } from '../../errors.ts';
import { finding, type Finding } from '../../model/finding.ts';
import type { ReadOptions } from '../../model/reading.ts';
import { FileSource, isFile } from '../file-source.ts';
import type { DataDir } from './data-dir.ts';
import { readEtcdDb, type EtcdDb } from './db/index.ts';

/** The member's `db` as read; `problem` says why it is not to be relied on. */
export interface Backend {
  db: EtcdDb | null;
  name: string | null;
  bytes: number | null;
  mtimeMs: number;
  problem: string | null;
  findings: Finding[];
  source: Pick<FileSource, 'inode'> | null;
}

/** A server that writes moves the file under the reader; it is read again this often before it is taken as it is. */
const ATTEMPTS = 3;
const FIX = 'Take the state of another member, or a snapshot file';

/** Reads `member/snap/db` (or `file` in its place). Damage ends as findings and `problem`. */
export function readBackend(place: { path: string; name: string } | null, options: ReadOptions): Backend {
  const nothing: Backend = { db: null, name: place?.name ?? null, bytes: null, mtimeMs: 0, problem: 'there is no db', findings: [], source: null };
  if (!place) return nothing;
  try {
    return readAttempts(place, options, ATTEMPTS);
  } catch (error) {
    if (!(error instanceof CorruptDataError) && !(error instanceof UnreadableError)) throw error;
    const byteOffset = error instanceof CorruptDataError ? error.byteOffset : null;
    const bad = finding('db-unreadable', 'error', error.problem, { file: place.name, byteOffset, fix: FIX });
    return { ...nothing, ...sizeOf(place), problem: `its db cannot be read: ${error.problem}`, findings: [bad] };
  }
}

function readAttempts(place: { path: string; name: string }, options: ReadOptions, attempts: number): Backend {
  for (let left = attempts; ; left--) {
    using source = FileSource.open(place.path, place.name);
    const db = readEtcdDb(source, { depth: options.depth ?? 'full', ...(options.progress ? { progress: options.progress } : {}) });
    const moved = db.bolt.movedOn();
    if (moved && left > 1) continue;
    const findings = [...db.findings];
    if (moved) findings.push(finding('inconsistent-view', 'info', 'a server wrote to the db while it was read: parts may be of different moments', { file: place.name }));
    const problem = db.problem && !moved ? `its db is damaged: ${db.problem.problem}` : null;
    return { db, name: place.name, bytes: source.size, mtimeMs: source.mtimeMs, problem, findings, source: { inode: source.inode } };
  }
}

function sizeOf(place: { path: string; name: string }): Partial<Backend> {
  try {
    using source = FileSource.open(place.path, place.name);
    return { bytes: source.size, mtimeMs: source.mtimeMs, source: { inode: source.inode } };
  } catch {
    return {};
  }
}

/** `<index>.snap.db`: a backend received from a leader and not yet swapped in, which etcd would take at its next start. */
export function pendingBackend(directory: DataDir, index: number): { path: string; name: string } | null {
  if (!directory.snapDir) return null;
  const name = `${index.toString(16).padStart(16, '0')}.snap.db`;
  const file = path.join(directory.snapDir, name);
  return isFile(file) ? { path: file, name: directory.snapPrefix + name } : null;
}
