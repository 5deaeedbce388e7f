import { BaseCommand } from './base-command.ts';

/** A command that shows things as they happen until it is told to stop: Ctrl-C ends it well. */
export abstract class StreamCommand<T> extends BaseCommand<T> {
  private readonly stopping = new AbortController();

  /** Aborted by Ctrl-C, and by whatever else ends the stream. */
  protected get stopped(): AbortSignal {
    return this.stopping.signal;
  }

  protected stop(): void {
    this.stopping.abort();
  }

  protected override answerInterrupts(): () => void {
    let times = 0;
    const onInterrupt = (): void => {
      times += 1;
      // Somebody who presses it twice does not want to wait for a call that hangs.
      if (times > 1) process.exit(0);
      this.stop();
    };
    process.on('SIGINT', onInterrupt);
    process.on('SIGTERM', onInterrupt);
    return () => {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onInterrupt);
    };
  }
}
