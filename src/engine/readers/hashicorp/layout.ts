import path from 'node:path';
import { BoltFile } from '../bbolt/file.ts';
import { FileSource, isDirectory, isFile, listDirectory } from '../file-source.ts';
import { META_FILE, parseSegmentFileName } from '../raft-wal/meta.ts';
import type { SnapshotStyle } from './file-snapshots.ts';

export type Program = 'consul' | 'nomad' | 'vault' | 'rqlite' | 'hashicorp/raft';

/** Where one member keeps its parts. All paths but `root` are below `root`, with forward slashes. */
export interface RaftLayout {
  program: Program;
  /** The member's directory: findings name files below it. */
  root: string;
  store: 'raft-boltdb' | 'raft-wal';
  /** Bolt file with the log; the directory of the segments for raft-wal. */
  log: string;
  /** Bolt file with term and vote. */
  stable: string;
  snapshots: { directory: string; style: SnapshotStyle };
  /** File with the server's own id, where the program keeps one. */
  nodeId: string | null;
  /** vault.db: the state machine that stands in for snapshots. */
  vault: string | null;
  /** Another store beside the live one, which is never read. `refuses`: the program does not start with both. */
  other: { file: string; kind: 'stale' | 'ignored' | 'refuses' } | null;
}

const SPLIT_LOG = 'raft-log.db';
const SPLIT_STABLE = 'raft-stable.db';
const SINGLE = 'raft.db';
const MAX_PROBED_FILES = 16;
const MAX_CLIMB = 3;

/**
 * The layout that `place` belongs to, null when it is none of the family. `place` is the program's data directory, its raft
 * directory or wal directory, or one of the store's files; the outermost directory that explains it wins.
 */
export function findLayout(place: string): RaftLayout | null {
  const file = isFile(place) ? place : null;
  const directory = file === null ? place : path.dirname(place);
  if (file !== null && !isStoreFile(file)) return null;
  if (!isDirectory(directory)) return null;
  for (const root of enclosing(directory)) {
    const layout = layoutAt(root);
    if (layout !== null && contains(layout, directory) && explains(layout, directory)) return layout;
  }
  return null;
}

/**
 * A directory above belongs to a member only where a known program put it there: for an embedder in /var/lib/raft that would be all of
 * /var/lib. Only the wal directory is surely a part of what holds it.
 */
function explains({ program, root }: RaftLayout, directory: string): boolean {
  return program !== 'hashicorp/raft' || ['', 'wal'].includes(path.relative(path.resolve(root), path.resolve(directory)));
}

/** `directory` and those above it that belong to the same program, outermost first. */
function enclosing(directory: string): string[] {
  const roots = [directory];
  for (let at = directory; roots.length <= MAX_CLIMB && ['wal', 'raft', 'server'].includes(path.basename(path.resolve(at))); ) {
    at = path.isAbsolute(at) || path.basename(at) === path.basename(path.resolve(at)) ? path.dirname(at) : path.join(at, '..');
    roots.unshift(at);
  }
  return roots;
}

function contains(layout: RaftLayout, directory: string): boolean {
  const log = path.resolve(layout.root, layout.store === 'raft-wal' ? `${layout.log}/x` : layout.log);
  return log.startsWith(path.resolve(directory) + path.sep);
}

function isStoreFile(file: string): boolean {
  const name = path.basename(file);
  return [SINGLE, SPLIT_LOG, SPLIT_STABLE, META_FILE].includes(name) || parseSegmentFileName(name) !== null || holdsRaftBuckets(file);
}

