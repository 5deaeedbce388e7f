import type { MemberId } from '../core/types.ts';
import { RefusedError, UnreachableError } from '../errors.ts';
import { waitForMember } from './caught-up.ts';
import type { LiveCluster } from './cluster.ts';
import { OutcomeUnknownError } from './failures.ts';
import { memberOf } from './member-list.ts';
import type { MembershipPlan, PlannedStep } from './membership-plan.ts';

/** What became of a step. */
export interface StepReport {
  readonly id: string;
  readonly status: 'done' | 'already' | 'failed' | 'not-started';
  /** The entry that holds the change; null for steps that only wait, and for those that were done before. */
  readonly index: number | null;
  readonly durationMs: number;
}

/** Told before and after every step. What it does is done before the run goes on. */
export interface StepJournal {
  started(step: PlannedStep): void;
  ended(step: PlannedStep, report: StepReport): void;
}

export interface RunOptions {
  /** For the whole run, in milliseconds. */
  readonly timeoutMs: number;
  readonly journal: StepJournal;
  readonly nowMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
  readonly progress?: (text: string) => void;
}

export interface RunReport {
  readonly steps: readonly StepReport[];
  /** Why the run ended before its last step; null when it did not. */
  readonly failure: Error | null;
  /** Ids that the cluster gave to newcomers, by the name they were asked for with. */
  readonly given: ReadonlyMap<MemberId, MemberId>;
}

const RETRY_MS = 100;
const LONGEST_RETRY_MS = 1000;
const BELIEVED_MS = 5000;
/** A learner this close is waited for; one further behind is refused as the cluster says. */
const CLOSE_ENTRIES = 1000;

/**
 * Takes the steps of a plan in order. Each is asked for under a change id made of its arguments alone, so that a step whose answer was
 * lost is never taken twice, and a run that was cut off goes on where it stopped.
 */
export async function runMembership(cluster: LiveCluster, plan: MembershipPlan, options: RunOptions): Promise<RunReport> {
  const endsAt = options.nowMs() + options.timeoutMs;
  const reports: StepReport[] = [];
  let failure: Error | null = null;
  // Where the cluster gives ids, the later steps are about the member that it made of the newcomer's name.
  const given = new Map<MemberId, MemberId>();
  let caughtUpAt = Number.NEGATIVE_INFINITY;
  for (const planned of plan.steps) {
    const step = renamed(planned, given);
    if (failure !== null) {
      reports.push({ id: step.id, status: 'not-started', index: null, durationMs: 0 });
      continue;
    }
    if (step.isDone) {
      reports.push({ id: step.id, status: 'already', index: null, durationMs: 0 });
      continue;
    }
    const startedAt = options.nowMs();
    options.journal.started(step);
    options.progress?.(step.id);
    let report: StepReport;
    try {
      const { index, id } = await takeStep(cluster, step, { endsAt, believedUntil: caughtUpAt + BELIEVED_MS }, options);
      if (step.kind === 'wait') caughtUpAt = options.nowMs();
      if (id !== undefined) given.set(planned.target, id);
      report = { id: step.id, status: 'done', index, durationMs: Math.round(options.nowMs() - startedAt) };
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      report = { id: step.id, status: 'failed', index: null, durationMs: Math.round(options.nowMs() - startedAt) };
    }
    options.journal.ended(step, report);
    reports.push(report);
  }
  return { steps: reports, failure, given };
}

function renamed(step: PlannedStep, given: ReadonlyMap<MemberId, MemberId>): PlannedStep {
  const id = given.get(step.target);
  return id === undefined ? step : { ...step, target: id, change: step.change === null ? null : { ...step.change, id } };
}

interface Until {
  readonly endsAt: number;
  /** Up to here what was just seen to have caught up is not called lagging: a leader that is new has to ask everybody first. */
  readonly believedUntil: number;
}

async function takeStep(cluster: LiveCluster, step: PlannedStep, { endsAt, believedUntil }: Until, options: RunOptions): Promise<{ index: number | null; id?: MemberId }> {
  if (step.change === null || step.changeId === null) {
    await waitForMember(cluster, step.target, { ...options, timeoutMs: endsAt - options.nowMs() });
    return { index: null };
  }
  const { change, changeId } = step;
  for (let pauseMs = RETRY_MS; ; pauseMs = Math.min(LONGEST_RETRY_MS, pauseMs * 2)) {
    const leftMs = endsAt - options.nowMs();
    try {
      return await cluster.changeMembership(change, { changeId, expectedIndex: null, timeoutMs: Math.max(1, leftMs) });
    } catch (error) {
      // A lost answer is asked for again under the same id. A leader that is new, hands over first because it is the one that leaves, or
      // is just not there, is one that did nothing. What was refused for good is the caller's.
      const isPassing = error instanceof OutcomeUnknownError || error instanceof UnreachableError;
      const goesOn = isPassing || (error instanceof RefusedError && ((error.rule === 'learner-lagging' && options.nowMs() < believedUntil) || (await isAlmostThere(cluster, error, step.target, options))));
      if (!goesOn || options.nowMs() + pauseMs >= endsAt) throw error;
      await options.pause(pauseMs);
    }
  }
}

/** Under load a learner's disk is a few entries behind at any moment: refused one moment, good the next. */
async function isAlmostThere(cluster: LiveCluster, error: RefusedError, id: MemberId, options: RunOptions): Promise<boolean> {
  if (error.rule !== 'learner-lagging') return false;
  try {
    const member = memberOf(await cluster.memberList({ timeoutMs: Math.min(2000, options.timeoutMs) }), id);
    return member?.healthy === true && member.lag !== null && member.lag < CLOSE_ENTRIES;
  } catch (cause) {
    if (cause instanceof UnreachableError) return false;
    throw cause;
  }
}
