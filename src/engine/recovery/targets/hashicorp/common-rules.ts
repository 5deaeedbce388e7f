import path from 'node:path';
import { RefusedError } from '../../../errors.ts';
import { findLayout, type RaftLayout } from '../../../readers/hashicorp/layout.ts';
import type { Decision, SourceDirectory } from '../target.ts';

/** Programs that recover by a `peers.json` of their own. */
export const PEERS_PROGRAMS: readonly string[] = ['consul', 'nomad', 'vault', 'rqlite'];

/** The layout of a directory that a reader of this family accepted; null for any other. */
export function layoutOf(source: SourceDirectory): RaftLayout | null {
  const { store } = source.reading.report;
  if (store !== 'raft-boltdb' && store !== 'raft-wal') return null;
  const layout = findLayout(source.dataDir);
  return layout !== null && path.resolve(layout.root) === path.resolve(source.dataDir) ? layout : null;
}

/** @throws {RefusedError} `no-target` when the directory is not the member's outermost one. */
export function neededLayout(source: SourceDirectory): RaftLayout {
  const layout = layoutOf(source);
  if (layout !== null) return layout;
  throw new RefusedError('no-target', `${source.dataDir} is not the directory of a whole member`, 'Name the data directory of the server itself');
}

/**
 * What no store of this family can do, and what no recovery may begin with.
 * @throws {RefusedError} `no-cluster-id`, `no-revision`, `two-stores`.
 */
export function refuseImpossible(layout: RaftLayout, decision: Decision): void {
  if (decision.newClusterId === 'new') {
    throw new RefusedError('no-cluster-id', 'stores of hashicorp/raft keep no cluster id: none can be made anew', 'Leave out --new-cluster-id; keep the old members from coming back by wiping their data');
  }
  if (decision.bumpRevision !== null) {
    throw new RefusedError('no-revision', 'this store counts no revisions', 'Leave out --bump-revision');
  }
  if (layout.other?.kind === 'refuses') {
    throw new RefusedError('two-stores', `${layout.program} does not start while both ${layout.log} and ${layout.other.file} are there`, `Find out which one it last ran with, and move the other away`);
  }
}

/** A term above every one that any disk has shown: what is written in it meets no other entry of the same index and term. */
export function termAboveAll(...terms: readonly number[]): number {
  return Math.max(0, ...terms) + 1;
}