function layoutAt(root: string): RaftLayout | null {
  const has = (name: string): boolean => isFile(path.join(root, name));
  const hasDirectory = (name: string): boolean => isDirectory(path.join(root, name));
  if (has('vault.db') && hasDirectory('raft')) return withStore(root, 'raft', 'vault', { nodeId: 'node-id', vault: 'vault.db' });
  if (has(SPLIT_LOG) || has(SPLIT_STABLE)) return splitLayout(root);
  const rqlite = ['wsnapshots', 'rsnapshots'].find(hasDirectory);
  if (has(SINGLE) && (rqlite !== undefined || has('db.sqlite'))) {
    return withStore(root, '', 'rqlite', { snapshots: { directory: rqlite ?? 'snapshots', style: rqlite ? 'opaque' : 'checked' } });
  }
  const nomad = hasDirectory('server/raft') ? withStore(root, 'server/raft', 'nomad', { nodeId: 'server/node-id' }) : null;
  if (nomad !== null) return nomad;
  if (hasDirectory('raft')) {
    const isConsul = hasDirectory('serf') || has('node-id');
    const inside = withStore(root, 'raft', isConsul ? 'consul' : 'hashicorp/raft', { nodeId: 'node-id' });
    if (inside !== null) return inside;
  }
  return withStore(root, '', 'hashicorp/raft', {}) ?? unnamedBolt(root);
}

type Extras = Partial<Pick<RaftLayout, 'nodeId' | 'vault' | 'snapshots'>>;

function withStore(root: string, below: string, program: Program, extras: Extras): RaftLayout | null {
  const at = (name: string): string => (below === '' ? name : `${below}/${name}`);
  const bolt = isFile(path.join(root, at(SINGLE)));
  const wal = [at('wal'), ...(below === '' ? ['.'] : [])].find((directory) => isWalDirectory(path.join(root, directory)));
  if (!bolt && wal === undefined) return null;
  const base = {
    program,
    root,
    snapshots: extras.snapshots ?? { directory: snapshotsBeside(root, wal === '.' ? '.' : below), style: 'checked' },
    nodeId: extras.nodeId ?? null,
    vault: extras.vault ?? null,
  } as const;
  if (!bolt && wal !== undefined) {
    return { ...base, store: 'raft-wal', log: wal, stable: wal === '.' ? META_FILE : `${wal}/${META_FILE}`, other: null };
  }
  const other = wal === undefined ? null : ({ file: wal, kind: program === 'nomad' ? 'refuses' : 'ignored' } as const);
  return { ...base, store: 'raft-boltdb', log: at(SINGLE), stable: at(SINGLE), other };
}

/** A bare wal directory has its snapshots beside or in it. */
function snapshotsBeside(root: string, below: string): string {
  if (below === '.' && !isDirectory(path.join(root, 'snapshots')) && isDirectory(path.join(root, '..', 'snapshots'))) return '../snapshots';
  return below === '' || below === '.' ? 'snapshots' : `${below}/snapshots`;
}

function splitLayout(root: string): RaftLayout {
  const stale = isFile(path.join(root, SINGLE)) ? ({ file: SINGLE, kind: 'stale' } as const) : null;
  return {
    program: 'hashicorp/raft',
    root,
    store: 'raft-boltdb',
    log: SPLIT_LOG,
    stable: SPLIT_STABLE,
    snapshots: { directory: 'snapshots', style: 'checked' },
    nodeId: isFile(path.join(root, 'node-id')) ? 'node-id' : null,
    vault: null,
    other: stale,
  };
}

/** Any Bolt file with both buckets: embedders choose their own names. */
function unnamedBolt(root: string): RaftLayout | null {
  const names = listDirectory(root).filter((name) => name.endsWith('.db')).slice(0, MAX_PROBED_FILES);
  const name = names.find((candidate) => holdsRaftBuckets(path.join(root, candidate)));
  if (name === undefined) return null;
  const snapshots = { directory: 'snapshots', style: 'checked' } as const;
  return { program: 'hashicorp/raft', root, store: 'raft-boltdb', log: name, stable: name, snapshots, nodeId: null, vault: null, other: null };
}

function isWalDirectory(directory: string): boolean {
  if (!isDirectory(directory)) return false;
  return listDirectory(directory).some((name) => name === META_FILE || parseSegmentFileName(name) !== null);
}

function holdsRaftBuckets(file: string): boolean {
  try {
    using source = FileSource.open(file);
    const names = BoltFile.open(source).bucketNames();
    return names.includes('logs') && names.includes('conf');
  } catch {
    return false; // not a Bolt file, or not readable: then it is not recognised by content
  }
}
