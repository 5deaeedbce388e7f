import type { Member, StatusResponse } from '../../adapters/generated/raft_inspector/etcd/v3/etcd.ts';
import type { LeaderView } from '../cluster.ts';
import { type LiveMember, type MemberList, toleranceOf } from '../member-list.ts';
import { toHexId } from './methods.ts';

/** What one member said of itself. */
export interface EtcdStatus {
  readonly memberId: string;
  readonly clusterId: string;
  /** Where it answered. */
  readonly endpoint: string;
  readonly leader: string | null;
  readonly term: number;
  readonly commitIndex: number;
  /** Null before 3.4, which does not tell. */
  readonly appliedIndex: number | null;
  readonly version: string;
  readonly revision: number;
  readonly isLearner: boolean;
  readonly errors: readonly string[];
  readonly quotaBytes: number | null;
  readonly dbBytes: number;
}

/** A member as the cluster lists it. */
export interface EtcdMember {
  readonly id: string;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

export function toEtcdMember(one: Member): EtcdMember {
  return { id: toHexId(one.id), name: one.name, peerUrls: one.peerUrls, clientUrls: one.clientUrls, isLearner: one.isLearner };
}

export function toEtcdStatus(said: StatusResponse, endpoint: string): EtcdStatus {
  return {
    memberId: toHexId(said.header?.memberId ?? '0'),
    clusterId: toHexId(said.header?.clusterId ?? '0'),
    endpoint,
    leader: said.leader === '0' ? null : toHexId(said.leader),
    term: Math.max(said.raftTerm, said.header?.raftTerm ?? 0),
    commitIndex: said.raftIndex,
    appliedIndex: said.raftAppliedIndex === 0 ? null : said.raftAppliedIndex,
    version: said.version,
    revision: said.header?.revision ?? 0,
    isLearner: said.isLearner,
    errors: said.errors,
    quotaBytes: said.dbSizeQuota === 0 ? null : said.dbSizeQuota,
    dbBytes: said.dbSize,
  };
}

/** Who leads, by the highest term that anybody told. A member that names itself is believed; one that denies it is none. */
export function leaderOf(statuses: readonly EtcdStatus[]): LeaderView {
  const term = Math.max(0, ...statuses.map((one) => one.term));
  const present = statuses.filter((one) => one.term === term);
  const named = present.find((one) => one.leader === one.memberId)?.leader ?? present.find((one) => one.leader !== null)?.leader ?? null;
  const denies = named !== null && present.some((one) => one.memberId === named && one.leader !== named);
  return { leader: denies ? null : named, term, since: null };
}

/**
 * The members as the cluster lists them and as each says of itself, as one list. etcd does not tell how far a leader knows its followers to
 * be: what a member has applied stands for it.
 */
export function mergeMembers(members: readonly EtcdMember[], statuses: readonly EtcdStatus[]): MemberList {
  const { leader, term } = leaderOf(statuses);
  const commitIndex = statuses.find((one) => one.memberId === leader)?.commitIndex ?? Math.max(0, ...statuses.map((one) => one.commitIndex));
  const live = members.map((one) => toLiveMember(one, statuses.find((other) => other.memberId === one.id) ?? null, leader, commitIndex));
  const { quorum, failuresTolerated } = toleranceOf(live);
  return { clusterId: statuses[0]?.clusterId ?? '', leader, term, commitIndex, members: live, pendingChange: null, configurationIndex: 0, removedIds: [], quorum, failuresTolerated };
}

function toLiveMember(one: EtcdMember, own: EtcdStatus | null, leader: string | null, commitIndex: number): LiveMember {
  const isLeader = one.id === leader;
  const matchIndex = own === null ? null : isLeader ? commitIndex : (own.appliedIndex ?? own.commitIndex);
  const problem = problemOf(one, own, leader);
  return {
    id: one.id,
    name: one.name === '' ? one.id : one.name,
    addresses: one.peerUrls,
    role: one.isLearner ? 'learner' : 'voter',
    isLeader,
    matchIndex,
    lag: matchIndex === null ? null : Math.max(0, commitIndex - matchIndex),
    version: own?.version ?? null,
    healthy: problem === null,
    lastContactMs: isLeader ? 0 : null,
    problem,
  };
}

function problemOf(one: EtcdMember, own: EtcdStatus | null, leader: string | null): string | null {
  if (own === null) return one.name === '' && one.clientUrls.length === 0 ? 'it was added and has not been started yet' : `it does not answer at ${one.clientUrls.join(', ')}`;
  if (leader !== null && own.leader === null) return 'it sees no leader, though others do';
  if (leader !== null && own.leader !== leader) return `it follows ${own.leader}, not ${leader}`;
  return null;
}
