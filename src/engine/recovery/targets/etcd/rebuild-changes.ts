import type { FileChange } from '../../../model/plan.ts';
import { snapName } from '../../../readers/etcd/snap-file.ts';
import { segmentName } from '../../../readers/etcd/wal-segments.ts';
import { filesIn, isSpare, join } from './layout.ts';
import type { RebuildParameters } from './parameters.ts';

/** Places of the files that a rebuild writes, below the data directory. */
export function rebuiltFiles({ walDir, snapDir, db, snapshot }: RebuildParameters): { wal: string; snap: string; db: string } {
  return { wal: join(walDir, segmentName(0, snapshot.index)), snap: join(snapDir, snapName(snapshot)), db };
}

/**
 * What a rebuild does to each file: one segment, one snapshot and the db are written, all other segments, snapshots and half-made files of
 * the server go; what is none of the server's stays.
 */
export function rebuildChanges(dataDir: string, parameters: RebuildParameters, lines: { wal: string[]; snap: string[]; db: string[] }): FileChange[] {
  const made = rebuiltFiles(parameters);
  const there = [...filesIn(dataDir, parameters.walDir).filter(({ name }) => isOfLog(name)), ...filesIn(dataDir, parameters.snapDir).filter(({ name }) => isOfSnap(name))];
  const written = ([['wal', made.wal], ['snap', made.snap], ['db', made.db]] as const).map(([part, path]): FileChange => {
    const before = there.find((file) => file.path === path);
    return { path, kind: before ? 'replace' : 'create', bytesBefore: before?.bytes ?? null, bytesAfter: null, lines: lines[part] };
  });
  const names = new Set<string>(written.map(({ path }) => path));
  const gone = there.filter(({ path }) => !names.has(path)).map(({ path, bytes }): FileChange => ({ path, kind: 'remove', bytesBefore: bytes, bytesAfter: null, lines: [] }));
  return [...written, ...gone];
}

function isOfLog(name: string): boolean {
  return name.endsWith('.wal') || isSpare(name);
}

function isOfSnap(name: string): boolean {
  return name === 'db' || name.endsWith('.snap') || name.endsWith('.snap.db') || name.startsWith('db.tmp') || name.startsWith('tmp');
}
