import type { Finding } from '../../src/engine/model/finding.ts';
import type { TruthComparison } from '../helpers/truth-fields.ts';

/** The part of the PickReport (command contract) that truth.json can tell about. */
export interface PickData {
  ranking: { rank: number; label: string; lastEntry: { term: number; index: number }; disqualified: string | null }[];
  source: string | null;
  loss: { verdict: string; proof: string };
  divergence: { a: string; b: string; index: number; aTerm: number; bTerm: number }[];
}

/** The part of `recover compare` (command contract) that truth.json can tell about. */
export interface CompareData {
  pairs: { a: string; b: string; commonPrefixEnd: number | null; divergesAt: number | null; aTerm: number | null; bTerm: number | null }[];
}

interface Divergence {
  members: [string, string];
  common_indexes: number;
  same_up_to: number | null;
  conflict_first: number | null;
  terms_at_conflict?: Record<string, number>;
}

interface ExpectedError {
  member: string;
  kind: string;
}

export function comparePick(truth: TruthComparison, pick: PickData, findings: Finding[]): void {
  const right = [truth.peek('expected_source') as string, ...((truth.peek('expected_source_ties') ?? []) as string[])];
  truth.holds('pick.source', ['expected_source', 'expected_source_ties'], pick.source !== null && right.includes(pick.source), `picked ${pick.source}, truth ${right.join(' or ')}`);
  const source = pick.ranking.find(({ label }) => label === pick.source);
  truth.equal('best_last_log', source === undefined ? null : { term: source.lastEntry.term, index: source.lastEntry.index }, ({ term, index }: { term: number; index: number }) => ({ term, index }));
  const lost = Object.keys((truth.peek('lost_members') ?? {}) as object).length;
  if (pick.ranking.length === 1) truth.holds('pick.loss of a single survivor', ['lost_members'], pick.loss.verdict !== 'none', `verdict ${pick.loss.verdict} with ${lost} members lost`);
  for (const { member, kind } of (truth.peek('expected_errors') ?? []) as ExpectedError[]) {
    if (kind !== 'foreign cluster id') continue;
    const ranked = pick.ranking.find(({ label }) => label === member);
    truth.holds('pick: foreign member', ['expected_errors', 'foreign_member'], ranked?.disqualified != null && findings.some((f) => f.severity === 'error' && f.member === member), `${member}: ${JSON.stringify(ranked)}`);
  }
  compareDivergence(truth, pick);
}

/** Pairs that conflict are told with the first index and both terms; no others are. */
function compareDivergence(truth: TruthComparison, pick: PickData): void {
  const pairs = (truth.peek('divergence') ?? []) as Divergence[];
  const foreign = truth.peek('foreign_member'); // another cluster's log parts from every other: truth leaves those pairs out
  const told = pick.divergence.filter(({ a, b }) => a !== foreign && b !== foreign).map(({ a, b, index, aTerm, bTerm }) => (a < b ? [a, b, index, aTerm, bTerm] : [b, a, index, bTerm, aTerm]).join(' '));
  const expected = pairs.filter((pair) => pair.conflict_first !== null && !isDamageOfOne(truth, pair)).map((pair) => lineOf(pair));
  truth.derived(
    'pick.divergence',
    pairs.flatMap((_, at) => ['members', 'conflict_first', 'terms_at_conflict'].map((field) => `divergence/${at}/${field}`)),
    told.sort(),
    expected.sort(),
  );
}

function lineOf({ members, conflict_first: first, terms_at_conflict: terms }: Divergence): string {
  const [a, b] = [...members].sort() as [string, string];
  return [a, b, first, terms?.[a], terms?.[b]].join(' ');
}

/** The library hands out entries of a damaged sealed segment unchecked; ours does not, so they conflict with nobody. */
function isDamageOfOne(truth: TruthComparison, { members, conflict_first: first }: Divergence): boolean {
  return members.some((member) => ((truth.peek(`members/${member}/against_before_damage/entries_changed`) ?? []) as [number, number][]).some(([from, to]) => first !== null && from <= first && first <= to));
}

/** Where pairs part, as `recover compare` tells. */
export function compareCommonPrefixes(truth: TruthComparison, { pairs }: CompareData): void {
  ((truth.peek('divergence') ?? []) as Divergence[]).forEach((pair, at) => {
    if (isDamageOfOne(truth, pair)) return;
    const told = pairs.find(({ a, b }) => pair.members.includes(a) && pair.members.includes(b));
    const label = `compare ${pair.members.join(' ')}`;
    const covers = [`divergence/${at}/same_up_to`];
    // The library could not open one of the two; ours may still read some of it, and it must not conflict.
    if (pair.common_indexes === 0) truth.derived(label, covers, told?.divergesAt ?? null, null);
    else if (pair.members.some((member) => typeof truth.peek(`members/${member}/wal_records/stopped_by`) === 'string' && truth.peek(`members/${member}/hardstate`) !== null)) {
      // The library ended one log at damage; ours goes on with the whole records behind it.
      truth.holds(label, covers, told?.divergesAt === null && (told.commonPrefixEnd ?? 0) >= (pair.same_up_to ?? 0), JSON.stringify(told));
    } else truth.derived(label, covers, [told?.commonPrefixEnd ?? null, told?.divergesAt ?? null], [pair.same_up_to, pair.conflict_first]);
  });
}
