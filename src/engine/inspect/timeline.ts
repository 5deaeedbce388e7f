import type { LogIndex, Term } from '../core/types.ts';
import type { MemberReport, TermRun } from '../model/member-report.ts';
import type { ConfigurationChange, MemberReading } from '../model/reading.ts';
import { readableSpans, type Span } from './coverage.ts';

/** One member's log as bands of terms, with what happened along it. */
export interface Lane {
  label: string;
  runs: TermRun[];
  snapshots: LogIndex[];
  changes: { index: LogIndex; term: Term; change: string }[];
  damage: Span[];
  /** Entries that no other member holds with this term; empty when there is no other member. */
  alone: Span[];
  last: LogIndex;
}

/** Where two groups of members part: the first index at which they hold different terms. */
export interface Split {
  index: LogIndex;
  sides: { term: Term; members: string[] }[];
}

/** The first entry of a term: a leader was elected. `at` where the store keeps the leader's clock. */
export interface Election {
  term: Term;
  index: LogIndex;
  at: string | null;
}

export interface Timeline {
  first: LogIndex;
  last: LogIndex;
  terms: number;
  lanes: Lane[];
  splits: Split[];
  elections: Election[];
  /** Null where no timestamps exist. */
  electionsPerMinute: number | null;
}

export interface TimelineSource {
  label: string;
  report: MemberReport;
  configurations: ConfigurationChange[];
  /** Every readable run, where it is known already (evidence). */
  runs?: TermRun[];
  reading?: MemberReading;
}

/** Lays the logs of several members beside each other. Longest first, members with the same log together. */
export function timelineOf(sources: readonly TimelineSource[]): Timeline {
  const lanes = sources.map(laneOf).sort((a, b) => (b.runs.at(-1)?.term ?? 0) - (a.runs.at(-1)?.term ?? 0) || b.last - a.last);
  for (const lane of lanes) lane.alone = aloneIn(lane, lanes, sources);
  const firsts = lanes.flatMap((lane) => lane.runs.slice(0, 1).map((run) => run.first));
  const elections = electionsIn(lanes, sources);
  return {
    first: firsts.length > 0 ? Math.min(...firsts) : 1,
    last: Math.max(0, ...lanes.map((lane) => lane.last)),
    terms: new Set(lanes.flatMap((lane) => lane.runs.map((run) => run.term))).size,
    lanes,
    splits: splitsOf(lanes),
    elections,
    electionsPerMinute: rateOf(elections),
  };
}

function laneOf(source: TimelineSource): Lane {
  const { report, label } = source;
  const runs = source.runs ?? runsOf(source);
  const damage = report.damage.flatMap((one) => (one.fromIndex === null ? [] : [{ from: one.fromIndex, to: one.toIndex ?? one.fromIndex }]));
  return {
    label,
    runs,
    snapshots: report.snapshots.filter((one) => one.status !== 'bad').map((one) => one.index).sort((a, b) => a - b),
    changes: afterBootstrap(source.configurations),
    damage,
    alone: [],
    last: Math.max(runs.at(-1)?.last ?? 0, ...damage.map((one) => one.to)),
  };
}

/** The report has the runs of an undamaged log; what lies behind damage is walked. */
function runsOf(source: TimelineSource): TermRun[] {
  const { report, reading } = source;
  const [span, ...others] = readableSpans(report);
  if (reading === undefined || (others.length === 0 && (span === undefined || span.from === report.log.firstIndex))) return report.log.termRuns;
  const runs: TermRun[] = [];
  for (const record of reading.records()) {
    if (record.type !== 'entry') continue;
    const last = runs.at(-1);
    if (last !== undefined && last.term === record.term && last.last + 1 === record.index) last.last = record.index;
    else runs.push({ term: record.term, first: record.index, last: record.index });
  }
  return runs;
}

/** The entries that found the cluster are no changes: those of the first indexes, without a gap. */
function afterBootstrap(configurations: readonly ConfigurationChange[]): Lane['changes'] {
  const logged = configurations.filter((one) => one.source === 'log' && one.effective).sort((a, b) => a.index - b.index);
  let founding = 0;
  while (logged[founding]?.index === founding + 1) founding += 1;
  return logged.slice(founding).map(({ index, term, change }) => ({ index, term, change }));
}

