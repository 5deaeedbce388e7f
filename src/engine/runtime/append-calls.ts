import type { Outcome, Refusal } from '../core/ready.ts';
import type { LogIndex, LogPosition, Term } from '../core/types.ts';
import type { Clock } from '../ports/clock.ts';
import { CallError } from '../ports/node-api.ts';
import { PendingCall } from './pending-call.ts';

/** What an appended entry came to. */
export interface AppendedResult extends LogPosition {
  /** The state machine's; empty for a membership change. */
  readonly result: Uint8Array;
}

interface Appended {
  readonly index: LogIndex;
  readonly term: Term;
  readonly call: PendingCall<AppendedResult>;
}

export type RefusalError = (refusal: Refusal) => CallError;

/**
 * Calls that end with a log entry: proposals and membership changes. First known by their id, then by where they were appended;
 * answered when that entry, with that term, is applied. Every path ends in ok, failed or unknown, never in silence.
 */
export class AppendCalls {
  private readonly asked = new Map<number, PendingCall<AppendedResult>>();
  private readonly appended = new Map<LogIndex, Set<Appended>>();
  private readonly placed = new Map<number, Appended>();

  constructor(
    private readonly clock: Clock,
    private readonly refused: RefusalError,
  ) {}

  get size(): number {
    return this.asked.size + this.placed.size;
  }

  add(id: number, deadlineMs: number, what: string): PendingCall<AppendedResult> {
    const call: PendingCall<AppendedResult> = new PendingCall(this.clock, deadlineMs, what, () => this.forget(id));
    this.asked.set(id, call);
    return call;
  }

  /** Whether a call still waits to be put to the core. */
  isAsked(id: number): boolean {
    return this.asked.has(id);
  }

  /** Runs what puts these calls to the core. Should the member end half-way, nobody can say what was appended. */
  putting(ids: readonly number[], put: () => void): void {
    this.expect(ids, 'unknown');
    put();
    this.expect(ids, 'failed'); // what the core has not answered, it has not appended
  }

  /** What the core said. A retried change may name an entry applied long ago. */
  told(outcome: Outcome<LogPosition>, appliedIndex: LogIndex): void {
    const call = this.asked.get(outcome.id);
    if (call === undefined) return;
    if (outcome.kind === 'refused') return call.reject(this.refused(outcome.refusal));
    const { index, term } = outcome.value;
    if (index <= appliedIndex) return call.resolve({ index, term, result: new Uint8Array(0) });
    this.asked.delete(outcome.id);
    call.outcome = 'unknown';
    const calls = this.appended.get(index) ?? new Set();
    const appended = { index, term, call };
    calls.add(appended);
    this.appended.set(index, calls);
    this.placed.set(outcome.id, appended);
  }

  applied(index: LogIndex, term: Term, result: Uint8Array): void {
    const calls = this.appended.get(index);
    if (calls === undefined) return;
    this.appended.delete(index);
    for (const { term: expected, call } of calls) {
      if (expected === term) call.resolve({ index, term, result });
      // Another entry took the place, for ever: this one was never and will never be executed.
      else call.reject(new CallError('failed', 'leadership-lost', `index ${index} went to an entry of term ${term}, not of term ${expected}`));
    }
  }

  /** Nobody knows from here on what becomes of entries up to `upTo`. */
  loseAppended(upTo: LogIndex, error: () => CallError): void {
    for (const [index, calls] of this.appended) {
      if (index > upTo) continue;
      this.appended.delete(index);
      for (const { call } of calls) call.reject(error());
    }
  }

  /** Ends everything; each call with its own outcome. */
  endAll(error: (outcome: 'failed' | 'unknown') => CallError): void {
    this.loseAppended(Number.MAX_SAFE_INTEGER, () => error('unknown'));
    for (const call of this.asked.values()) call.reject(error(call.outcome));
  }

  private expect(ids: readonly number[], outcome: 'failed' | 'unknown'): void {
    for (const id of ids) {
      const call = this.asked.get(id);
      if (call !== undefined) call.outcome = outcome;
    }
  }

  private forget(id: number): void {
    this.asked.delete(id);
    const appended = this.placed.get(id);
    if (appended === undefined) return;
    this.placed.delete(id);
    const calls = this.appended.get(appended.index);
    calls?.delete(appended);
    if (calls?.size === 0) this.appended.delete(appended.index);
  }
}
