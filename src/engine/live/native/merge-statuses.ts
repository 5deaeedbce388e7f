import type { MemberId } from '../../core/types.ts';
import { RefusedError } from '../../errors.ts';
import type { MemberProgress, NodeStatus } from '../../ports/node-api.ts';
import type { LeaderView } from '../cluster.ts';
import { type LiveMember, type MemberList, toleranceOf } from '../member-list.ts';

/** A member that its leader has not heard of for longer is down: three heartbeats of the slower of the two timings. */
export const DOWN_AFTER_MS = 1500;

/** The leader by what was answered, and its own words where it was among those who did. */
interface Leadership {
  readonly id: MemberId | null;
  readonly term: number;
  readonly status: NodeStatus | null;
}

/**
 * Who leads, by the highest term that anybody told: a leader of an older term is one that does not know yet. A follower's word is
 * believed where the leader itself could not be asked; it forgets a leader that it no longer hears.
 */
export function leadershipOf(statuses: readonly NodeStatus[]): Leadership {
  const present = statuses.filter((one) => !one.isRemoved);
  const term = Math.max(0, ...present.map((one) => one.term));
  const status = present.find((one) => one.role === 'leader' && one.term === term) ?? null;
  const named = present.find((one) => one.term === term && one.leader !== null)?.leader ?? null;
  // A leader that answered, and says it is none, is none, whatever its followers still believe.
  const denies = named !== null && status === null && present.some((one) => one.memberId === named);
  return { id: status?.memberId ?? (denies ? null : named), term, status };
}

export function leaderView(statuses: readonly NodeStatus[]): LeaderView {
  const { id, term, status } = leadershipOf(statuses);
  const sinceMs = status?.leaderSinceMs ?? statuses.find((one) => one.leader === id && one.term === term)?.leaderSinceMs ?? null;
  return { leader: id, term, since: id === null || sinceMs === null ? null : new Date(sinceMs).toISOString() };
}

/** What the members say of themselves and of each other, as one list. @throws {RefusedError} `mixed-clusters`. */
export function mergeStatuses(statuses: readonly NodeStatus[]): MemberList {
  const clusters = [...new Set(statuses.map((one) => one.clusterId))];
  if (clusters.length > 1) throw new RefusedError('mixed-clusters', `the endpoints belong to different clusters: ${clusters.join(', ')}`, 'Name endpoints of one cluster');
  const { id: leader, term, status } = leadershipOf(statuses);
  const source = status ?? newestConfiguration(statuses);
  const commitIndex = status?.commitIndex ?? Math.max(0, ...statuses.map((one) => one.commitIndex));
  const members = (source?.members ?? []).map((one) => toLiveMember(one, { leader, commitIndex, hasLeaderStatus: status !== null, own: statuses.find((other) => other.memberId === one.id) ?? null }));
  const { quorum, failuresTolerated } = toleranceOf(members);
  return {
    clusterId: clusters[0] ?? '',
    leader,
    term,
    commitIndex,
    members,
    pendingChange: source?.isChangePending === true ? { index: source.configurationIndex } : null,
    configurationIndex: source?.configurationIndex ?? 0,
    removedIds: source?.removedIds ?? [],
    generation: Math.max(0, ...statuses.map((one) => one.generation)),
    quorum,
    failuresTolerated,
  };
}

/** Without a leader's word the newest configuration that anybody holds: it is in force where it is, committed or not. */
function newestConfiguration(statuses: readonly NodeStatus[]): NodeStatus | null {
  return [...statuses].filter((one) => !one.isRemoved).sort((a, b) => b.configurationIndex - a.configurationIndex)[0] ?? statuses[0] ?? null;
}

interface Known {
  readonly leader: MemberId | null;
  readonly commitIndex: number;
  readonly hasLeaderStatus: boolean;
  /** What the member says of itself; null: it did not answer. */
  readonly own: NodeStatus | null;
}

function toLiveMember(one: MemberProgress, known: Known): LiveMember {
  const isLeader = one.id === known.leader;
  // Of a member it has not heard yet a new leader knows nothing: its 0 is no place.
  const matchIndex = known.hasLeaderStatus && (isLeader || one.lastContactMs !== null) ? one.matchIndex : null;
  const problem = problemOf(one, known);
  return {
    id: one.id,
    name: one.name,
    addresses: [one.address],
    role: one.role,
    isLeader,
    matchIndex,
    lag: matchIndex === null ? null : Math.max(0, known.commitIndex - matchIndex),
    version: known.own?.version ?? one.version,
    healthy: problem === null,
    lastContactMs: isLeader ? 0 : known.hasLeaderStatus ? one.lastContactMs : null,
    problem,
  };
}

function problemOf(one: MemberProgress, { leader, hasLeaderStatus, own }: Known): string | null {
  if (one.hasAmnesia) return 'its log ends below what it had acknowledged (amnesia): replace it under a new id';
  if (one.id === leader) return null;
  if (!hasLeaderStatus) return own === null ? 'it does not answer' : null;
  if (one.lastContactMs === null) return own !== null && own.leader === leader ? null : 'its leader has never heard of it';
  if (one.lastContactMs > DOWN_AFTER_MS) return `its leader has not heard of it for ${(one.lastContactMs / 1000).toFixed(1)} s${own === null ? '' : ', though it answers here'}`;
  return null;
}
