import type { LogIndex, MemberId } from '../../../core/types.ts';
import { minorOf } from '../../../readers/etcd/member-findings.ts';
import { followMembership, type Membership } from '../../../readers/etcd/membership.ts';
import type { MemberParts } from '../../../readers/etcd/report.ts';
import type { StoreMember } from '../../../readers/etcd/v2-store.ts';

/** Who a cluster consists of at the end of the kept log, seen from the member that is to stay alone. */
export interface EtcdMembership {
  self: StoreMember;
  isVoter: boolean;
  isLearner: boolean;
  isRemoved: boolean;
  /** All others that raft or the authoritative member list knows, by ascending id. */
  others: StoreMember[];
  /** Ids that left before. */
  removed: MemberId[];
  /** `3.5.0` as stored. */
  version: string | null;
  minor: number;
  /** Changes that the running version would reject, and why: appending them would not work. */
  rejected: { id: MemberId; why: string }[];
}

/**
 * The configuration that etcd would believe after entry `upTo`. Up to 3.5 the v2 store of snapshot and log decides which changes are
 * accepted, from 3.6 on the db's `members` bucket.
 * @see etcd v3.6.14 and v3.5.30, server/etcdserver/api/membership/cluster.go
 */
export function membershipAt({ usable, log, backend }: MemberParts, upTo: LogIndex, selfId: MemberId): EtcdMembership {
  const { survey } = log;
  const { membership } = followMembership({ snaps: usable, changes: survey.confChanges, writes: survey.memberWrites }, upTo);
  const { db } = backend;
  const minor = Math.max(minorOf(membership.version), minorOf(db?.clusterVersion ?? null), minorOf(db?.storageVersion ?? null));
  const raftIds = [...membership.voters, ...membership.learners];
  // Without log and snapshot the db's mirror is all there is.
  const isBare = raftIds.length === 0 && membership.members.size === 0;
  const listed = db && (minor >= 6 || isBare) ? bucketAtEnd(membership, db.members, db.consistentIndex ?? 0, survey.confChanges, upTo) : membership.members;
  const otherIds = [...new Set([...raftIds, ...listed.keys()])].filter((id) => id !== selfId).sort(byNumber);
  const known = (id: MemberId): StoreMember => membership.members.get(id) ?? listed.get(id) ?? db?.members.find((member) => member.id === id) ?? { id, name: null, peerUrls: [], clientUrls: [], isLearner: false };
  return {
    self: known(selfId),
    isVoter: membership.voters.has(selfId),
    isLearner: membership.learners.has(selfId),
    isRemoved: membership.removed.has(selfId) || (minor >= 6 && (db?.removed.includes(selfId) ?? false)),
    others: otherIds.map(known),
    removed: [...new Set([...membership.removed, ...(db?.removed ?? [])])].filter((id) => id !== selfId && !otherIds.includes(id)).sort(byNumber),
    version: membership.version ?? db?.clusterVersion ?? null,
    minor,
    rejected: raftIds.filter((id) => !listed.has(id)).map((id) => ({ id, why: minor >= 6 ? "the db's members do not name it" : 'the member list of snapshot and log does not name it' })),
  };
}

/** The `members` bucket as 3.6 has it once the entries behind its applied index are in: what the log adds and removes there. */
function bucketAtEnd(membership: Membership, stored: readonly StoreMember[], applied: LogIndex, changes: MemberParts['log']['survey']['confChanges'], upTo: LogIndex): Map<MemberId, StoreMember> {
  const members = new Map(stored.map((member) => [member.id, member]));
  for (const { index, change } of changes) {
    if (index <= applied || index > upTo || !change) continue;
    const now = membership.members.get(change.id);
    if (now) members.set(change.id, now);
    else members.delete(change.id);
  }
  return members;
}

/** Ids are compared as the numbers they are: they are spelled without leading zeros. */
function byNumber(a: MemberId, b: MemberId): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

/** `n3 2eb8f3e52eaeab7a`, or the id alone. */
export function memberWords({ name, id }: { name: string | null; id: MemberId }): string {
  return name === null ? id : `${name} ${id}`;
}
