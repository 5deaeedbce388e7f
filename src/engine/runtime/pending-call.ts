import type { Clock, Timer } from '../ports/clock.ts';
import { CallError } from '../ports/node-api.ts';

// Timers take no more than this: a longer one would fire at once.
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A call that has not ended. It ends once: by its result, by a refusal, or by its deadline. */
export class PendingCall<T> {
  readonly promise: Promise<T>;
  /** What a deadline or a stop makes of it: `failed` as long as nothing was appended. */
  outcome: 'failed' | 'unknown' = 'failed';
  private settle: { readonly resolve: (value: T) => void; readonly reject: (error: Error) => void } | null = null;
  private readonly timer: Timer;

  constructor(
    clock: Clock,
    deadlineMs: number,
    what: string,
    private readonly onEnd: () => void,
  ) {
    this.promise = new Promise<T>((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.timer = clock.after(Math.min(Math.max(0, deadlineMs), MAX_TIMER_MS), () => this.reject(new CallError(this.outcome, 'timeout', `${what}: no outcome within ${deadlineMs} ms`)));
  }

  get isEnded(): boolean {
    return this.settle === null;
  }

  resolve(value: T): void {
    this.end()?.resolve(value);
  }

  reject(error: Error): void {
    this.end()?.reject(error);
  }

  private end(): { readonly resolve: (value: T) => void; readonly reject: (error: Error) => void } | null {
    const { settle } = this;
    if (settle === null) return null;
    this.settle = null;
    this.timer.cancel();
    this.onEnd();
    return settle;
  }
}
