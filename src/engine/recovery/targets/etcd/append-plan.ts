import fs from 'node:fs';
import type { LogIndex, MemberId } from '../../../core/types.ts';
import type { FileChange } from '../../../model/plan.ts';
import type { MemberParts } from '../../../readers/etcd/report.ts';
import { usableSnaps } from '../../../readers/etcd/snap-directory.ts';
import { walkWal } from '../../../readers/etcd/wal-scan.ts';
import { memberJson, promoteJson } from '../../../writers/etcd/member-json.ts';
import type { WalEnd } from '../../../writers/etcd/wal-append.ts';
import { WalEncoder } from '../../../writers/etcd/wal-encoder.ts';
import { appendRecords } from './append-records.ts';
import { memberWords, membershipAt, type EtcdMembership } from './membership.ts';
import type { AppendParameters } from './parameters.ts';

/** Why nothing can be appended to this log: a rule and a clause that completes "the log cannot simply be continued: ...". */
export interface AppendObstacle {
  rule: string;
  why: string;
}

export interface AppendPlan {
  membership: EtcdMembership;
  parameters: AppendParameters;
  change: FileChange;
  /** Last entry that is kept. */
  keepTo: LogIndex;
  notes: string[];
}

export interface AppendRequest {
  keepTo: LogIndex;
  floor: LogIndex;
  selfAddress: string | null;
}

/**
 * Works out the records that make this member a cluster of one (promote itself where it is a learner, remove everybody else), or what
 * stands in the way. The conditions are those under which etcd itself accepts the log and each change, whatever its release.
 */
export function planAppend(parts: MemberParts, request: AppendRequest): AppendPlan | AppendObstacle {
  const { survey } = parts.log;
  const notes: string[] = [];
  const keepTo = beforeOwnRemoval(parts, request, notes);
  const obstacle = logObstacle(parts, keepTo);
  if (obstacle) return obstacle;
  if (survey.memberId === null) return { rule: 'wal-no-metadata', why: 'its log does not tell which member it is' };
  const membership = membershipAt(parts, keepTo, survey.memberId);
  const refused = memberObstacle(membership);
  if (refused) return refused;
  const end = endOfTail(parts);
  if (!end) return { rule: 'wal-empty-segment', why: 'its newest segment holds no record' };
  const { run } = survey;
  const term = Math.max(survey.hardState?.term ?? 0, run.lastTerm);
  const changes = changesFor(membership, keepTo, request.selfAddress);
  if (changes.length === 0) return { rule: 'already-alone', why: 'the member is a cluster of one already' };
  const vote = survey.hardState?.term === term ? survey.hardState.vote : null;
  const commit = keepTo + changes.length;
  if (!snapshotServes(parts, commit)) return { rule: 'snapshot-ahead', why: 'its newest snapshot is ahead of its db' };
  const tail = parts.directory.segments.at(-1) as NonNullable<MemberParts['directory']['segments'][number]>;
  const parameters = { tail: tail.name, endOffset: end.byteOffset, crc: end.crc, term, vote, commit, changes, bump: null };
  return { membership, parameters, change: changeOf(parts, membership, parameters, keepTo), keepTo, notes };
}

export function isObstacle(result: AppendPlan | AppendObstacle): result is AppendObstacle {
  return 'rule' in result;
}

/** The member's own removal among the entries in doubt would leave nobody: the log is kept up to the entry before it. */
function beforeOwnRemoval({ log: { survey } }: MemberParts, { keepTo, floor }: AppendRequest, notes: string[]): LogIndex {
  const removal = survey.confChanges.find(({ index, change }) => index > floor && index <= keepTo && change?.type === 'remove' && change.id === survey.memberId);
  if (!removal) return keepTo;
  notes.push(`Entry ${removal.index}, not known committed, removes this very member: it and what follows is dropped.`);
  return removal.index - 1;
}

