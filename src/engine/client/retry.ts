import { CallError } from '../ports/node-api.ts';

/** What is to be asked of time and chance; tests give their own. */
export interface Pace {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Uniform in [0, 1). */
  random(): number;
  sleep(ms: number): Promise<void>;
}

export const realPace: Pace = {
  nowMs: () => performance.now(),
  random: () => Math.random(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

const BASE_MS = 20;
const CAP_MS = 200;

/** Refusals that pass by themselves or elsewhere. All of them mean that nothing was executed, and only then is another attempt the same call. */
const PASSING: ReadonlySet<CallError['rule']> = new Set(['not-leader', 'overloaded', 'transferring', 'no-commit-in-term', 'leadership-lost', 'stopping', 'unreachable', 'timeout']);
/** How much a failure tells: a member that answered and would not, more than nobody there, and that more than no time left. */
const WORTH: Partial<Record<CallError['rule'], number>> = { timeout: 0, unreachable: 1 };
const ANSWERED = 2;
/** Reads that one member cannot answer and another may. */
const ELSEWHERE: ReadonlySet<CallError['rule']> = new Set(['too-stale', 'behind-token', 'removed']);

/** Whether a call may be made again. `unknown` never: it could take effect twice. */
export function mayRetry(error: CallError, kind: 'write' | 'read'): boolean {
  return error.outcome === 'failed' && (PASSING.has(error.rule) || (kind === 'read' && ELSEWHERE.has(error.rule)));
}

/** Wait before attempt `attempt` (from 0): full jitter, so that clients that failed together do not come back together. */
export function backoffMs(attempt: number, pace: Pace): number {
  return pace.random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt, 10));
}

/** Until when a call may go on, by the pace's clock. */
export class Deadline {
  private readonly endMs: number;

  constructor(
    private readonly pace: Pace,
    readonly timeoutMs: number,
  ) {
    this.endMs = pace.nowMs() + timeoutMs;
  }

  get remainingMs(): number {
    return Math.max(0, this.endMs - this.pace.nowMs());
  }

  get isOver(): boolean {
    return this.remainingMs < 1;
  }
}

/** What to do about a failed attempt: at once elsewhere, after a wait, or not at all. */
export type Verdict = 'again-now' | 'again' | 'give-up';

/** Attempts that follow each other without a wait: a redirect, and one more. */
const MAX_HOPS = 2;

/**
 * Makes attempts until one succeeds, fails for good, or time is up. Of failures that executed nothing the caller gets the one that tells
 * most, not the last one, which may have had no time left.
 * @throws {CallError}
 */
export async function withRetries<T>(deadline: Deadline, pace: Pace, attempt: () => Promise<T>, judge: (error: CallError) => Verdict): Promise<T> {
  let hops = 0;
  let best: CallError | null = null;
  for (let number = 0; ; number++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      const verdict = judge(error);
      if (error.outcome === 'failed' && (best === null || worthOf(error) >= worthOf(best))) best = error;
      const told = error.outcome === 'failed' && best !== null ? best : error;
      if (verdict === 'give-up' || deadline.isOver) throw told;
      hops = verdict === 'again-now' ? hops + 1 : 0;
      const waitMs = verdict === 'again-now' && hops <= MAX_HOPS ? 0 : backoffMs(number, pace);
      if (waitMs >= deadline.remainingMs) throw told;
      if (waitMs > 0) await pace.sleep(waitMs);
    }
  }
}

function worthOf(error: CallError): number {
  return WORTH[error.rule] ?? ANSWERED;
}
