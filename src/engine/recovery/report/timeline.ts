import type { DrillTimeline, LaneState } from '../../model/drill-record.ts';
import type { RecoveryPlan } from '../../model/plan.ts';
import type { CaseRecord } from './case-record.ts';
import { lastRun, type Moments } from './moments.ts';

/** What follows the last event by less is no phase of its own. */
const SHORT_MS = 1000;

/** The recovery as a picture: zero is the first command on the case, since nobody recorded when the majority was lost. */
export function timelineOf(record: CaseRecord, moments: Moments): DrillTimeline {
  const from = (atMs: number): number => Math.max(0, Math.round(atMs - moments.beganMs));
  const toMs = Math.max(1000, from(moments.endMs));
  return {
    zeroAt: new Date(moments.beganMs).toISOString(),
    zeroIs: 'first command on the case',
    fromMs: 0,
    toMs,
    phases: phasesOf(record, moments, from),
    lanes: lanesOf(record.plan, moments, from, toMs),
    bucketMs: 1000,
    writes: [],
    ticks: record.transcript.flatMap((one, at) => (Date.parse(one.at) <= moments.endMs ? [{ n: at + 1, atMs: from(Date.parse(one.at)), kind: 'command' as const, label: shortCommand(one.command), step: at + 1 }] : [])),
    brackets: bracketsOf(moments, from),
  };
}

function phasesOf(record: CaseRecord, moments: Moments, from: (atMs: number) => number): DrillTimeline['phases'] {
  const { beganMs, plannedMs, applyMs, appliedMs, undoneMs, verifiedMs, endMs } = moments;
  const failed = lastRun(record.events).some((one) => one.event === 'failed') && appliedMs === null;
  const stops: { name: string; atMs: number | null; ok: boolean }[] = [
    { name: 'survey and plan', atMs: plannedMs, ok: true },
    { name: 'review', atMs: applyMs, ok: true },
    { name: 'apply', atMs: appliedMs ?? (applyMs === null ? null : endMs), ok: !failed && appliedMs !== null },
    { name: 'undo', atMs: undoneMs !== null && appliedMs !== null && undoneMs > appliedMs ? undoneMs : null, ok: true },
    { name: 'start and verify', atMs: verifiedMs, ok: true },
    { name: 'afterwards', atMs: endMs, ok: true },
  ];
  const phases: DrillTimeline['phases'] = [];
  let lastMs = beganMs;
  for (const { name, atMs, ok } of stops) {
    if (atMs === null || atMs <= lastMs || (name === 'afterwards' && atMs - lastMs < SHORT_MS)) continue;
    phases.push({ name, fromMs: from(lastMs), toMs: from(atMs), ok });
    lastMs = atMs;
  }
  return phases;
}

/** What is known of each member: the source while it was down, rebuilt and in service again; the others from then on only that they are gone. */
function lanesOf(plan: RecoveryPlan, { applyMs, appliedMs, verifiedMs }: Moments, from: (atMs: number) => number, toMs: number): DrillTimeline['lanes'] {
  const spans = (ends: readonly (readonly [LaneState, number | null])[]): DrillTimeline['lanes'][number]['spans'] => {
    const made: DrillTimeline['lanes'][number]['spans'] = [];
    let at = 0;
    for (const [state, end] of ends) {
      const until = end === null ? toMs : Math.min(toMs, end);
      if (until > at) made.push({ state, fromMs: at, toMs: until });
      at = Math.max(at, until);
    }
    return made;
  };
  const moment = (ms: number | null): number | null => (ms === null ? null : from(ms));
  const source = spans([['down', moment(applyMs)], ['rebuilding', moment(appliedMs)], ['down', moment(verifiedMs)], ['leader', null]]);
  return [{ member: plan.source, spans: source }, ...plan.dead.filter((one) => one !== plan.source).map((member) => ({ member, spans: spans([['down', null]]) }))];
}

function bracketsOf({ applyMs, appliedMs, verifiedMs }: Moments, from: (atMs: number) => number): DrillTimeline['brackets'] {
  const brackets: DrillTimeline['brackets'] = [];
  if (verifiedMs !== null) brackets.push({ name: 'recovery', fromMs: 0, toMs: from(verifiedMs), fromEvent: 'first command on the case', toEvent: 'verified' });
  if (applyMs !== null && appliedMs !== null) brackets.push({ name: 'change of the data', fromMs: from(applyMs), toMs: from(appliedMs), fromEvent: 'apply began', toEvent: 'applied' });
  return brackets;
}

/** `recover apply --execute`: what a reader needs to find the step; the whole command stands there. */
function shortCommand(command: string): string {
  const words = command.split(' ').slice(1);
  const verb = words.slice(0, 2).join(' ');
  return words.includes('--execute') ? `${verb} --execute` : verb;
}
