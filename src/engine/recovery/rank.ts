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

/** The floor F over every surveyed member of the lineage and what the operator saw. */
export function floorOf(members: readonly SurveyedMember[], seen: readonly SeenPosition[] = []): { floor: Floor; gate: Floor; conflict: boolean } {
  const floor: Floor = { index: 0, term: null, provenBy: [] };
  const gate: Floor = { index: 0, term: null, provenBy: [] };
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
    // Without its term nobody can tell whose entry at that index is the committed one, so it stops nobody.
    if (term !== null) raise(gate, index, term, by);
  };
  for (const member of members) learn(member.floor, termAt(member, member.floor), member.label);
  for (const fact of seen) learn(fact.index, fact.term, null);
  return { floor, gate, conflict };
}

/** Whether a member holds the gate's entry; where its own term there is unknown, reaching that far counts. */
function holdsFloor(member: SurveyedMember, gate: Floor): boolean {
  if (member.last.index < gate.index) return false;
  const term = termAt(member, gate.index);
  return gate.term === null || term === null || term === gate.term;
}

/**
 * The source rule: barred members (other lineage, not startable, learners) and those the floor gate stops are out; the
 * rest is ordered as a vote would be (Raft §5.4.1). The gate only disqualifies. It looks at the holder of the floor even
 * when that holder cannot be started: what it proves committed stays proven.
 */
export function rankMembers(members: readonly SurveyedMember[], seen: readonly SeenPosition[] = []): Ranking {
  const { floor, gate, conflict } = floorOf(members, seen);
  const someoneHolds = members.some((member) => holdsFloor(member, gate));
  const order = members.map((member): Candidate => {
    if (member.barred !== null) return { member, disqualified: member.barred, gated: false };
    if (!someoneHolds || holdsFloor(member, gate)) return { member, disqualified: null, gated: false };
    return { member, disqualified: gateReason(member, gate), gated: true };
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

function gateReason(member: SurveyedMember, floor: Floor): string {
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
