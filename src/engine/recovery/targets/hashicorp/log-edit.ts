import path from 'node:path';
import type { LogIndex, Term } from '../../../core/types.ts';
import { InspectorError } from '../../../errors.ts';
import type { FileChange } from '../../../model/plan.ts';
import { BoltFile } from '../../../readers/bbolt/file.ts';
import { FileSource, isFile } from '../../../readers/file-source.ts';
import type { RaftLayout } from '../../../readers/hashicorp/layout.ts';
import { rewriteBoltStore } from '../../../writers/hashicorp/bolt-store.ts';
import { encodeMsgpackLog, type AppendedAtForm } from '../../../writers/hashicorp/msgpack-bytes.ts';
import { encodeBinaryLog, writeSegment } from '../../../writers/hashicorp/wal-segment.ts';
import { planEmptyWal, planWalChange, readWalList, rewriteWalMeta } from '../../../writers/hashicorp/wal-store.ts';
import type { LogEdit } from './raft-append-parameters.ts';

/** How the log is cut and written to: which files, of what store. */
export interface LogCut {
  /** `empty`: nothing of it stays, the snapshot at `keepTo` stands for it. */
  how: 'cut' | 'empty';
  keepTo: LogIndex;
  /** Last entry that is stored. */
  lastStored: LogIndex;
  now: Date;
}

/** Works out which files a cut of the log touches. @throws {RefusedError} As `planWalChange`. */
export function planLogEdit(layout: RaftLayout, cut: LogCut): LogEdit {
  if (layout.store === 'raft-boltdb') {
    const { root, log, stable } = layout;
    return { store: 'raft-boltdb', files: { log, stable, logLost: !opens(root, log), stableLost: !opens(root, stable) } };
  }
  const list = readWalList(path.join(layout.root, layout.stable), layout.stable);
  const createTime = cut.now.toISOString();
  const change = cut.how === 'empty' ? planEmptyWal(list, cut.keepTo, createTime) : planWalChange(list, cut.lastStored, cut.keepTo, createTime);
  return { store: 'raft-wal', directory: layout.log, meta: layout.stable, change };
}

function opens(root: string, name: string): boolean {
  try {
    using source = FileSource.open(path.join(root, name), name);
    return BoltFile.open(source).bucketNames().length > 0;
  } catch {
    return false; // damaged or missing: then it begins anew
  }
}

/** Words for the changes; those to term and log are given by who wants them. */
export interface ChangeLines {
  log: string[];
  /** Null: the file with the term is not touched for its own sake. */
  stable: string[] | null;
}

/**
 * The changed files in the order in which they take their places; after each the directory is one a server may start from: first the
 * term, which alone changes nothing else, then the log. A new segment is there before the list names it, and an old one goes after.
 */
export function fileChanges(dataDir: string, edit: LogEdit, lines: ChangeLines): FileChange[] {
  if (edit.store === 'raft-wal') return walChanges(dataDir, edit, lines);
  const { log, stable } = edit.files;
  if (log === stable) return [change(dataDir, log, [...lines.log, ...(lines.stable ?? [])])];
  return [...(lines.stable === null ? [] : [change(dataDir, stable, lines.stable)]), change(dataDir, log, lines.log)];
}

function walChanges(dataDir: string, { directory, meta, change: wal }: LogEdit & { store: 'raft-wal' }, lines: ChangeLines): FileChange[] {
  const at = (name: string): string => inDirectory(directory, name);
  const segment = change(dataDir, at(wal.segment.file), lines.log);
  const touchesMeta = wal.list !== null || lines.stable !== null;
  const listLines = wal.list === null ? [] : [`~ segment list: ${wal.list.Segments.length} segments, the last begins at ${wal.segment.baseIndex}`];
  const metaChanges = touchesMeta ? [change(dataDir, meta, [...(lines.stable ?? []), ...listLines])] : [];
  const removed = wal.removed.filter((name) => isFile(path.join(dataDir, at(name)))).map((name) => removal(dataDir, at(name)));
  return wal.list === null ? [...metaChanges, segment] : [segment, ...metaChanges, ...removed];
}

