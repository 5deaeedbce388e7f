import type { LogIndex } from '../core/types.ts';

interface Waiter {
  readonly index: LogIndex;
  readonly run: () => void;
}

/** Reads that wait for the state machine to reach an index, in order of it. */
export class ReadWaiters {
  private readonly waiters: Waiter[] = [];

  get size(): number {
    return this.waiters.length;
  }

  add(index: LogIndex, run: () => void): void {
    // Indexes arrive nearly in order, so the place is nearly always the end.
    let at = this.waiters.length;
    while (at > 0 && (this.waiters[at - 1]?.index ?? 0) > index) at--;
    this.waiters.splice(at, 0, { index, run });
  }

  release(appliedIndex: LogIndex): void {
    let ready = 0;
    while (ready < this.waiters.length && (this.waiters[ready]?.index ?? 0) <= appliedIndex) ready++;
    for (const { run } of this.waiters.splice(0, ready)) run();
  }
}
