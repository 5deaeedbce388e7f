import { DeclinedError, EXIT, InspectorError } from '../engine/errors.ts';
import { BaseCommand } from './base-command.ts';
import type { Run } from './envelope.ts';
import { telling, toFailure } from './failure.ts';
import { askedBy, mannerOf } from './manner.ts';
import { presentFailure } from './present.ts';

/** A run that was cut off after it had begun to change something. */
export class PartlyDoneError extends InspectorError {
  readonly code = 'PARTLY_DONE';
  readonly exitCode = EXIT.partial;
}

/** A command that changes a cluster: an interrupt before the first change ends in 5, after it in 8 with the way to go on. */
export abstract class ChangeCommand<T> extends BaseCommand<T> {
  private underWay: string | null = null;
  private soFar: () => unknown = () => null;

  /** From now on something may have been changed; `resume` is the command that goes on, `soFar` the answer as far as it came. */
  protected changing(resume: string, soFar?: () => unknown): void {
    this.underWay = resume;
    if (soFar !== undefined) this.soFar = soFar;
  }

  protected override answerInterrupts(run: Run): () => void {
    const onInterrupt = (): void => {
      this.clearProgress();
      const error =
        this.underWay === null
          ? new DeclinedError('interrupted; nothing was changed', '')
          : telling(new PartlyDoneError('interrupted: what was asked for last may still take effect', `It is safe to run it again, nothing is done twice: ${this.underWay}`), { data: this.soFar(), next: [this.underWay] });
      const failure = toFailure(error, run.command);
      void presentFailure(failure, run, mannerOf(askedBy(this.argv))).finally(() => process.exit(failure.exit));
    };
    process.on('SIGINT', onInterrupt);
    return () => process.off('SIGINT', onInterrupt);
  }
}
