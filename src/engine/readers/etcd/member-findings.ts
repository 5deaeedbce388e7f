import { finding, type Finding } from '../../model/finding.ts';
import type { EtcdDb } from './db/index.ts';
import type { Membership } from './membership.ts';

/**
 * Differences between what raft and the v2 store say of the members and what the db's `members` bucket says. Before 3.6 the bucket
 * is a mirror that old releases let go stale; 3.6 believes it. `atApplied` is the membership at the db's applied index, `atEnd` at
 * the end of the log: before 3.5 the db may be ahead of the index it stores, so only what fits neither is told.
 * @see etcd v3.5.30 and v3.6.14, server/etcdserver/api/membership/cluster.go
 */
export function memberFindings(db: EtcdDb, file: string | null, atApplied: Membership, atEnd: Membership): Finding[] {
  if (db.members.length === 0 || atEnd.voters.size === 0) return [];
  const findings: Finding[] = [];
  const isTruth = minorOf(db.clusterVersion) >= 6;
  const where = { file };
  const inDb = new Map(db.members.map((member) => [member.id, member]));
  for (const { id, name, isLearner } of db.members) {
    const label = name === null ? id : `${name} (${id})`;
    const views = [atApplied, atEnd].filter((view) => view.voters.has(id) || view.learners.has(id));
    if (views.length === 0) {
      const fix = 'Invisible before etcd 3.6, a member again after the upgrade: remove it there with `etcdctl member remove`';
      findings.push(finding('zombie-member', 'warn', `${label} is in the db's members but not in raft's configuration`, { ...where, fix }));
    } else if (views.every((view) => view.learners.has(id) !== isLearner)) {
      const fix = 'etcd 3.5.24 and 3.6 repair it at a start; before an upgrade to 3.6 go to 3.5.26 or later';
      findings.push(finding('stale-learner-flag', 'warn', `the db calls ${label} a ${isLearner ? 'learner' : 'voter'}, raft says ${isLearner ? 'voter' : 'learner'}`, { ...where, fix }));
    }
  }
  for (const id of [...atApplied.voters, ...atApplied.learners]) {
    if (inDb.has(id) || !(atEnd.voters.has(id) || atEnd.learners.has(id))) continue;
    const fix = 'etcd 3.6 cannot remove such a member: rebuild around the db instead of appending to the log';
    findings.push(finding('member-missing-in-db', isTruth ? 'error' : 'warn', `${id} is in raft's configuration but not in the db's members`, { ...where, fix }));
  }
  return findings;
}

/** `6` of `3.6.0`; -1 when unknown. */
export function minorOf(version: string | null): number {
  const match = /^3\.(\d+)/.exec(version ?? '');
  return match ? Number(match[1]) : -1;
}

/** Differences between raft's voters and the members that the v2 store of the newest snapshot and the log give. */
export function storeFindings({ voters, learners, members }: Membership): Finding[] {
  if (members.size === 0) return [];
  const raft = [...voters, ...learners];
  const strangers = [...members.keys()].filter((id) => !voters.has(id) && !learners.has(id));
  const unknown = raft.filter((id) => !members.has(id));
  if (strangers.length === 0 && unknown.length === 0) return [];
  const message = `raft's configuration and the member list disagree: ${[...strangers, ...unknown].join(', ')} is in one of them only`;
  return [finding('membership-views-disagree', 'warn', message, { fix: 'Compare with the other members before changing the membership' })];
}
