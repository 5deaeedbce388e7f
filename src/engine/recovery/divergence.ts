import type { LogIndex, Term } from '../core/types.ts';
import { BLOCK_ENTRIES } from '../model/evidence.ts';
import type { ConfigurationDigest, Evidence, LogBlock } from '../model/evidence.ts';
import type { IndexRange } from '../model/pick-report.ts';
import type { MemberReading } from '../model/reading.ts';
import { entryDigest } from './fingerprint.ts';

/** Equal (index, term), other content: corruption or two clusters. */
export interface ContentConflict {
  index: LogIndex;
  /** Past `index` when only evidence files were compared: the first difference lies in [index, upTo]. */
  upTo: LogIndex;
  term: Term;
}

/** Two logs side by side. */
export interface PairComparison {
  a: string;
  b: string;
  /** Indexes that both hold. */
  common: number;
  /** Last index both hold before they part; null when they share none. */
  commonPrefixEnd: LogIndex | null;
  /** First index where terms or content differ; null when they agree wherever both have entries. */
  divergesAt: LogIndex | null;
  /** Last common index that differs. */
  divergesTo: LogIndex | null;
  aTerm: Term | null;
  bTerm: Term | null;
  onlyInA: IndexRange | null;
  onlyInB: IndexRange | null;
  conflict: ContentConflict | null;
  /** Configuration entries that list the same servers in another order: not a conflict. */
  reordered: { index: LogIndex; term: Term }[];
}

interface Stretch {
  from: LogIndex;
  to: LogIndex;
  aTerm: Term;
  bTerm: Term;
}

/**
 * Compares two logs: term runs first (equal index and term mean equal logs up to there, Raft §5.3), then digests for what
 * that property excludes. With readings the exact entry is looked up; with evidence alone it is as exact as the digests.
 */
export function comparePair(a: Evidence, b: Evidence, readings: { a?: MemberReading | undefined; b?: MemberReading | undefined } = {}): PairComparison {
  const stretches = commonStretches(a, b);
  const parted = stretches.filter((one) => one.aTerm !== one.bTerm);
  const equal = stretches.filter((one) => one.aTerm === one.bTerm);
  const { reordered, conflicts } = compareConfigurations(a, b, equal);
  const content = readings.a && readings.b ? exactConflict(a, b, readings.a, readings.b, equal) : digestConflict(a, b, equal);
  if (content) conflicts.push(content);
  const conflict = conflicts.sort((x, y) => x.index - y.index)[0] ?? null;

  const differing = [...parted.map((one) => one.from), ...conflicts.map((one) => one.index), ...reordered.map((one) => one.index)];
  const divergesAt = differing.length > 0 ? Math.min(...differing) : null;
  const ends = [...parted.map((one) => one.to), ...conflicts.map((one) => one.index), ...reordered.map((one) => one.index)];
  const at = stretches.find((one) => divergesAt !== null && divergesAt >= one.from && divergesAt <= one.to);
  const before = stretches.filter((one) => divergesAt === null || one.from < divergesAt).map((one) => Math.min(one.to, (divergesAt ?? Infinity) - 1));
  const commonPrefixEnd = before.length > 0 ? Math.max(...before) : null;
  // Reordered servers do not make what follows another log.
  const split = parted.length > 0 || conflict ? divergesAtOf(parted, conflict) : null;
  return {
    a: a.report.label,
    b: b.report.label,
    common: stretches.reduce((sum, one) => sum + one.to - one.from + 1, 0),
    commonPrefixEnd,
    divergesAt,
    divergesTo: ends.length > 0 ? Math.max(...ends) : null,
    aTerm: at?.aTerm ?? null,
    bTerm: at?.bTerm ?? null,
    onlyInA: onlyIn(a, b, split, stretches),
    onlyInB: onlyIn(b, a, split, stretches),
    conflict,
    reordered,
  };
}

/** All pairs, in the order given. `readingOf` gives the reading where there is one. */
export function comparePairs(evidences: readonly Evidence[], readingOf: (evidence: Evidence) => MemberReading | undefined = () => undefined): PairComparison[] {
  return evidences.flatMap((a, i) => evidences.slice(i + 1).map((b) => comparePair(a, b, { a: readingOf(a), b: readingOf(b) })));
}

function divergesAtOf(parted: readonly Stretch[], conflict: ContentConflict | null): LogIndex {
  return Math.min(parted[0]?.from ?? Infinity, conflict?.index ?? Infinity);
}

/** Stretches of indexes that both hold, cut where a term changes; found by walking both lists of runs once. */
function commonStretches(a: Evidence, b: Evidence): Stretch[] {
  const [left, right] = [sorted(a), sorted(b)];
  const stretches: Stretch[] = [];
  for (let i = 0, j = 0; i < left.length && j < right.length; ) {
    const [x, y] = [left[i] as (typeof left)[number], right[j] as (typeof right)[number]];
    const [from, to] = [Math.max(x.first, y.first), Math.min(x.last, y.last)];
    if (from <= to) stretches.push({ from, to, aTerm: x.term, bTerm: y.term });
    if (x.last < y.last) i += 1;
    else j += 1;
  }
  return stretches;
}

function sorted(evidence: Evidence): Evidence['log']['runs'] {
  return [...evidence.log.runs].sort((x, y) => x.first - y.first);
}

/** What only `a` has: from where the logs part, or past the end of `b`. */
function onlyIn(a: Evidence, b: Evidence, split: LogIndex | null, stretches: readonly Stretch[]): IndexRange | null {
  const end = (evidence: Evidence): LogIndex => Math.max(evidence.report.lastEntry.index, ...evidence.log.runs.map((run) => run.last));
  if (stretches.length === 0) return null;
  const from = split ?? end(b) + 1;
  return from <= end(a) ? { from, to: end(a) } : null;
}