/** A segment's path below the data directory. */
export function inDirectory(directory: string, name: string): string {
  return directory === '.' ? name : `${directory}/${name}`;
}

export function change(dataDir: string, name: string, lines: string[]): FileChange {
  const bytes = sizeOf(dataDir, name);
  return { path: name, kind: bytes === null ? 'create' : 'replace', bytesBefore: bytes, bytesAfter: null, lines };
}

function removal(dataDir: string, name: string): FileChange {
  return { path: name, kind: 'remove', bytesBefore: sizeOf(dataDir, name), bytesAfter: null, lines: ['- no longer in the segment list'] };
}

function sizeOf(dataDir: string, name: string): number | null {
  const file = path.join(dataDir, name);
  if (!isFile(file)) return null;
  using source = FileSource.open(file, name);
  return source.size;
}

/** What the log ends with, written by `buildLogEdit`. */
export interface LogEnd {
  keepTo: LogIndex;
  coveredTo: LogIndex;
  /** New current term; null keeps the stored one, and the file it is in where the log does not lie in it too. */
  currentTerm: Term | null;
  entry: { index: LogIndex; term: Term; type: number; data: Uint8Array; appendedAt: AppendedAtForm; unixMs: number } | null;
}

/** Writes the files that `fileChanges` lists. */
export function buildLogEdit(dataDir: string, into: string, edit: LogEdit, end: LogEnd): void {
  if (edit.store === 'raft-wal') buildWal(dataDir, into, edit, end);
  else buildBolt(dataDir, into, edit.files, end);
}

function buildBolt(dataDir: string, into: string, files: (LogEdit & { store: 'raft-boltdb' })['files'], end: LogEnd): void {
  const { keepTo, coveredTo, currentTerm, entry } = end;
  const from = (name: string, isLost: boolean): string | null => (isLost ? null : path.join(dataDir, name));
  const append = entry && { index: entry.index, value: encodeMsgpackLog(entry, entry.appendedAt, entry.unixMs) };
  const isOne = files.log === files.stable;
  if (!isOne && currentTerm !== null) {
    const edits = { keepTo: Number.MAX_SAFE_INTEGER, coveredTo: 0, append: null, currentTerm };
    rewriteBoltStore(from(files.stable, files.stableLost), path.join(into, files.stable), files.stable, edits);
  }
  const edits = { keepTo, coveredTo, append, currentTerm: isOne ? currentTerm : null };
  rewriteBoltStore(from(files.log, files.logLost), path.join(into, files.log), files.log, edits);
}

function buildWal(dataDir: string, into: string, { directory, meta, change: wal }: LogEdit & { store: 'raft-wal' }, { currentTerm, entry }: LogEnd): void {
  if (wal.list !== null || currentTerm !== null) rewriteWalMeta(path.join(dataDir, meta), path.join(into, meta), meta, wal.list, currentTerm);
  const { file, keepTo, ...segment } = wal.segment;
  const name = inDirectory(directory, file);
  writeSegment(path.join(into, name), {
    ...segment,
    keep: keepTo === null ? null : { file: path.join(dataDir, name), name, to: keepTo },
    entry: entry && encodeBinaryLog(entry, entry.unixMs),
  });
}

/** The form of `AppendedAt` in the newest entry of a bolt log; `absent` where there is none, which every version reads. */
export function storedTimeForm(layout: RaftLayout, form: (value: Uint8Array) => AppendedAtForm): AppendedAtForm {
  if (layout.store !== 'raft-boltdb' || !opens(layout.root, layout.log)) return 'absent';
  try {
    using source = FileSource.open(path.join(layout.root, layout.log), layout.log);
    const logs = BoltFile.open(source).bucket('logs');
    const key = logs?.lastKey() ?? null;
    const value = key === null ? null : (logs?.get(key) ?? null);
    return value === null ? 'absent' : form(value);
  } catch (error) {
    if (error instanceof InspectorError) return 'absent'; // its last page is damaged
    throw error;
  }
}