function logObstacle({ directory, log, usable, backend }: MemberParts, keepTo: LogIndex): AppendObstacle | null {
  const { survey } = log;
  const { run } = survey;
  const no = (rule: string, why: string): AppendObstacle => ({ rule, why });
  const damage = survey.damages.find(({ kind }) => kind !== 'torn');
  if (directory.segments.length === 0) return no('wal-missing', 'there is no write-ahead log');
  if (damage) return no('wal-damaged', `${damage.segment.name} is damaged at byte ${damage.byteOffset}`);
  if (survey.metadataConflict) return no('wal-metadata-conflict', 'its segments name different members or clusters');
  if (backend.name !== null && !backend.db) return no('db-unusable', backend.problem ?? 'its db cannot be read');
  const start = usable[0]?.position.index ?? 0;
  const last = Math.max(run.last, start);
  const applied = backend.db?.consistentIndex ?? 0;
  if (start > applied) return no('snapshot-ahead', `its snapshot covers entry ${start}, its db only ${applied}`);
  if ((directory.segments[0]?.firstIndex ?? 0) > start) return no('snapshot-missing', 'there is no snapshot from which the log could be read');
  if (!run.isEmpty && run.first > start + 1) return no('log-gap', `entries ${start + 1}-${run.first - 1} are missing between snapshot and log`);
  if (survey.termFall) return no('term-fall', `the term falls at entry ${survey.termFall.index}`);
  if (applied > last) return no('db-ahead-of-log', `its db has applied entry ${applied}, the log ends at ${last}`);
  if ((survey.hardState?.commit ?? 0) > last) return no('commit-beyond-log', `entry ${survey.hardState?.commit} was committed, the log ends at ${last}`);
  if (keepTo < Math.max(applied, survey.hardState?.commit ?? 0) || keepTo > last) return no('cut-below-floor', `the log cannot end at ${keepTo}`);
  const unknown = survey.confChanges.find(({ index, change }) => index > start && index <= keepTo && change === null);
  if (unknown) return no('unknown-change', `entry ${unknown.index} is a membership change of a kind that etcd cannot apply`);
  return null;
}

function memberObstacle(membership: EtcdMembership): AppendObstacle | null {
  const { isRemoved, isVoter, isLearner, rejected } = membership;
  if (isRemoved) return { rule: 'member-removed', why: 'this member was removed from the cluster' };
  if (!isVoter && !isLearner) return { rule: 'not-a-member', why: "this member is not in raft's configuration" };
  const first = rejected[0];
  return first ? { rule: 'member-views-disagree', why: `etcd would refuse to remove or promote ${first.id}: ${first.why}` } : null;
}

/** The new commit index may make a snapshot valid that was not: it must not be ahead of the db. */
function snapshotServes({ snaps, log, backend }: MemberParts, commit: LogIndex): boolean {
  const newest = usableSnaps(snaps, log.survey.snapshots, commit)[0];
  return !newest || newest.position.index <= (backend.db?.consistentIndex ?? 0);
}

/** Promotion first, then the removals by ascending id, then the address: that of a removed member may be taken over. */
function changesFor({ self, isVoter, others }: EtcdMembership, keepTo: LogIndex, selfAddress: string | null): AppendParameters['changes'] {
  const changes: Omit<AppendParameters['changes'][number], 'index'>[] = [];
  if (!isVoter) changes.push({ type: 'add-voter', id: self.id, context: promoteJson(self.id) });
  for (const { id } of others) changes.push({ type: 'remove', id, context: null });
  if (selfAddress !== null && !(self.peerUrls.length === 1 && self.peerUrls[0] === selfAddress)) {
    changes.push({ type: 'update', id: self.id, context: memberJson({ ...self, peerUrls: [selfAddress] }) });
  }
  return changes.map((change, i) => ({ index: keepTo + 1 + i, ...change }));
}

/** Every record's stored checksum is the running one, so the last whole record tells both. */
export function endOfTail({ directory, log }: Pick<MemberParts, 'directory' | 'log'>): WalEnd | null {
  const tail = directory.segments.at(-1);
  if (!tail) return null;
  let end: WalEnd | null = null;
  for (const { damage, frame } of walkWal(directory.segments, { ends: log.ends, fromOrdinal: tail.ordinal })) {
    if (damage) break;
    end = { byteOffset: frame.nextOffset, crc: frame.storedCrc };
  }
  return end;
}

function changeOf({ directory, log }: MemberParts, { self, others }: EtcdMembership, parameters: AppendParameters, keepTo: LogIndex): FileChange {
  const { tail, endOffset, term, commit, changes } = parameters;
  const bytes = fs.statSync((directory.segments.at(-1) as { path: string }).path).size;
  const names = new Map([self, ...others].map((member) => [member.id, member]));
  const lines = [`from byte ${endOffset}`];
  if (log.survey.isTorn) lines.push('- the unfinished record at its end');
  if (keepTo < log.survey.run.last) lines.push(`- ${keepTo + 1 === log.survey.run.last ? `entry ${keepTo + 1}` : `entries ${keepTo + 1}-${log.survey.run.last}`}, replaced`);
  for (const { index, type, id } of changes) lines.push(`+ entry ${term}/${index}  ${verb(type, id, self.id)} ${memberWords(names.get(id) ?? { name: null, id })}`);
  lines.push(`+ hard state term ${term}, commit ${commit}`);
  const encoder = new WalEncoder(parameters.crc);
  const added = appendRecords(parameters).reduce((sum, { type, data }) => sum + encoder.record(type, data).length, 0);
  return { path: tail, kind: 'replace', bytesBefore: bytes, bytesAfter: Math.max(bytes, endOffset + added), lines };
}

function verb(type: AppendParameters['changes'][number]['type'], id: MemberId, self: MemberId): string {
  if (type === 'remove') return 'remove';
  return type === 'update' ? 'new address of' : id === self ? 'promote' : 'add';
}
