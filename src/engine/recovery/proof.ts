import { comparePositions, quorumOf } from '../core/types.ts';
import type { LogIndex, MemberId } from '../core/types.ts';
import type { IndexRange, LossProof } from '../model/pick-report.ts';
import type { Floor } from './rank.ts';
import { termAt } from './surveyed-member.ts';
import type { ConfigurationView, Standing, SurveyedMember } from './surveyed-member.ts';

/** What the operator vouches for, as far as the theorem uses it. */
export interface Attestation {
  /** No membership change was started after the newest one visible. */
  noMembershipChange: boolean;
  /** Number of voters, where no configuration can be read. */
  voters: number | null;
}

export interface ProofReport {
  proof: Exclude<LossProof, 'certain-loss'>;
  /** The configuration that is hardest to satisfy; null when none is known. */
  weakest: { index: LogIndex; voters: number; quorum: number; counted: number } | null;
  /** Whether an attestation would lift it to `conditional`. */
  attestable: boolean;
  /** Labels that counted. */
  counted: string[];
  /** For `bounded`: what the source lacks at most. */
  missing: IndexRange | null;
  /** Disks with entries that a recovery, whose snapshot the source begins with, left behind: its configuration proves nothing of those. */
  leftBehind?: string[];
}

/** Configurations of the source that a committed entry may have been counted by: the one in force at the floor and all later. */
export function configurationsFrom(source: SurveyedMember, floor: LogIndex): readonly ConfigurationView[] {
  const all = source.configurations;
  let inForce = 0;
  for (let i = 0; i < all.length; i++) if ((all[i] as ConfigurationView).index <= floor) inForce = i;
  return inForce === 0 ? all : all.slice(inForce);
}

/**
 * The theorem: the source holds every committed entry if a strict majority of the voters of *every* configuration visible in
 * it, from the one in force at the floor on, was surveyed whole and none of them ends later than the source.
 * Proof: a committed entry is on a quorum of one of those configurations, so on a surveyed disk v, which can have lost it
 * only to a leader that had it (Raft §5.4.3); so last(v), and with it last(source), lies at or after it, and the leader
 * that made the source's last entry had it. It needs the 2015 erratum to one-server changes and durable acknowledgements.
 */
export function prove(members: readonly SurveyedMember[], source: SurveyedMember, floor: Floor, attested: Attestation): ProofReport {
  const views = configurationsFrom(source, floor.index);
  const halves = views.flatMap((view) => (view.outgoing ? [half(view, view.voters), half(view, view.outgoing)] : [half(view, view.voters)]));
  if (halves.length === 0 && attested.voters !== null) halves.push({ index: 0, voters: null, size: attested.voters });
  if (halves.length === 0) return { proof: 'best-effort', weakest: null, attestable: false, counted: [], missing: null };

  const standings = standingsFor(members, source, floor);
  const counts = halves.map((one) => countHalf(one, standings));
  // Of equally weak ones the newest: that is the one people know.
  const weakest = counts.reduce((worst, one) => (margin(one) < margin(worst) || (margin(one) === margin(worst) && one.index > worst.index) ? one : worst));
  const base = { weakest: weakestOf(weakest), counted: [...standings.keys()].map((member) => member.label), attestable: false, missing: null };
  const leftBehind = members.filter((member) => holdsMore(member, source)).map((member) => member.label);
  if (leftBehind.length > 0) return { ...base, leftBehind, proof: 'best-effort' };
  const holds = (of: (one: Count) => number): boolean => counts.every((one) => of(one) >= one.quorum);

  if (holds((one) => one.intact)) return { ...base, proof: 'proven' };
  if (holds((one) => one.intact + one.torn)) return { ...base, proof: 'proven-if-torn' };
  if (holds((one) => one.intact + one.torn + one.longer)) return { ...base, proof: 'bounded', missing: bound(source, standings, floor) };
  const only = halves.length === 1 ? counts[0] : undefined;
  const attestable = only !== undefined && only.size % 2 === 0 && only.intact === only.size / 2 && (halves[0] as Half).index <= floor.index;
  return { ...base, attestable, proof: attestable && attested.noMembershipChange ? 'conditional' : 'best-effort' };
}

