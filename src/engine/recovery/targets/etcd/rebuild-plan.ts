import type { LogIndex, LogPosition, MemberId, Term } from '../../../core/types.ts';
import { RefusedError } from '../../../errors.ts';
import type { MemberParts } from '../../../readers/etcd/report.ts';
import type { StoreMember } from '../../../readers/etcd/v2-store.ts';
import type { Decision, SourceDirectory } from '../target.ts';
import { membershipAt, type EtcdMembership } from './membership.ts';

export interface RebuildPlan {
  membership: EtcdMembership;
  self: StoreMember;
  clusterId: string;
  /** The db's own position: what lies behind it is taken over. */
  snapshot: LogPosition;
  keepTo: LogIndex;
  last: LogPosition;
  term: Term;
  removed: MemberId[];
  /** Membership changes among the entries taken over: they are emptied. */
  dropped: LogIndex[];
  notes: string[];
}

/**
 * Works out a log and a snapshot around the db of a member.
 * @throws {RefusedError} `db-unusable` without a sound db that the log joins; `identity-unknown`, `address-unknown` where neither the files nor
 * the operator tell them.
 */
export function planRebuild({ reading }: SourceDirectory, parts: MemberParts, decision: Decision): RebuildPlan {
  const { report } = reading;
  const { db } = parts.backend;
  const applied = db?.consistentIndex ?? 0;
  if (!db || parts.backend.problem !== null || !report.startable.ok || applied === 0) {
    const why = report.startable.ok ? (parts.backend.problem ?? 'its db has applied nothing') : report.startable.reason;
    throw new RefusedError('db-unusable', why, 'The keys are in the db alone: take another member as the source, or restore a snapshot file with snapshot restore');
  }
  const { run } = parts.log.survey;
  refuseCut(parts, decision);
  const keepTo = Math.max(applied, run.isEmpty ? 0 : Math.min(decision.keepTo, run.last));
  const snapshot = { term: termAt(parts, applied), index: applied };
  const membership = membershipAt(parts, keepTo, idOf(decision, report.memberId));
  const self = selfOf(membership, decision);
  const lastTerm = keepTo > applied ? (report.log.termRuns.find(({ first, last }) => keepTo >= first && keepTo <= last)?.term ?? run.lastTerm) : snapshot.term;
  const changes = parts.log.survey.confChanges.filter(({ index }) => index > applied);
  const dropped = changes.filter(({ index }) => index <= keepTo).map(({ index }) => index);
  // Ids that entries taken over still speak of: etcd panics on attributes of a member that is neither there nor removed.
  const mentioned = [...membership.others.map(({ id }) => id), ...changes.flatMap(({ change }) => (change ? [change.id] : [])), ...membership.removed];
  const { id: clusterId, note } = clusterIdFor(report.clusterId, decision);
  return {
    membership,
    self,
    clusterId,
    snapshot,
    keepTo,
    last: { term: lastTerm, index: keepTo },
    term: Math.max(report.hardState.currentTerm, lastTerm),
    removed: [...new Set(mentioned)].filter((id) => id !== self.id).sort(),
    dropped,
    notes: [...note, ...(membership.minor >= 0 && membership.minor <= 4 ? ['Keys of the v2 API, where that is still used, are not taken over; keys of v3 are.'] : [])],
  };
}

/**
 * Nothing that is known committed is ever dropped, as far as the log still holds it.
 * @throws {RefusedError} `below-floor`
 */
export function refuseCut({ log: { survey } }: MemberParts, { keepTo, floor }: Pick<Decision, 'keepTo' | 'floor'>): void {
  const least = Math.min(Math.max(floor, survey.provenCommit), survey.run.last);
  if (keepTo >= least || survey.run.isEmpty) return;
  throw new RefusedError('below-floor', `the log cannot end at ${keepTo}: entries up to ${least} are known committed`, 'Keep them: --in-doubt drop leaves out only what is behind them');
}

/** Term of the entry that the db has applied last: from the log, the db (3.5 and later), a snapshot; else the lowest that fits the log. */
function termAt({ log, backend, usable, snaps }: MemberParts, index: LogIndex): Term {
  const { run, hardState, provenTerm } = log.survey;
  const inLog = run.termRuns.find(({ first, last }) => index >= first && index <= last)?.term;
  const inSnap = [...usable, ...snaps].find(({ position, problem }) => problem === null && position.index === index)?.position.term;
  const next = run.isEmpty ? undefined : run.termRuns[0]?.term;
  return inLog ?? backend.db?.term ?? inSnap ?? next ?? Math.max(hardState?.term ?? 0, provenTerm, 1);
}

function idOf({ serverId }: Decision, stored: MemberId | null): MemberId {
  const id = stored ?? serverId;
  if (id !== null) return id;
  throw new RefusedError('identity-unknown', 'no log is left that tells which member this is', 'Name it: recover pick --id <label>=<hex id>; etcdctl member list or the other disks tell it');
}

function selfOf({ self }: EtcdMembership, decision: Decision): StoreMember {
  const planned = decision.members.find((member) => member.id === self.id);
  const peerUrls = decision.selfAddress !== null ? [decision.selfAddress] : self.peerUrls.length > 0 ? self.peerUrls : (planned?.addresses ?? []);
  if (peerUrls.length === 0) throw new RefusedError('address-unknown', 'the files do not tell the peer address of this member', 'Give it with --self-address, such as https://10.0.0.11:2380');
  return { ...self, name: self.name ?? planned?.name ?? null, peerUrls, isLearner: false };
}

function clusterIdFor(stored: string | null, { newClusterId, clusterId, randomHex }: Decision): { id: string; note: string[] } {
  const kept = stored ?? clusterId;
  if (newClusterId !== 'new' && kept !== null) return { id: kept, note: [] };
  // The first digit is never zero: ids are spelled without leading zeros.
  const fresh = `${'89abcdef'[Number.parseInt(randomHex(1), 16) % 8]}${randomHex(15)}`;
  return { id: fresh, note: newClusterId === 'new' ? [] : ['The cluster id is new: no log is left that tells the old one.'] };
}
