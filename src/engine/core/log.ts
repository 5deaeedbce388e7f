import type { LogOutline } from './raft.ts';
import { appendSize, dropSizesBefore, noSizes, sumUpTo, truncateSizes, type Sizes } from './sizes.ts';
import type { LogIndex, LogPosition, Term } from './types.ts';

/** Entries of one term, from `first` up to the next run or the end of the log. */
interface TermRun {
  readonly term: Term;
  readonly first: LogIndex;
}

/**
 * The log without its content: terms and payload sizes are all the protocol needs. Immutable; an append costs O(1) amortised.
 * Invariants: runs are in order, terms grow, `runs[0].first` is `base.index + 1` unless the log is empty.
 */
export interface Log {
  readonly base: LogPosition;
  readonly last: LogIndex;
  readonly runs: readonly TermRun[];
  readonly sizes: Sizes;
}

/** A log that begins behind `base` and holds nothing. */
export function emptyLog(base: LogPosition): Log {
  return { base, last: base.index, runs: [], sizes: noSizes(base.index + 1) };
}

/** @throws {RangeError} When the outline contradicts itself. */
export function logOf(outline: LogOutline): Log {
  let { sizes } = emptyLog(outline.base);
  for (const size of outline.sizes) sizes = appendSize(sizes, size);
  const last = outline.base.index + outline.sizes.length;
  let expected = outline.base.index + 1;
  let term = outline.base.term;
  for (const run of outline.termRuns) {
    if (run.first !== expected || run.last < run.first || run.term < term) throw new RangeError(`log outline: run of term ${run.term} at ${run.first}..${run.last} does not follow ${expected - 1}`);
    expected = run.last + 1;
    term = run.term;
  }
  if (expected !== last + 1) throw new RangeError(`log outline: runs end at ${expected - 1}, sizes at ${last}`);
  const runs = outline.termRuns.filter((run, at) => at === 0 || run.term !== outline.termRuns[at - 1]?.term);
  return { base: outline.base, last, runs: runs.map(({ term: of, first }) => ({ term: of, first })), sizes };
}

export function firstIndexOf(log: Log): LogIndex {
  return log.base.index + 1;
}

/** Number of the run that holds `index`, -1 when it lies outside of the entries. */
function runAt(log: Log, index: LogIndex): number {
  if (index <= log.base.index || index > log.last) return -1;
  let at = log.runs.length - 1;
  // Nearly every question is about the newest runs; beyond those, halve.
  for (let tries = 0; tries < 4 && at >= 0; tries++, at--) if ((log.runs[at]?.first ?? 0) <= index) return at;
  let low = 0;
  while (low < at) {
    const middle = (low + at + 1) >> 1;
    if ((log.runs[middle]?.first ?? 0) <= index) low = middle;
    else at = middle - 1;
  }
  return low;
}

/** Term of the entry at `index`, or of the base; null where the log holds nothing (any more). */
export function termAt(log: Log, index: LogIndex): Term | null {
  if (index === log.base.index) return log.base.term;
  return log.runs[runAt(log, index)]?.term ?? null;
}

export function lastPosition(log: Log): LogPosition {
  return { index: log.last, term: log.runs.at(-1)?.term ?? log.base.term };
}

/** First index of the entries that share the term of the one at `index`; null outside of the entries. */
export function firstOfTermAt(log: Log, index: LogIndex): LogIndex | null {
  return log.runs[runAt(log, index)]?.first ?? null;
}

/** Last index of the entries of exactly this term; null when there are none. */
export function lastOfTerm(log: Log, term: Term): LogIndex | null {
  for (let at = log.runs.length - 1; at >= 0; at--) {
    const run = log.runs[at];
    if (run === undefined || run.term < term) return null;
    if (run.term === term) return (log.runs[at + 1]?.first ?? log.last + 1) - 1;
  }
  return null;
}

/** Adds one entry behind the last. */
export function appendToLog(log: Log, term: Term, bytes: number): Log {
  const last = log.last + 1;
  const newest = log.runs.at(-1);
  if (term < (newest?.term ?? log.base.term)) throw new RangeError(`log: term ${term} at ${last} is below that of the entry before it`);
  return { base: log.base, last, runs: newest?.term === term ? log.runs : [...log.runs, { term, first: last }], sizes: appendSize(log.sizes, bytes) };
}

/** Drops the entries from `from` on. */
export function truncateLog(log: Log, from: LogIndex): Log {
  if (from > log.last) return log;
  if (from <= log.base.index) throw new RangeError(`log: cannot truncate from ${from}, it begins behind ${log.base.index}`);
  return { base: log.base, last: from - 1, runs: log.runs.filter((run) => run.first < from), sizes: truncateSizes(log.sizes, from) };
}

/** Drops the entries before `firstIndex`; the base moves there. */
export function trimLog(log: Log, firstIndex: LogIndex): Log {
  if (firstIndex <= log.base.index + 1) return log;
  const term = termAt(log, firstIndex - 1);
  if (term === null) throw new RangeError(`log: cannot trim to ${firstIndex}, it ends at ${log.last}`);
  const from = firstIndex > log.last ? log.runs.length : runAt(log, firstIndex);
  const runs = log.runs.slice(from).map((run) => (run.first < firstIndex ? { term: run.term, first: firstIndex } : run));
  return { base: { index: firstIndex - 1, term }, last: log.last, runs, sizes: dropSizesBefore(log.sizes, firstIndex) };
}

/** Payload bytes of the entries `[from, until)`. */
export function bytesBetween(log: Log, from: LogIndex, until: LogIndex): number {
  return until <= from ? 0 : sumUpTo(log.sizes, until - 1) - sumUpTo(log.sizes, from - 1);
}

/** End (exclusive) of the longest stretch from `from` within both limits; one entry goes even when it alone is larger. */
export function stretchEnd(log: Log, from: LogIndex, maxEntries: number, maxBytes: number): LogIndex {
  const end = Math.min(log.last + 1, from + maxEntries);
  if (end <= from + 1) return end;
  const limit = sumUpTo(log.sizes, from - 1) + maxBytes;
  if (sumUpTo(log.sizes, end - 1) <= limit) return end;
  let low = from + 1;
  let high = end;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (sumUpTo(log.sizes, middle - 1) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}
