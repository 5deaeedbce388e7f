import type { Counters } from './counters.ts';
import { EventQueue, type EventOwner, type SimEvent } from './event-queue.ts';
import type { Faults } from './faults.ts';
import type { Prng } from './prng.ts';
import type { Trace } from './trace.ts';

/** What a check found broken. `rule` is an invariant's id (`I6`) or a word for what went wrong besides. */
export interface Violation {
  readonly rule: string;
  readonly node: string;
  readonly message: string;
  readonly atUs: number;
  readonly event: number;
}

/** Virtual time and what is due: the part of a run that everything simulated shares. */
export class World {
  nowUs = 0;
  events = 0;
  readonly violations: Violation[] = [];
  private readonly queue = new EventQueue();
  private readonly ties: Prng;

  constructor(
    readonly prng: Prng,
    readonly faults: Faults,
    readonly counters: Counters,
    readonly trace: Trace,
  ) {
    this.ties = prng.split('ties');
  }

  get pendingEvents(): number {
    return this.queue.size;
  }

  after(delayUs: number, owner: EventOwner | null, run: () => void): SimEvent {
    const event: SimEvent = { at: this.nowUs + Math.max(0, Math.round(delayUs)), tie: this.ties.nextU32(), order: 0, owner, run };
    this.queue.push(event);
    return event;
  }

  /** Runs when all that is due now has run. */
  soon(owner: EventOwner | null, run: () => void): void {
    this.queue.push({ at: this.nowUs, tie: 0x1_0000_0000, order: 0, owner, run });
  }

  /** Puts a kept event back, due now, in the order of calls and before anything else. */
  requeue(event: SimEvent): void {
    event.at = this.nowUs;
    event.tie = -1;
    this.queue.push(event);
  }

  /** Carries out the next event. False: nothing is due any more. Vanished and waiting events do not count. */
  next(untilUs: number): boolean {
    for (;;) {
      const event = this.queue.pop();
      if (event === undefined) return false;
      if (event.run === null || event.owner?.isAlive === false) continue;
      if (event.at > untilUs) {
        this.queue.push(event);
        return false;
      }
      if (event.owner?.isPaused === true) {
        event.owner.defer(event);
        continue;
      }
      this.nowUs = event.at;
      this.events += 1;
      const run = event.run;
      event.run = null;
      run();
      return true;
    }
  }

  violate(rule: string, node: string, message: string): void {
    this.violations.push({ rule, node, message, atUs: this.nowUs, event: this.events });
    this.trace.note(this.nowUs, node, 'VIOLATION', 0, 0, () => `${rule}: ${message}`);
  }

  note(node: string, kind: string, a: number, b: number, detail?: () => string): void {
    this.trace.note(this.nowUs, node, kind, a, b, detail);
  }
}
