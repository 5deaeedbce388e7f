import type { Clock, Timer } from '../ports/clock.ts';

/** A clock that runs too fast or too slow, and whose wall clock may be off. The monotonic time stays monotonic through changes. */
export class DriftingClock implements Clock {
  private rate = 1;
  private wallOffsetMs = 0;
  /** Where the present rate began, by the true clock and by this one. */
  private anchor: { trueMs: number; ownMs: number };

  constructor(private readonly inner: Clock) {
    const now = inner.nowMs();
    this.anchor = { trueMs: now, ownMs: now };
  }

  /** Timers that wait already keep the rate they were set with. */
  set(rate: number, wallOffsetMs: number): void {
    this.anchor = { trueMs: this.inner.nowMs(), ownMs: this.nowMs() };
    this.rate = rate;
    this.wallOffsetMs = wallOffsetMs;
  }

  nowMs(): number {
    return this.anchor.ownMs + (this.inner.nowMs() - this.anchor.trueMs) * this.rate;
  }

  wallClockMs(): number {
    return this.inner.wallClockMs() + this.wallOffsetMs;
  }

  after(ms: number, run: () => void): Timer {
    return this.inner.after(ms / this.rate, run);
  }

  soon(run: () => void): void {
    this.inner.soon(run);
  }
}
