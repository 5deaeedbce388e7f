import path from 'node:path';
import { decodeFormat } from '../../native/named-records.ts';
import { META_DATABASE, META_KEY, RAFT_DIRECTORY, SNAPSHOT_DIRECTORY, STATE_DIRECTORY } from '../../native/layout.ts';
import { DATA_FILE } from '../../native/pages/check-before-open.ts';
import { openLmdb } from '../../native/pages/lmdb-file.ts';
import { InspectorError } from '../../errors.ts';
import { FileSource, isDirectory, isFile } from '../file-source.ts';

/** Where the parts of a member lie. Names are below `root`, with `/`. */
export interface NativeDir {
  readonly root: string;
  /** `raft/data.mdb`, or `data.mdb` where only the Raft directory is at hand. */
  readonly log: string;
  /** Null where only the Raft directory is at hand. */
  readonly snapshots: string | null;
  readonly state: string | null;
  readonly lock: string | null;
}

/** The data directory of a member, or its `raft` directory alone; null when it is neither. Never throws. */
export function findNativeDir(place: string): NativeDir | null {
  if (isMember(place)) return whole(place);
  if (!isFile(path.join(place, DATA_FILE))) return null;
  const parent = path.dirname(path.resolve(place));
  if (path.basename(path.resolve(place)) === RAFT_DIRECTORY && hasSiblings(parent)) return whole(parent);
  return isOurs(path.join(place, DATA_FILE)) ? { root: place, log: DATA_FILE, snapshots: null, state: null, lock: null } : null;
}

function whole(root: string): NativeDir {
  return { root, log: `${RAFT_DIRECTORY}/${DATA_FILE}`, snapshots: SNAPSHOT_DIRECTORY, state: `${STATE_DIRECTORY}/${DATA_FILE}`, lock: 'LOCK' };
}

/** By the log's own format record; where that is destroyed or gone, by what lies beside it. */
function isMember(root: string): boolean {
  const log = path.join(root, RAFT_DIRECTORY, DATA_FILE);
  return isFile(log) ? hasSiblings(root) || isOurs(log) : hasSiblings(root) && isFile(path.join(root, STATE_DIRECTORY, DATA_FILE));
}

function hasSiblings(root: string): boolean {
  return isDirectory(path.join(root, SNAPSHOT_DIRECTORY)) && isDirectory(path.join(root, STATE_DIRECTORY));
}

/** Whether an environment holds a format record of ours, of any version, in either of its views. */
function isOurs(file: string): boolean {
  try {
    using source = FileSource.open(file);
    return openLmdb(source).views.some((view) => {
      const found = view.get(META_DATABASE, Buffer.from(META_KEY.format));
      if (found === undefined || !('value' in found)) return view.databases().has(META_DATABASE) && view.databases().has('tail');
      const format = decodeFormat(found.value);
      return format.ok || format.rule === 'record-newer';
    });
  } catch (error) {
    if (error instanceof InspectorError) return false;
    throw error;
  }
}