function compareConfigurations(a: Evidence, b: Evidence, equal: readonly Stretch[]): { reordered: PairComparison['reordered']; conflicts: ContentConflict[] } {
  const theirs = new Map(b.log.configurations.map((one) => [one.index, one]));
  const [reordered, conflicts]: [ConfigurationDigest[], ContentConflict[]] = [[], []];
  for (const mine of a.log.configurations) {
    const other = theirs.get(mine.index);
    if (!other || other.term !== mine.term || other.digest === mine.digest) continue;
    if (!equal.some((one) => mine.index >= one.from && mine.index <= one.to)) continue;
    if (sameServers(a, b, mine.index)) reordered.push(mine);
    else conflicts.push({ index: mine.index, upTo: mine.index, term: mine.term });
  }
  return { reordered: reordered.map(({ index, term }) => ({ index, term })), conflicts };
}

function sameServers(a: Evidence, b: Evidence, index: LogIndex): boolean {
  const servers = (evidence: Evidence): string | null => {
    const found = evidence.configurations.find((one) => one.index === index && one.source === 'log');
    return found ? JSON.stringify([[...found.voters].sort(), [...found.learners].sort()]) : null;
  };
  const own = servers(a);
  return own !== null && own === servers(b);
}

function isIn(stretches: readonly Stretch[], from: LogIndex, to: LogIndex): Stretch | undefined {
  return stretches.find((one) => from >= one.from && to <= one.to);
}

function rangeOf(block: LogBlock): { first: LogIndex; last: LogIndex; entries: number } {
  const first = block.first ?? block.block * BLOCK_ENTRIES;
  return { first, last: block.last ?? first + BLOCK_ENTRIES - 1, entries: block.entries ?? BLOCK_ENTRIES };
}

/** Digest of one entry out of the tail; null where it has none. */
function tailDigest(evidence: Evidence, index: LogIndex): string | null {
  const tail = evidence.log.tail;
  if (!tail || index < tail.first) return null;
  return tail.digests.slice((index - tail.first) * tail.width, (index - tail.first + 1) * tail.width) || null;
}

function digestConflict(a: Evidence, b: Evidence, equal: readonly Stretch[]): ContentConflict | null {
  const isConfiguration = new Set([...a.log.configurations, ...b.log.configurations].map((one) => one.index));
  for (const { from, to } of suspectBlocks(a, b, equal, 'certain')) {
    const [first, last] = [from, to];
    const exact = firstTailDifference(a, b, [{ ...(isIn(equal, first, first) as Stretch), from: first, to: last }], isConfiguration);
    return exact ?? { index: first, upTo: last, term: isIn(equal, first, first)?.aTerm ?? 0 };
  }
  return firstTailDifference(a, b, equal, isConfiguration);
}

function firstTailDifference(a: Evidence, b: Evidence, stretches: readonly Stretch[], skip: ReadonlySet<LogIndex>): ContentConflict | null {
  const start = Math.max(a.log.tail?.first ?? Infinity, b.log.tail?.first ?? Infinity);
  for (const stretch of stretches) {
    for (let index = Math.max(stretch.from, start); index <= stretch.to; index++) {
      const [mine, theirs] = [tailDigest(a, index), tailDigest(b, index)];
      if (mine !== null && theirs !== null && mine !== theirs && !skip.has(index)) return { index, upTo: index, term: stretch.aTerm };
    }
  }
  return null;
}

/**
 * Blocks that both share and whose digests differ (`certain`), or that cannot be compared because one of them is partial
 * (`possible` adds those), clipped to the stretches where terms agree.
 */
function suspectBlocks(a: Evidence, b: Evidence, equal: readonly Stretch[], which: 'certain' | 'possible'): IndexRange[] {
  const theirs = new Map(b.log.blocks.map((block) => [block.block, block]));
  const suspects: IndexRange[] = [];
  for (const block of a.log.blocks) {
    const other = theirs.get(block.block);
    if (!other) continue;
    const [x, y] = [rangeOf(block), rangeOf(other)];
    const comparable = x.first === y.first && x.last === y.last && x.entries === y.entries && x.entries === x.last - x.first + 1 && coveredBy(equal, x.first, x.last);
    if (comparable ? block.digest !== other.digest : which === 'possible') {
      suspects.push({ from: Math.max(x.first, y.first), to: Math.min(x.last, y.last) });
    }
  }
  return suspects.filter((one) => one.from <= one.to).sort((x, y) => x.from - y.from);
}

/** Whether stretches where terms agree cover every index of a range. */
function coveredBy(equal: readonly Stretch[], first: LogIndex, last: LogIndex): boolean {
  let next = first;
  for (const one of equal) if (one.from <= next && one.to >= next) next = one.to + 1;
  return next > last;
}

/** Walks both logs through the blocks that may differ, and stops at the first entry that does. */
function exactConflict(a: Evidence, b: Evidence, left: MemberReading, right: MemberReading, equal: readonly Stretch[]): ContentConflict | null {
  for (const range of suspectBlocks(a, b, equal, 'possible')) {
    const mine = new Map<LogIndex, string>();
    for (const record of left.records(range)) if (record.type === 'entry' && record.kind !== 'confChange') mine.set(record.index, `${record.term} ${entryDigest(record)}`);
    for (const record of right.records(range)) {
      if (record.type !== 'entry' || record.kind === 'confChange') continue;
      const own = mine.get(record.index);
      if (own !== undefined && own.startsWith(`${record.term} `) && own !== `${record.term} ${entryDigest(record)}`) {
        return { index: record.index, upTo: record.index, term: record.term };
      }
    }
  }
  return null;
}
