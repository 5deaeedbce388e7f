import { EXIT, type ExitCode, InspectorError } from '../engine/errors.ts';
import type { AppliedStep } from '../engine/model/apply-report.ts';
import { telling, type Told } from './failure.ts';

/** Codes that come with what was found or done; a refusal changed nothing and has nothing to tell. */
function isAnswered(exit: ExitCode): boolean {
  return exit === EXIT.drift || exit === EXIT.partial || exit === EXIT.findings;
}

/** Runs a change; where it ends with something to tell, its error brings that answer along. */
export async function answering<T>(change: () => Promise<T>, answer: (error: InspectorError) => Told): Promise<T> {
  try {
    return await change();
  } catch (error) {
    throw error instanceof InspectorError && isAnswered(error.exitCode) ? telling(error, answer(error)) : error;
  }
}

type OnStep = (id: string, status: 'started' | 'done' | 'failed', step?: AppliedStep) => void;

/** The steps of a change while it runs: what an answer holds when it ends before its last one. */
export class StepsSoFar {
  private readonly rows: Map<string, AppliedStep>;
  private hasBegun = false;

  /** As previewed. */
  constructor(planned: readonly AppliedStep[]) {
    this.rows = new Map(planned.map((one) => [one.id, one]));
  }

  /** Whether a step was begun. */
  get begun(): boolean {
    return this.hasBegun;
  }

  get steps(): AppliedStep[] {
    return [...this.rows.values()];
  }

  /** Listens, and hands on. */
  watch(then: OnStep): OnStep {
    return (id, status, step) => {
      this.hasBegun = true;
      // A step that never tells its end was cut off in its middle.
      this.rows.set(id, step ?? { id, kind: id, status: 'failed', durationMs: 0, detail: 'cut off' });
      then(id, status, step);
    };
  }
}
