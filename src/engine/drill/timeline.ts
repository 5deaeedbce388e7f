import type { DrillTimeline, LaneState } from '../model/drill-record.ts';
import type { Bracket, Recorder, Sample } from './recorder.ts';

/** At most so many buckets of writes: enough for a chart of full width. */
const MOST_BUCKETS = 160;
const BUCKETS_MS = [100, 200, 250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];

export const NO_SERVICE = 'no service';
/** A pause between two acknowledgements that clients notice. */
const OUTAGE_MS = 250;

/** An ended operation, as far as a rate is about it. */
export interface Ending {
  readonly atMs: number;
  readonly ok: boolean;
  readonly isWrite: boolean;
}

type Recorded = Pick<Recorder, 'phases' | 'ticks' | 'samples' | 'brackets' | 'zero'> & { readonly startedAt: Date };

/** The run as it is drawn: everything in milliseconds from the fault. */
export function timelineOf(recorded: Recorded, endings: readonly Ending[], endMs: number): DrillTimeline {
  const zeroMs = recorded.zero?.atMs ?? 0;
  const from = (atMs: number): number => Math.round(atMs - zeroMs);
  return {
    zeroAt: new Date(recorded.startedAt.getTime() + zeroMs).toISOString(),
    zeroIs: recorded.zero?.what ?? 'the run begins',
    fromMs: from(0),
    toMs: from(endMs),
    phases: recorded.phases.map(({ name, fromMs, toMs, ok }) => ({ name, fromMs: from(fromMs), toMs: from(toMs ?? endMs), ok })),
    lanes: lanesOf(recorded.samples, endMs).map(({ member, spans }) => ({ member, spans: spans.map((span) => ({ state: span.state, fromMs: from(span.fromMs), toMs: from(span.toMs) })) })),
    ...writesOf(endings, endMs, from),
    ticks: recorded.ticks.map(({ atMs, kind, label, step }, at) => ({ n: at + 1, atMs: from(atMs), kind, label, step })),
    brackets: [...(recorded.brackets.some((one) => one.name === NO_SERVICE) ? [] : outagesOf(recorded, endings)), ...recorded.brackets, ...withoutMargin(recorded, endMs)].map((one) => ({ ...one, fromMs: from(one.fromMs), toMs: from(one.toMs) })),
  };
}

/** What each member was, from sample to sample. */
export function lanesOf(samples: readonly Sample[], endMs: number): { member: string; spans: { state: LaneState; fromMs: number; toMs: number }[] }[] {
  const members = [...new Set(samples.flatMap((one) => [...one.lanes.keys()]))];
  return members.map((member) => {
    const spans: { state: LaneState; fromMs: number; toMs: number }[] = [];
    for (const { atMs, lanes } of samples) {
      const state = lanes.get(member);
      const last = spans.at(-1);
      if (state === undefined) continue;
      if (last !== undefined) last.toMs = atMs;
      if (last?.state !== state) spans.push({ state, fromMs: atMs, toMs: atMs });
    }
    const last = spans.at(-1);
    if (last !== undefined) last.toMs = endMs;
    return { member, spans };
  });
}

function writesOf(endings: readonly Ending[], endMs: number, from: (atMs: number) => number): Pick<DrillTimeline, 'bucketMs' | 'writes'> {
  const bucketMs = BUCKETS_MS.find((one) => endMs / one <= MOST_BUCKETS) ?? 60_000;
  const writes = Array.from({ length: Math.ceil(endMs / bucketMs) }, (_, at) => ({ atMs: from(at * bucketMs), acknowledged: 0, failed: 0 }));
  for (const { atMs, ok, isWrite } of endings) {
    const bucket = writes[Math.floor(atMs / bucketMs)];
    if (bucket === undefined) continue;
    if (!ok) bucket.failed += 1;
    else if (isWrite) bucket.acknowledged += 1;
  }
  return { bucketMs, writes };
}

/** Stretches without any acknowledged write while clients asked for some, told by the fault before them. */
function outagesOf({ ticks }: Pick<Recorded, 'ticks'>, endings: readonly Ending[]): Bracket[] {
  const acks = endings.filter((one) => one.isWrite && one.ok).map((one) => one.atMs);
  return acks.flatMap((toMs, at): Bracket[] => {
    const fromMs = acks[at - 1];
    if (fromMs === undefined || toMs - fromMs < OUTAGE_MS) return [];
    const fault = ticks.findLast((one) => one.kind === 'fault' && one.atMs <= toMs && one.atMs >= fromMs - OUTAGE_MS);
    return [{ name: NO_SERVICE, fromMs, toMs, fromEvent: fault?.label ?? 'last acknowledged write', toEvent: 'first acknowledged write' }];
  });
}

/** Stretches in which no further member could have been lost; moments between two samples are none. */
function withoutMargin({ samples, brackets }: Pick<Recorded, 'samples' | 'brackets'>, endMs: number): Bracket[] {
  const found: Bracket[] = [];
  let sinceMs: number | null = null;
  // A cluster that has never been whole yet is one that starts, unless it is one that is being brought back.
  const whole = samples.find((one) => one.hasMargin)?.atMs ?? Number.POSITIVE_INFINITY;
  const lost = brackets.find((one) => one.name === NO_SERVICE)?.fromMs ?? Number.POSITIVE_INFINITY;
  for (const { atMs, hasMargin } of samples.filter((one) => one.atMs >= Math.min(whole, lost))) {
    if (!hasMargin) sinceMs ??= atMs;
    else if (sinceMs !== null) {
      found.push(noMargin(sinceMs, atMs, 'one more member may fail again'));
      sinceMs = null;
    }
  }
  if (sinceMs !== null) found.push(noMargin(sinceMs, endMs, 'the run ends'));
  return found;
}

function noMargin(fromMs: number, toMs: number, toEvent: string): Bracket {
  return { name: 'no redundancy', fromMs, toMs, fromEvent: 'no further member may fail', toEvent };
}

/** The longest time between two acknowledged writes since a moment, in milliseconds; null: fewer than two. */
export function longestPause(endings: readonly Ending[], sinceMs: number): number | null {
  const acks = endings.filter((one) => one.isWrite && one.ok).map((one) => one.atMs).sort((a, b) => a - b);
  const pauses = acks.flatMap((toMs, at) => (at === 0 || toMs < sinceMs ? [] : [toMs - (acks[at - 1] ?? toMs)]));
  return pauses.length === 0 ? null : Math.max(...pauses);
}

/**
 * From a fault to the first write that was acknowledged after the gap it tore: writes on their way when the fault began do not count.
 * Null: nothing was acknowledged any more. Without a gap, the time to the next acknowledgement.
 */
export function gapAfter(endings: readonly Ending[], faultMs: number, limits: { readonly gapMs: number; readonly withinMs: number }): number | null {
  const acks = endings.filter((one) => one.isWrite && one.ok && one.atMs >= faultMs).map((one) => one.atMs);
  let last = faultMs;
  for (const atMs of acks) {
    if (last - faultMs > limits.withinMs) break;
    if (atMs - last > limits.gapMs) return atMs - faultMs;
    last = atMs;
  }
  return acks[0] === undefined ? null : acks[0] - faultMs;
}
