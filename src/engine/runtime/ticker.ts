import { TICK_MS } from '../core/settings.ts';
import type { Clock, Timer } from '../ports/clock.ts';

/** A timer this late means that the event loop stood still: what arrived meanwhile goes first. */
const LATE_MS = 50;
/** How long a stall counts as recent. */
const RECENT_MS = 10_000;

/**
 * Turns time into ticks. After a stall it lets what already arrived be handled before the ticks are given, so that a leader whose
 * heartbeats lay in the queue is not taken for dead.
 */
export class Ticker {
  private timer: Timer | null = null;
  private countedMs: number;
  private isStopped = false;
  private stalls: { readonly atMs: number; readonly delayMs: number }[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly tick: (ticks: number) => void,
  ) {
    this.countedMs = clock.nowMs();
  }

  start(): void {
    this.countedMs = this.clock.nowMs();
    this.schedule();
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
  }

  /** Longest recent lateness of a timer, in milliseconds. */
  get delayMs(): number {
    const since = this.clock.nowMs() - RECENT_MS;
    return this.stalls.reduce((longest, stall) => (stall.atMs >= since ? Math.max(longest, stall.delayMs) : longest), 0);
  }

  private schedule(): void {
    if (this.isStopped) return;
    const dueMs = this.clock.nowMs() + TICK_MS;
    this.timer = this.clock.after(TICK_MS, () => this.fire(dueMs));
  }

  private fire(dueMs: number): void {
    const delayMs = Math.max(0, this.clock.nowMs() - dueMs);
    this.note(delayMs);
    if (delayMs <= LATE_MS) return this.count();
    // Twice: once for the sockets to be read, once for what they bring to be handed over.
    this.clock.soon(() => this.clock.soon(() => this.count()));
  }

  private count(): void {
    if (this.isStopped) return;
    const ticks = Math.floor((this.clock.nowMs() - this.countedMs) / TICK_MS);
    this.countedMs += ticks * TICK_MS;
    if (ticks > 0) this.tick(ticks);
    this.schedule();
  }

  /** Keeps only stalls that no later one hides: the list stays short. */
  private note(delayMs: number): void {
    const atMs = this.clock.nowMs();
    this.stalls = this.stalls.filter((stall) => stall.delayMs > delayMs && stall.atMs >= atMs - RECENT_MS);
    this.stalls.push({ atMs, delayMs });
  }
}
