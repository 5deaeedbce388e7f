import path from 'node:path';
import type { FileSource } from '../file-source.ts';
import { parseSnapName, readSnapFile } from '../etcd/snap-file.ts';
import type { VerifyOptions } from './options.ts';
import { blankReport, CheckList, concluded, type Verified } from './check-list.ts';

/**
 * A `.snap` file of an etcd member: a Raft snapshot's metadata, CRC-32C guarded, and the v2 store with the members. The keys
 * are not in it but in the `db` beside it.
 */
export function verifyEtcdSnap(source: FileSource, file: string, options: VerifyOptions = {}): Verified {
  const list = new CheckList(source.name);
  const snap = readSnapFile(file, source.name, { store: true });
  if (snap.problem !== null) list.fail('crc32c', snap.problem, 0);
  else {
    list.pass('crc32c', 'the CRC-32C matches the content');
    checkName(list, path.basename(file), snap.position);
  }
  if (options.depth === 'restore' && snap.problem === null) {
    if (snap.store === null) list.unknown('trial-restore', 'its v2 store is too large or no JSON this tool reads', 'Start a copy of the member with it to be sure');
    else list.pass('trial-restore', `v2 store parsed: ${snap.store.members.length} members, cluster version ${snap.store.version ?? '-'}`);
  }
  const { voters = [], learners = [] } = snap.confState ?? {};
  const report = {
    ...blankReport(file, 'etcd-snap', snap.bytes),
    ...(snap.position.term === 0 ? {} : snap.position),
    confState: snap.confState && { voters: [...voters], learners: [...learners] },
    parts: snap.store === null ? [] : [counted('members', snap.store.members), counted('removed_members', snap.store.removed)],
    formatVersion: snap.store?.version ?? null,
    takenAt: new Date(snap.mtimeMs).toISOString(),
  };
  return concluded(report, list);
}

function counted(type: string, rows: readonly unknown[]): { type: string; count: number; bytes: null } {
  return { type, count: rows.length, bytes: null };
}

/** etcd finds a snapshot by its name: one that says something else is not found, or stands for another. */
function checkName(list: CheckList, name: string, position: { term: number; index: number }): void {
  const named = parseSnapName(name);
  if (named === null) return;
  if (named.term === position.term && named.index === position.index) return list.pass('name', 'the name agrees with the content');
  list.fail('name', `the name says ${named.term}/${named.index}, the content ${position.term}/${position.index}`, 0, {
    fix: 'Put the file back under the name its content asks for',
  });
}
