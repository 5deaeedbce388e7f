import type { LogIndex } from '../core/types.ts';
import type { Evidence } from '../model/evidence.ts';
import type { IndexRange } from '../model/pick-report.ts';
import type { PairComparison } from './divergence.ts';

export interface ComparedPair {
  a: string;
  b: string;
  commonPrefixEnd: LogIndex | null;
  divergesAt: LogIndex | null;
  aTerm: number | null;
  bTerm: number | null;
  onlyInA: IndexRange | null;
  onlyInB: IndexRange | null;
}

/** A property of Raft as far as the disks show it; `holds` null when they cannot. */
export interface Invariant {
  name: string;
  holds: boolean | null;
  where: string;
}

/** The answer of `recover compare`. */
export interface CompareReport {
  pairs: ComparedPair[];
  invariants: Invariant[];
}

/** Pairs and the properties that must hold across members of one cluster (Raft Figure 3). */
export function compareMembers(evidences: readonly Evidence[], pairs: readonly PairComparison[]): CompareReport {
  return {
    pairs: pairs.map(({ a, b, commonPrefixEnd, divergesAt, aTerm, bTerm, onlyInA, onlyInB }) => ({ a, b, commonPrefixEnd, divergesAt, aTerm, bTerm, onlyInA, onlyInB })),
    invariants: [oneCluster(evidences), logMatching(pairs), committedAgree(evidences, pairs), contiguous(evidences), termsNeverFall(evidences), commitInLog(evidences), oneVotePerTerm(evidences), statesEqual(evidences)],
  };
}

function verdict(name: string, broken: readonly string[], fine: string): Invariant {
  return { name, holds: broken.length === 0, where: broken.length === 0 ? fine : broken.join('; ') };
}

function oneCluster(evidences: readonly Evidence[]): Invariant {
  const ids = new Set(evidences.map((one) => one.report.clusterId).filter((id) => id !== null));
  if (ids.size === 0) return { name: 'one-cluster', holds: null, where: 'the store keeps no cluster id' };
  return verdict('one-cluster', ids.size > 1 ? [[...ids].join(', ')] : [], `${[...ids][0]}`);
}

/** Equal index and term mean equal entries, and equal logs up to there (Raft §5.3). */
function logMatching(pairs: readonly PairComparison[]): Invariant {
  const broken = pairs.filter((one) => one.conflict).map((one) => `${one.a} and ${one.b} differ in entry ${one.conflict?.index} of term ${one.conflict?.term}`);
  const rejoined = pairs.filter((one) => one.divergesAt !== null && one.reordered.length === 0 && one.conflict === null && one.onlyInA === null && one.onlyInB === null);
  broken.push(...rejoined.map((one) => `${one.a} and ${one.b} part at ${one.divergesAt} and agree later`));
  const reordered = pairs.filter((one) => one.reordered.length > 0);
  const note = reordered.length > 0 ? `servers in another order at ${reordered[0]?.reordered.map((one) => one.index).join(', ')}: harmless` : 'equal (index, term), equal entry';
  return verdict('log-matching', broken, note);
}

/** Where logs part, at most one side can know its entry committed (Raft §5.4.3). */
function committedAgree(evidences: readonly Evidence[], pairs: readonly PairComparison[]): Invariant {
  const floors = new Map(evidences.map((one) => [one.report.label, one.report.commitFloor]));
  const broken = pairs.filter(({ a, b, divergesAt, reordered }) => divergesAt !== null && reordered.length === 0 && Math.min(floors.get(a) ?? 0, floors.get(b) ?? 0) >= divergesAt).map(({ a, b, divergesAt }) => `${a} and ${b} both know different entries committed from ${divergesAt} on`);
  return verdict('committed-entries-agree', broken, 'no two members know different entries committed');
}

function contiguous(evidences: readonly Evidence[]): Invariant {
  const broken = evidences.flatMap(({ report }) => report.damage.filter((one) => one.fromIndex !== null).map((one) => `${report.label} lacks ${one.fromIndex}${one.toIndex === one.fromIndex ? '' : `-${one.toIndex ?? '?'}`}`));
  const gaps = evidences.filter(({ report: { log } }) => log.entries !== log.lastIndex - log.firstIndex + 1).map((one) => `${one.report.label} has holes`);
  return verdict('contiguous', [...broken, ...gaps], 'no holes');
}

function termsNeverFall(evidences: readonly Evidence[]): Invariant {
  const broken = evidences.flatMap(({ report }) => report.log.termRuns.flatMap((run, at) => (at > 0 && run.term < (report.log.termRuns[at - 1]?.term ?? 0) ? [`${report.label} at ${run.first}`] : [])));
  return verdict('terms-never-fall', broken, 'within each log');
}

function commitInLog(evidences: readonly Evidence[]): Invariant {
  const broken = evidences.filter(({ report }) => report.commitFloor > report.lastEntry.index).map(({ report }) => `${report.label} knows ${report.commitFloor} committed, its log ends at ${report.lastEntry.index}`);
  return verdict('commit-within-log', broken, 'applied and committed entries are in the log');
}

/** Two members can vote differently in a term; a member that leads it has a majority, so at most one of its name can win. */
function oneVotePerTerm(evidences: readonly Evidence[]): Invariant {
  const broken: string[] = [];
  const known = new Map<string, { label: string; votedFor: string }>();
  for (const { report } of evidences) {
    const { votedFor, currentTerm } = report.hardState;
    if (votedFor === null || report.memberId === null) continue;
    const before = known.get(`${report.memberId} ${currentTerm}`);
    if (before && before.votedFor !== votedFor) broken.push(`${before.label} and ${report.label} are one member, with two votes in term ${currentTerm}`);
    known.set(`${report.memberId} ${currentTerm}`, { label: report.label, votedFor });
  }
  return verdict('one-vote-per-term', broken, 'each member voted once in its current term');
}

/** State machines that applied the same entries are equal (Raft §5.4.3); comparable at equal index or revision only. */
function statesEqual(evidences: readonly Evidence[]): Invariant {
  const states = evidences.flatMap(({ report }) => (report.state?.hash == null ? [] : [{ label: report.label, at: report.state.revision ?? report.appliedIndex, hash: report.state.hash }]));
  const comparable = states.filter((one) => states.some((other) => other !== one && other.at === one.at));
  if (comparable.length === 0) return { name: 'states-equal', holds: null, where: states.length === 0 ? 'no state hashes: --hash-state computes them' : 'no two state machines stand at the same revision' };
  const broken = comparable.filter((one, i) => comparable.slice(0, i).some((other) => other.at === one.at && other.hash !== one.hash)).map((one) => `${one.label} at ${one.at}`);
  return verdict('states-equal', broken, `at ${[...new Set(comparable.map((one) => one.at))].join(', ')}`);
}
