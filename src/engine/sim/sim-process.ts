import type { Clock, Proc, Rng, Timer } from '../ports/clock.ts';
import type { EventOwner, SimEvent } from './event-queue.ts';
import type { Prng } from './prng.ts';
import type { World } from './world.ts';

/** Where a process is to die: at the n-th call of a port. `completion`: what was asked takes effect, but nobody hears of it. */
export interface CrashPoint {
  readonly call: number;
  readonly mode: 'before' | 'completion' | 'soon';
}

/** The clocks of one machine: they outlive its processes. */
export interface HostClock {
  nowMs(): number;
  wallClockMs(): number;
  /** Own milliseconds to microseconds of virtual time. */
  toUs(ms: number): number;
}

/**
 * One life of a member's process. Once killed, nothing it does has any effect: its promises never settle, its timers never fire, what
 * it sends goes nowhere. Code of a dead process may still run up to its next wait; that must not show anywhere.
 */
export class SimProcess implements EventOwner, Clock, Proc, Rng {
  isAlive = true;
  isPaused = false;
  calls = 0;
  private readonly deferred: SimEvent[] = [];

  constructor(
    private readonly world: World,
    readonly node: string,
    private readonly hostClock: HostClock,
    private readonly prng: Prng,
    private readonly crashPoint: CrashPoint | null,
    private readonly onDeath: (process: SimProcess, reason: Error | string) => void,
  ) {}

  kill(reason: Error | string): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.deferred.length = 0;
    this.onDeath(this, reason);
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    for (const event of this.deferred.splice(0)) this.world.requeue(event);
  }

  defer(event: SimEvent): void {
    this.deferred.push(event);
  }

  /** Every call of a port passes here first. False: the process is dead, the call must do nothing. */
  enter(): boolean {
    if (!this.isAlive) return false;
    this.calls += 1;
    if (!this.isCrashPoint()) return true;
    const { crashPoint } = this;
    if (crashPoint?.mode === 'before') {
      this.kill('crash-at-call');
      return false;
    }
    if (crashPoint?.mode === 'soon') this.world.after(this.prng.between(0, 50), this, () => this.kill('crash-at-call'));
    return true;
  }

  private isCrashPoint(): boolean {
    return this.calls === this.crashPoint?.call && !this.world.faults.isHealed;
  }

  /** A call that takes time. `effect` happens at its end, if the process still lives; what it throws rejects. */
  async waitFor<T>(delayUs: number, effect: () => T): Promise<T> {
    if (!this.enter()) return new Promise<T>(() => undefined);
    const diesAtEnd = this.crashPoint?.mode === 'completion' && this.isCrashPoint();
    return new Promise<T>((resolve, reject) => {
      this.world.after(delayUs, this, () => {
        try {
          const result = effect();
          if (diesAtEnd) this.kill('crash-at-call');
          else resolve(result);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
  }

  nowMs(): number {
    return this.hostClock.nowMs();
  }

  wallClockMs(): number {
    return this.hostClock.wallClockMs();
  }

  after(ms: number, run: () => void): Timer {
    if (!this.enter()) return { cancel: () => undefined };
    // A timer is never early, and a little late.
    const event = this.world.after(this.hostClock.toUs(ms) + 1 + this.prng.between(0, 200), this, run);
    return { cancel: () => void (event.run = null) };
  }

  soon(run: () => void): void {
    if (this.enter()) this.world.soon(this, run);
  }

  nextU32(): number {
    return this.prng.nextU32();
  }

  fatal(error: Error): void {
    this.kill(error);
  }
}
