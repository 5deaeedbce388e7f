import type { LogIndex, LogPosition, MemberId, Term } from '../core/types.ts';
import type { TermRun } from '../model/member-report.ts';

/** A configuration that a member's log or snapshot shows; `outgoing` is the old half of a joint one. */
export interface ConfigurationView {
  index: LogIndex;
  voters: readonly MemberId[];
  outgoing?: readonly MemberId[];
}

/**
 * How far a disk can be trusted to show everything its server ever acknowledged:
 * `intact` in full; `torn` but for an unfinished last record; `descriptor` only how far its log went; `missing` not at all.
 */
export type Standing = 'intact' | 'torn' | 'descriptor' | 'missing';

/**
 * What ranking and proof need to know of a stopped member, and nothing else: they are tried against millions of
 * generated surveys, and run unchanged on real ones.
 */
export interface SurveyedMember {
  label: string;
  /** How configurations name it; null when nobody knows, and then it never counts. */
  serverId: MemberId | null;
  /** Ranks it: the last entry, or the newest usable snapshot's. */
  last: LogPosition;
  /** Where its log is known to have ended, unreadable parts included; equals `last` when all is readable. */
  end: LogPosition;
  /** Highest index its data proves committed; above `last` when it lost its tail. */
  floor: LogIndex;
  appliedIndex: LogIndex | null;
  runs: readonly TermRun[];
  /** Newest usable snapshot; null without one. */
  snapshot: LogPosition | null;
  /** Index of a recovery's snapshot, which says nothing of what the old cluster committed; absent or null without one. */
  recoveredAt?: LogIndex | null;
  /** Oldest first. */
  configurations: readonly ConfigurationView[];
  standing: Standing;
  role: 'voter' | 'learner' | 'none' | 'unknown';
  /** Why it can never be the source (another cluster, not startable, a learner); null for candidates. */
  barred: string | null;
  findings: number;
}

/**
 * Term of the entry at `index` as far as this member tells, else null. The snapshot is asked first: a leader's snapshot is installed
 * over a log that may hold entries of another branch, and where the two differ, what the log holds up to there is not the snapshot's.
 */
export function termAt(member: SurveyedMember, index: LogIndex): Term | null {
  const { snapshot } = member;
  if (snapshot?.index === index) return snapshot.term;
  if (snapshot && index < snapshot.index && termInLog(member, snapshot.index) !== snapshot.term) return null;
  return termInLog(member, index) ?? (member.last.index === index ? member.last.term : null);
}

function termInLog(member: SurveyedMember, index: LogIndex): Term | null {
  for (let i = member.runs.length - 1; i >= 0; i--) {
    const run = member.runs[i] as TermRun;
    if (index > run.last) break;
    if (index >= run.first) return run.term;
  }
  return null;
}
