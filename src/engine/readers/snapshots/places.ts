import path from 'node:path';
import { UnreadableError } from '../../errors.ts';
import { finding, type Finding } from '../../model/finding.ts';
import { FileSource, isDirectory, isFile, listDirectory } from '../file-source.ts';
import { detectFormat, formatByName } from './signature.ts';

/** Where a snapshot lies: one file, or a FileSnapshotStore directory. `name` is its path below what was asked for. */
export interface Place {
  kind: 'file' | 'directory';
  path: string;
  name: string;
}

const MAX_PLACES = 1000;
const SNAPSHOT_NAME = /^\d{1,15}-\d{1,15}-\d{1,15}$/;
/** Where programs keep a FileSnapshotStore below their data directory: Sider and others, Consul, Nomad. */
const SNAPSHOT_FOLDERS = ['snapshots', 'raft/snapshots', 'server/raft/snapshots'];
/** Where etcd keeps its .snap files, below the data directory or inside it. */
const ETCD_FOLDERS = ['member/snap', 'data/member/snap', 'snap', '.'];

/** All snapshots of a directory, newest first where raft has an order. Unfinished ones become findings. */
export function findSnapshots(directory: string, findings: Finding[]): Place[] {
  if (isFile(path.join(directory, 'meta.json'))) {
    return [{ kind: 'directory', path: directory, name: path.basename(path.resolve(directory)) }];
  }
  const folder = path.basename(path.resolve(directory)) === 'snapshots' ? '.' : SNAPSHOT_FOLDERS.find((one) => isDirectory(path.join(directory, one)));
  if (folder !== undefined) return snapshotDirectories(directory, folder, findings);
  for (const etcd of ETCD_FOLDERS) {
    const snaps = etcdSnaps(directory, etcd);
    if (snaps.length > 0) return snaps;
  }
  return looseFiles(directory);
}

function below(folder: string, name: string): string {
  return folder === '.' ? name : `${folder}/${name}`;
}

function snapshotDirectories(directory: string, folder: string, findings: Finding[]): Place[] {
  const places: Place[] = [];
  for (const id of listDirectory(path.join(directory, folder)).slice(0, MAX_PLACES)) {
    const place: Place = { kind: 'directory', path: path.join(directory, folder, id), name: below(folder, id) };
    if (formatByName(id) === 'native' && isFile(place.path)) places.push({ ...place, kind: 'file' });
    if (!isDirectory(place.path)) continue;
    if (id.endsWith('.tmp')) findings.push(unfinished(place.name));
    else if (!isFile(path.join(place.path, 'meta.json')) && !SNAPSHOT_NAME.test(id)) findings.push(stray(place.name));
    else places.push(place);
  }
  return places.sort((a, b) => orderOf(b.path) - orderOf(a.path));
}

function unfinished(name: string): Finding {
  return finding('snapshot-unfinished', 'info', `${name} was being written when the process stopped; raft skips it`, { file: name });
}

function stray(name: string): Finding {
  return finding('snapshot-without-meta', 'info', `${name} has no meta.json and no snapshot's name; raft skips it`, { file: name });
}

/** Index in the name `<term>-<index>-<ms>`: a later snapshot never covers less. */
function orderOf(place: string): number {
  return Number(/^\d+-(\d{1,15})-/.exec(path.basename(place))?.[1] ?? -1);
}

/** etcd names them `<term>-<index>.snap` in hexadecimal, so the newest sorts last. */
function etcdSnaps(directory: string, folder: string): Place[] {
  return listDirectory(path.join(directory, folder))
    .filter((name) => formatByName(name) === 'etcd-snap')
    .map((name): Place => ({ kind: 'file', path: path.join(directory, folder, name), name: below(folder, name) }))
    .filter((place) => isFile(place.path))
    .reverse()
    .slice(0, MAX_PLACES);
}

/** Every file of a folder that is a snapshot, or is named like one. */
function looseFiles(directory: string): Place[] {
  const places: Place[] = [];
  for (const name of listDirectory(directory)) {
    const place: Place = { kind: 'file', path: path.join(directory, name), name };
    if (isDirectory(place.path)) {
      if (isFile(path.join(place.path, 'meta.json'))) places.push({ ...place, kind: 'directory' });
    } else if (looksLikeSnapshot(place)) places.push(place);
    if (places.length === MAX_PLACES) break;
  }
  return places;
}

function looksLikeSnapshot(place: Place): boolean {
  if (/\.(?:snap|db|tgz|gz)$/.test(place.name)) return true;
  try {
    using source = FileSource.open(place.path, place.name);
    return !['unknown', 'empty'].includes(detectFormat(source));
  } catch (error) {
    if (error instanceof UnreadableError) return false; // a socket, a FIFO, a file of somebody else's
    throw error;
  }
}
