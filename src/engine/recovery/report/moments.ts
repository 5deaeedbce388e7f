import type { TranscriptLine } from '../case-files.ts';
import type { CaseEvent, CaseRecord } from './case-record.ts';

/** When the parts of a recovery happened, as far as the case tells; milliseconds since the epoch. */
export interface Moments {
  /** The first command on the case, else the plan. */
  readonly beganMs: number;
  readonly plannedMs: number;
  /** Of the last apply. */
  readonly applyMs: number | null;
  readonly appliedMs: number | null;
  readonly undoneMs: number | null;
  /** End of the last `recover verify` that ended well. */
  readonly verifiedMs: number | null;
  /** The last event of the recovery; looking at the case later is none. */
  readonly endMs: number;
}

/** Events of the last apply and what came after it. */
export function lastRun(events: readonly CaseEvent[]): CaseEvent[] {
  const start = events.findLastIndex((one) => one.event === 'begin');
  return start === -1 ? [] : events.slice(start);
}

/** Whether the last apply was taken back: nothing of it is left to verify, to fence or to undo. */
export function isTakenBack({ appliedMs, undoneMs }: Pick<Moments, 'appliedMs' | 'undoneMs'>): boolean {
  return undoneMs !== null && (appliedMs === null || undoneMs >= appliedMs);
}

export function momentsOf({ plan, transcript, events }: Pick<CaseRecord, 'plan' | 'transcript' | 'events'>): Moments {
  const run = lastRun(events);
  const at = (event: string): number | null => {
    const found = run.findLast((one) => one.event === event);
    return found === undefined ? null : Date.parse(found.at);
  };
  const plannedMs = Date.parse(plan.createdAt);
  const verify = transcript.findLast((one) => one.exit === 0 && isVerb(one, 'verify'));
  const verifiedMs = verify === undefined ? null : endOf(verify);
  const appliedMs = at('applied');
  const undoneMs = at('undone');
  const commands = transcript.map((one) => Date.parse(one.at));
  const deeds = [...events.map((one) => Date.parse(one.at)), ...(verifiedMs === null ? [] : [verifiedMs])];
  return {
    beganMs: [...commands, ...deeds].reduce((least, one) => Math.min(least, one), plannedMs),
    plannedMs,
    applyMs: at('begin'),
    appliedMs,
    undoneMs,
    // A verify from before the apply, or from before an undo, says nothing about the result.
    verifiedMs: verifiedMs !== null && appliedMs !== null && verifiedMs >= appliedMs && (undoneMs === null || undoneMs < appliedMs) ? verifiedMs : null,
    endMs: (deeds.length > 0 ? deeds : transcript.map(endOf)).reduce((most, one) => Math.max(most, one), plannedMs),
  };
}

export function endOf(line: TranscriptLine): number {
  return Date.parse(line.at) + line.durationMs;
}

/** Whether a command of the transcript is `recover <verb>`. */
export function isVerb(line: Pick<TranscriptLine, 'command'>, verb: string): boolean {
  return new RegExp(`^\\S+ recover ${verb}(?: |$)`).test(line.command);
}
