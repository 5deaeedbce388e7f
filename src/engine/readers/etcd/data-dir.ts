import path from 'node:path';
import { isDirectory, isFile, listDirectory } from '../file-source.ts';
import { parseSnapName } from './snap-file.ts';
import { listSegments, loneSegment, parseSegmentName, type WalSegment } from './wal-segments.ts';

/** Where the parts of one member lie. A part that is not there is null or empty. */
export interface DataDir {
  root: string;
  /** `wal`: only a log; `db`: only a backend; `member`: the usual directory, whatever is missing in it. */
  shape: 'member' | 'wal' | 'db';
  segments: WalSegment[];
  snapDir: string | null;
  /** Prefix of names shown for files of the snap directory. */
  snapPrefix: string;
  db: { path: string; name: string } | null;
}

/** Finds a member's parts, or null when `place` does not look like etcd's. Looks at names only. */
export function findDataDir(place: string, walDir?: string): DataDir | null {
  if (isFile(place)) return loneFile(place);
  const data = path.join(place, 'data');
  const candidates: [string, string][] = [
    [place, ''],
    [path.join(place, 'member'), 'member/'],
    [path.join(data, 'member'), 'data/member/'],
    [data, 'data/'],
  ];
  // A directory of a separate WAL has a `wal` of its own, so places with a snap directory come first.
  const found = candidates.map(([member, prefix]) => memberDir(place, member, prefix, walDir)).filter((one) => one !== null);
  const best = found.find(({ snapDir }) => snapDir !== null) ?? found[0];
  if (best) return best;
  const segments = listSegments(walDir ?? place, '');
  return segments.length > 0 ? { root: place, shape: 'wal', segments, snapDir: null, snapPrefix: '', db: null } : null;
}

function loneFile(file: string): DataDir | null {
  const name = path.basename(file);
  const none = { root: path.dirname(file), snapDir: null, snapPrefix: '', segments: [], db: null };
  if (parseSegmentName(name) || name.endsWith('.wal')) return { ...none, shape: 'wal', segments: [loneSegment(file)] };
  if (name === 'db' || name.endsWith('.snap.db')) return { ...none, shape: 'db', db: { path: file, name } };
  return null;
}

/** `member` holds `wal/` and `snap/`; the log may lie beside (`<root>/wal`), or wherever `--wal-dir` says. */
function memberDir(root: string, member: string, prefix: string, walDir?: string): DataDir | null {
  const snapDir = path.join(member, 'snap');
  const hasSnap = isDirectory(snapDir) && looksLikeSnapDir(snapDir);
  const places: [string, string][] = walDir === undefined ? [[path.join(member, 'wal'), `${prefix}wal/`], [path.join(root, 'wal'), 'wal/']] : [[walDir, 'wal/']];
  const segments = places.map(([directory, name]) => listSegments(directory, name)).find((list) => list.length > 0) ?? [];
  if (!hasSnap && (segments.length === 0 || (walDir !== undefined && !isDirectory(member)))) return null;
  const db = path.join(snapDir, 'db');
  return {
    root,
    shape: 'member',
    segments,
    snapDir: isDirectory(snapDir) ? snapDir : null,
    snapPrefix: `${prefix}snap/`,
    db: isFile(db) ? { path: db, name: `${prefix}snap/db` } : null,
  };
}

function looksLikeSnapDir(directory: string): boolean {
  return listDirectory(directory).some((name) => name === 'db' || parseSnapName(name) !== null || name.endsWith('.snap.db'));
}