/** Whether a disk holds an entry behind the recovery that the source begins with, and the source does not. */
function holdsMore(member: SurveyedMember, source: SurveyedMember): boolean {
  const from = source.recoveredAt ?? null;
  if (from === null || member === source) return false;
  const behind = member.runs.filter((run) => run.last > from);
  return behind.some((run) => [Math.max(run.first, from + 1), run.last].some((index) => termAt(source, index) !== run.term));
}

interface Half {
  index: LogIndex;
  /** Null: any member counts. */
  voters: readonly MemberId[] | null;
  size: number;
}

interface Count {
  index: LogIndex;
  size: number;
  quorum: number;
  intact: number;
  torn: number;
  longer: number;
}

type Weight = 'intact' | 'torn' | 'longer';

function half(view: ConfigurationView, voters: readonly MemberId[]): Half {
  return { index: view.index, voters, size: voters.length };
}

/** How each member counts against this source; members that do not count are left out. */
function standingsFor(members: readonly SurveyedMember[], source: SurveyedMember, floor: Floor): Map<SurveyedMember, Weight> {
  const seen = new Map<MemberId, number>();
  for (const { serverId } of members) if (serverId !== null) seen.set(serverId, (seen.get(serverId) ?? 0) + 1);
  const standings = new Map<SurveyedMember, Weight>();
  for (const member of members) {
    const weight = weigh(member, source, floor);
    // Two disks of one server: one of them is an old copy, and nothing tells which.
    const doubled = member.serverId !== null && seen.get(member.serverId) !== 1;
    if (weight !== null && !doubled) standings.set(member, weight);
  }
  return standings;
}

function weigh(member: SurveyedMember, source: SurveyedMember, floor: Floor): Weight | null {
  const standing: Standing = member.floor > member.last.index && member.standing !== 'descriptor' ? 'missing' : member.standing;
  switch (standing) {
    case 'missing':
      return null;
    case 'descriptor':
      return comparePositions(member.end, source.last) <= 0 ? 'intact' : 'longer';
    case 'torn':
      // A tear at or below the floor is not "after everything known committed".
      if (floor.index > member.last.index) return null;
      return comparePositions(member.last, source.last) <= 0 ? 'torn' : null;
    case 'intact':
      return comparePositions(member.last, source.last) <= 0 ? 'intact' : null;
  }
}

function countHalf(one: Half, standings: ReadonlyMap<SurveyedMember, Weight>): Count {
  const count: Count = { index: one.index, size: one.size, quorum: quorumOf(one.size), intact: 0, torn: 0, longer: 0 };
  for (const [member, weight] of standings) {
    if (one.voters === null || (member.serverId !== null && one.voters.includes(member.serverId))) count[weight] += 1;
  }
  return count;
}

function margin(count: Count): number {
  return count.intact + count.torn - count.quorum;
}

function weakestOf(count: Count): ProofReport['weakest'] {
  return { index: count.index, voters: count.size, quorum: count.quorum, counted: count.intact + count.torn };
}

/** At most what the longest unreadable member holds past the last entry both share. */
function bound(source: SurveyedMember, standings: ReadonlyMap<SurveyedMember, Weight>, floor: Floor): IndexRange {
  const longer = [...standings].filter(([, weight]) => weight === 'longer').map(([member]) => member);
  let from = Number.MAX_SAFE_INTEGER;
  let to = 0;
  for (const member of longer) {
    from = Math.min(from, Math.max(floor.index, lastCommon(source, member)) + 1);
    to = Math.max(to, member.end.index);
  }
  return { from, to };
}

/** Last entry both hold: by log matching a member whose log ends in the source's last term has all of the source up to there. */
function lastCommon(source: SurveyedMember, member: SurveyedMember): LogIndex {
  if (member.end.term === source.last.term) return Math.min(source.last.index, member.end.index);
  let common = 0;
  for (const ours of source.runs) {
    for (const theirs of member.runs) {
      if (ours.term === theirs.term && theirs.first <= ours.last && ours.first <= theirs.last) common = Math.max(common, Math.min(ours.last, theirs.last));
    }
  }
  return common;
}
