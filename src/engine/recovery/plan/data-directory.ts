import fs from 'node:fs';
import path from 'node:path';
import { RefusedError } from '../../errors.ts';
import type { MemberReport } from '../../model/member-report.ts';
import type { PlaceFiles } from '../../places/open.ts';
import { findDataDir } from '../../readers/etcd/data-dir.ts';
import { isDirectory } from '../../readers/file-source.ts';
import { findLayout } from '../../readers/hashicorp/layout.ts';
import { findNativeDir } from '../../readers/native/data-dir.ts';

/**
 * The directory a server is started with, absolute and free of links: all a recovery touches lies below it. A place may name a part
 * of it (`member/`, `raft/`); of a server with a WAL directory of its own it is the directory that holds both.
 * @throws {RefusedError} `no-data-directory` when only a part of a member is there.
 */
export function dataDirectoryOf(report: Pick<MemberReport, 'store' | 'path' | 'label'>, place: PlaceFiles): string {
  const root = rootOf(report, place.directory);
  if (root === null || !isDirectory(root)) {
    throw new RefusedError('no-data-directory', `${report.path} is a part of a member's data, not a data directory`, 'Name the directory the server is started with; where its WAL lies elsewhere, copy both below one directory, as data/ and wal/, and name that');
  }
  return fs.realpathSync(root);
}

function rootOf({ store }: Pick<MemberReport, 'store'>, place: string): string | null {
  if (store === 'etcd') return etcdRoot(place);
  if (store === 'native') {
    const found = findNativeDir(place);
    return found === null || found.state === null ? null : found.root;
  }
  const layout = findLayout(place);
  // Snapshots beside the directory cannot be exchanged together with it.
  if (layout === null || layout.snapshots.directory.startsWith('..')) return null;
  // Of a program nobody knows, only the raft directory is surely the member's: what else lies beside it may be anybody's.
  return layout.program === 'hashicorp/raft' && layout.log.startsWith('raft/') ? path.join(layout.root, 'raft') : layout.root;
}

function etcdRoot(place: string): string | null {
  const found = findDataDir(place);
  if (found === null || found.shape !== 'member' || found.segments.length === 0) return null;
  return path.basename(path.resolve(place)) === 'member' ? path.dirname(path.resolve(place)) : found.root;
}
