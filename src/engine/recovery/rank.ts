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
export function floorOf(members: readonly SurveyedMember[], seen: readonly SeenPosition[] = []): Floor & { conflict: boolean } {
  let index = 0;
  for (const member of members) index = Math.max(index, member.floor);
  for (const fact of seen) index = Math.max(index, fact.index);
  let term: Term | null = null;
  let conflict = false;
  const provenBy: string[] = [];
  const learn = (known: Term | null): void => {
    if (known === null) return;
    if (term !== null && term !== known) conflict = true;
    term = known;
  };
  for (const member of members) {
    if (member.floor !== index || index === 0) continue;
    provenBy.push(member.label);
    learn(termAt(member, index));
  }
  if (!conflict) for (const fact of seen) if (fact.index === index && term === null) term = fact.term;
  return { index, term, provenBy, conflict };
}

/** Whether a member holds the floor's entry; unknown terms count as held when the log reaches that far. */
function holdsFloor(member: SurveyedMember, floor: Floor): boolean {
  if (member.last.index < floor.index) return false;
  const term = termAt(member, floor.index);
  return floor.term === null || term === null || term === floor.term;
}

/**
 * The source rule: barred members (other lineage, not startable, learners) and those the floor gate stops are out; the
 * rest is ordered as a vote would be (Raft §5.4.1). The gate only disqualifies. It looks at the holder of the floor even
 * when that holder cannot be started: what it proves committed stays proven.
 */
export function rankMembers(members: readonly SurveyedMember[], seen: readonly SeenPosition[] = []): Ranking {
  const { conflict, ...floor } = floorOf(members, seen);
  const someoneHolds = members.some((member) => holdsFloor(member, floor));
  const order = members.map((member): Candidate => {
    if (member.barred !== null) return { member, disqualified: member.barred, gated: false };
    if (!someoneHolds || holdsFloor(member, floor)) return { member, disqualified: null, gated: false };
    return { member, disqualified: gateReason(member, floor), gated: true };
  });
  order.sort((a, b) => Number(a.disqualified !== null) - Number(b.disqualified !== null) || comparePreference(a.member, b.member));
  const best = order[0];
  const source = best && best.disqualified === null && !conflict ? best.member : null;
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