export function termAt(runs: readonly TermRun[], index: LogIndex): Term | null {
  return runs.find((run) => run.first <= index && index <= run.last)?.term ?? null;
}

function aloneIn(lane: Lane, lanes: readonly Lane[], sources: readonly TimelineSource[]): Span[] {
  const others = lanes.filter((other) => other !== lane);
  if (others.length === 0) return [];
  const spans: Span[] = [];
  for (const run of lane.runs) {
    let open: Span[] = [{ from: run.first, to: run.last }];
    for (const other of others) {
      for (const held of heldBy(other, run.term, sources)) open = open.flatMap((span) => cut(span, held));
    }
    spans.push(...open);
  }
  return spans;
}

/** What another member has of a term: its entries, and everything its snapshot covers. */
function heldBy(other: Lane, term: Term, sources: readonly TimelineSource[]): Span[] {
  const held = other.runs.filter((run) => run.term === term).map((run) => ({ from: run.first, to: run.last }));
  const first = other.runs[0]?.first ?? 0;
  const report = sources.find((source) => source.label === other.label)?.report;
  const covered = Math.min(report?.commitFloor ?? 0, first > 0 ? first - 1 : Number.MAX_SAFE_INTEGER);
  return covered > 0 ? [...held, { from: 1, to: covered }] : held;
}

function cut(span: Span, hole: Span): Span[] {
  const parts = [
    { from: span.from, to: Math.min(span.to, hole.from - 1) },
    { from: Math.max(span.from, hole.to + 1), to: span.to },
  ];
  return parts.filter((part) => part.from <= part.to);
}

function splitsOf(lanes: readonly Lane[]): Split[] {
  const indexes = new Set<LogIndex>();
  lanes.forEach((a, at) => {
    for (const b of lanes.slice(at + 1)) {
      const index = firstDifference(a.runs, b.runs);
      if (index !== null) indexes.add(index);
    }
  });
  return [...indexes]
    .sort((a, b) => a - b)
    .map((index) => {
      const sides: Split['sides'] = [];
      for (const lane of lanes) {
        const term = termAt(lane.runs, index);
        if (term === null) continue;
        const side = sides.find((one) => one.term === term);
        if (side) side.members.push(lane.label);
        else sides.push({ term, members: [lane.label] });
      }
      return { index, sides };
    });
}

function firstDifference(a: readonly TermRun[], b: readonly TermRun[]): LogIndex | null {
  let first: LogIndex | null = null;
  for (const left of a) {
    for (const right of b) {
      const from = Math.max(left.first, right.first);
      if (left.term !== right.term && from <= Math.min(left.last, right.last) && (first === null || from < first)) first = from;
    }
  }
  return first;
}

/** A term's first entry is its leader's no-op. Times are read only where the store keeps them. */
function electionsIn(lanes: readonly Lane[], sources: readonly TimelineSource[]): Election[] {
  const starts = new Map<Term, Election>();
  for (const lane of lanes) {
    const reading = sources.find((source) => source.label === lane.label)?.reading;
    const timed = reading !== undefined && reading.report.store !== 'etcd';
    for (const run of lane.runs) {
      const known = starts.get(run.term);
      if (known !== undefined && (known.index < run.first || (known.index === run.first && known.at !== null))) continue;
      starts.set(run.term, { term: run.term, index: run.first, at: timed ? timeOf(reading, run.first) : null });
    }
  }
  return [...starts.values()].sort((a, b) => a.term - b.term);
}

function timeOf(reading: MemberReading, index: LogIndex): string | null {
  for (const record of reading.records({ from: index, to: index })) if (record.type === 'entry') return record.appendedAt ?? null;
  return null;
}

function rateOf(elections: readonly Election[]): number | null {
  const times = elections.flatMap((one) => (one.at === null ? [] : [Date.parse(one.at)])).filter(Number.isFinite);
  if (times.length < 2) return null;
  const minutes = (Math.max(...times) - Math.min(...times)) / 60_000;
  return minutes > 0 ? Math.round(((times.length - 1) / minutes) * 100) / 100 : null;
}
