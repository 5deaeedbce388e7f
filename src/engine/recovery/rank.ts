import { comparePositions } from '../core/types.ts';
import type { LogIndex, Term } from '../core/types.ts';
import type { DecidedBy } from '../model/pick-report.ts';
import { termAt } from './surveyed-member.ts';
import type { SurveyedMember } from './surveyed-member.ts';

/** The highest index known committed, and its entry's term where someone knows it. */
export interface Floor {
  index: LogIndex;
  term: Term | null;
  /** Labels of the members whose data proves it; empty when only the operator does. */
  provenBy: string[];
}

/** Something the operator saw committed. */
export interface SeenPosition {
  index: LogIndex;
  term: Term | null;
}

export interface Candidate {
  member: SurveyedMember;
  disqualified: string | null;
  /** True when only the floor gate stands in its way. */
  gated: boolean;
  /** The known committed entry that it lacks; null when it is not gated. */
  lacks: Floor | null;
}

export interface Ranking {
  /** Candidates first, best first; then the disqualified in the same order. */
  order: Candidate[];
  source: SurveyedMember | null;
  decidedBy: DecidedBy;
  floor: Floor;
  /** Two entries proven committed at the floor's index: nothing may be picked. */
  floorConflict: boolean;
}

/** What stops a member from being the source. */
export interface Gates {
  /** Highest entry known committed whose term is known: who holds another one there, or ends before it, is out when someone holds it. */
  entry: Floor;
  /**
   * Highest entry that the state machine of a candidate has applied. That disk holds it for certain, whoever's it was and wherever
   * its log ends; one that ends before it lacks it.
   */
  applied: Floor;
}

/** The floor F over every surveyed member of the lineage and what the operator saw. */
export function floorOf(members: readonly SurveyedMember[], seen: readonly SeenPosition[] = []): { floor: Floor; gates: Gates; conflict: boolean } {
  const nothing = (): Floor => ({ index: 0, term: null, provenBy: [] });
  const floor = nothing();
  const gates: Gates = { entry: nothing(), applied: nothing() };
  let conflict = false;
  const raise = (into: Floor, index: LogIndex, term: Term | null, by: string | null): void => {
    if (index === 0 || index < into.index) return;
    if (index > into.index) [into.index, into.term, into.provenBy] = [index, null, []];
    if (into.term !== null && term !== null && term !== into.term && by !== null) conflict = true;
    into.term ??= term;
    if (by !== null) into.provenBy.push(by);
  };
  const learn = (index: LogIndex, term: Term | null, by: string | null): void => {
    raise(floor, index, term, by);
    // Without its term nobody can tell whose entry at that index is the committed one: what logs hold there stops nobody.
    if (term !== null) raise(gates.entry, index, term, by);
  };
  for (const member of members) learn(member.floor, termAt(member, member.floor), member.label);
  for (const member of members) raise(gates.applied, appliedBy(member), null, member.label);
  for (const fact of seen) learn(fact.index, fact.term, null);
  return { floor, gates, conflict };
}

/** How far a member's state machine is sure to hold what was committed: that of a disk which cannot be started may be damaged. */
function appliedBy(member: SurveyedMember): LogIndex {
  return member.barred === null ? (member.appliedIndex ?? 0) : 0;
}

/** Whether a member holds the gate's entry; where its own term there is unknown, reaching that far counts. */
function holdsEntry(member: SurveyedMember, gate: Floor): boolean {
  if (appliedBy(member) >= gate.index) return true;
  if (member.last.index < gate.index) return false;
  const term = termAt(member, gate.index);
  return gate.term === null || term === null || term === gate.term;
}

/** The gate that a member does not pass. */
function failedGate(member: SurveyedMember, { entry, applied }: Gates, someoneHolds: boolean): Floor | null {
  if (Math.max(member.last.index, appliedBy(member)) < applied.index) return applied;
  return someoneHolds && !holdsEntry(member, entry) ? entry : null;
}

/**
 * The source rule: barred members (other lineage, not startable, learners) and those the floor gate stops are out; the
 * rest is ordered as a vote would be (Raft §5.4.1). The gate only disqualifies. It looks at the holder of the floor even
 * when that holder cannot be started: what it proves committed stays proven.
 */
export function rankMembers(members: readonly SurveyedMember[], seen: readonly SeenPosition[] = []): Ranking {
  const { floor, gates, conflict } = floorOf(members, seen);
  const someoneHolds = members.some((member) => holdsEntry(member, gates.entry));
  const order = members.map((member): Candidate => {
    if (member.barred !== null) return { member, disqualified: member.barred, gated: false, lacks: null };
    const lacks = failedGate(member, gates, someoneHolds);
    return { member, disqualified: lacks && gateReason(member, lacks, lacks === gates.applied), gated: lacks !== null, lacks };
  });
  const byPreference = (a: Candidate, b: Candidate): number => Number(a.disqualified !== null) - Number(b.disqualified !== null) || comparePreference(a.member, b.member);
  order.sort(byPreference);
  const best = order[0];
  const source = best && best.disqualified === null && !conflict ? best.member : null;
  // The gate matters only against those that would have won: the others lose by rank, which says more.
  for (const one of order) if (source && one.gated && comparePositions(one.member.last, source.last) < 0) one.disqualified = null;
  order.sort(byPreference);
  return { order, source, decidedBy: decidedBy(order), floor, floorConflict: conflict };
}

function gateReason(member: SurveyedMember, floor: Floor, isApplied: boolean): string {
  if (isApplied) return `ends at ${Math.max(member.last.index, appliedBy(member))}, but the state machine of ${floor.provenBy.join(', ')} holds ${floor.index}, which is committed`;
  const by = floor.provenBy.length > 0 ? `${floor.provenBy.join(', ')} proves` : 'you saw';
  if (member.last.index < floor.index) return `ends at ${member.last.index}, but ${by} ${floor.index} committed and another disk holds it`;
  return `holds another entry at ${floor.index} (term ${termAt(member, floor.index)}) than the one of term ${floor.term} that ${by} committed`;
}

/** Negative when `a` is the better source. Equal positions: fewer findings, higher applied, voter first, label. */
export function comparePreference(a: SurveyedMember, b: SurveyedMember): number {
  return (
    comparePositions(b.last, a.last) ||
    a.findings - b.findings ||
    (b.appliedIndex ?? 0) - (a.appliedIndex ?? 0) ||
    Number(b.role === 'voter') - Number(a.role === 'voter') ||
    (a.label < b.label ? -1 : a.label > b.label ? 1 : 0)
  );
}

function decidedBy(order: readonly Candidate[]): DecidedBy {
  const [first, second] = order;
  if (!first || first.disqualified !== null) return 'only-candidate';
  if (order.some((other) => other.gated && comparePositions(other.member.last, first.member.last) > 0)) return 'floor-gate';
  if (!second || second.disqualified !== null) return 'only-candidate';
  if (first.member.last.term !== second.member.last.term) return 'last-term';
  return first.member.last.index !== second.member.last.index ? 'last-index' : 'tie';
}
