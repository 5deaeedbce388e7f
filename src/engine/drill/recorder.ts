import type { CheckLine } from '../model/check-line.ts';
import type { DrillStep, LaneState } from '../model/drill-record.ts';

/** A stretch of time with a name; `toMs` null while it goes on. */
export interface Stretch {
  readonly name: string;
  readonly fromMs: number;
  toMs: number | null;
  ok: boolean;
}

export interface Bracket {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly fromEvent: string;
  readonly toEvent: string;
}

export interface Tick {
  readonly atMs: number;
  readonly kind: 'command' | 'fault';
  readonly label: string;
  readonly step: number | null;
}

/** How the members stood at a moment. */
export interface Sample {
  readonly atMs: number;
  readonly lanes: ReadonlyMap<string, LaneState>;
  /** Whether one more member could be lost. */
  readonly hasMargin: boolean;
}

/** Writes down what a run does, on one monotonic clock in milliseconds. */
export class Recorder {
  readonly startedAt = new Date();
  readonly phases: Stretch[] = [];
  readonly steps: DrillStep[] = [];
  readonly ticks: Tick[] = [];
  readonly samples: Sample[] = [];
  readonly brackets: Bracket[] = [];
  readonly checks: CheckLine[] = [];
  /** Stretches in which no service was to be expected: failures there count for the RTO, not for the failure rate. */
  readonly excused: { fromMs: number; toMs: number }[] = [];
  zero: { atMs: number; what: string } | null = null;
  private readonly originMs: number;

  constructor(
    private readonly clock: () => number = () => performance.now(),
    private readonly onPhase: (name: string) => void = () => undefined,
  ) {
    this.originMs = clock();
  }

  /** Milliseconds since the run began. */
  readonly nowMs = (): number => this.clock() - this.originMs;

  async phase<T>(name: string, run: () => Promise<T>): Promise<T> {
    const phase: Stretch = { name, fromMs: this.nowMs(), toMs: null, ok: false };
    this.phases.push(phase);
    this.onPhase(name);
    try {
      const result = await run();
      phase.ok = true;
      return result;
    } finally {
      phase.toMs = this.nowMs();
    }
  }

  /** Something that is done, and the command that does the same by hand. */
  async step<T>(command: string, run: () => Promise<T>, exitOf: (result: T) => number = () => 0): Promise<T> {
    const atMs = this.nowMs();
    const n = this.steps.length + 1;
    const step: DrillStep = { n, command, atMs, durationMs: 0, exit: 1, by: 'automatic', ok: false };
    this.steps.push(step);
    this.ticks.push({ atMs, kind: 'command', label: command, step: n });
    try {
      const result = await run();
      step.exit = exitOf(result);
      step.ok = step.exit === 0;
      return result;
    } catch (error) {
      step.exit = exitCodeOf(error);
      throw error;
    } finally {
      step.durationMs = this.nowMs() - atMs;
    }
  }

  /** A fault begins or ends; gives when. */
  fault(label: string): number {
    const atMs = this.nowMs();
    this.ticks.push({ atMs, kind: 'fault', label, step: null });
    return atMs;
  }

  check(name: string, ok: boolean | null, detail: string): void {
    this.checks.push({ name, ok, detail });
  }

  setZero(atMs: number, what: string): void {
    this.zero = { atMs, what };
  }
}

function exitCodeOf(error: unknown): number {
  const code = (error as { exitCode?: unknown } | null)?.exitCode;
  return typeof code === 'number' ? code : 1;
}
