import type { Outcome } from '../core/ready.ts';
import type { LogIndex } from '../core/types.ts';
import type { RaftState } from '../core/state.ts';
import { CallError, type ReadLevel } from '../ports/node-api.ts';
import type { NodePorts } from './contract.ts';
import type { Driver } from './driver.ts';
import type { RefusalError } from './append-calls.ts';
import { leaderContactMs } from './node-status.ts';
import { PendingCall } from './pending-call.ts';
import { ReadWaiters } from './read-waiters.ts';

/** An answer, and the index of the state it is from. */
export interface ReadAnswer {
  readonly index: LogIndex;
  readonly leaderContactMs: number | null;
  readonly result: Uint8Array;
}

interface Read {
  readonly request: Uint8Array;
  readonly call: PendingCall<ReadAnswer>;
}

/**
 * The three levels of reading (Ongaro thesis 6.4). Linearizable reads of one turn of the event loop share one read index: it was
 * asked for after all of them arrived. Reads change nothing, so a read that gets no answer has always failed.
 */
export class Reads {
  private gathering: Read[] = [];
  private readonly asked = new Map<number, Read[]>();
  private readonly waiters = new ReadWaiters();
  private open = 0;
  /** Once set, whoever still waits is told this instead of being answered. */
  private ending: (() => CallError) | null = null;

  constructor(
    private readonly ports: NodePorts,
    private readonly driver: Driver,
    private readonly nextId: () => number,
    private readonly appliedIndex: () => LogIndex,
    private readonly refused: RefusalError,
  ) {}

  async read(request: Uint8Array, level: ReadLevel, deadlineMs: number): Promise<ReadAnswer> {
    // What it holds grows no more, and whoever asks takes it for a member.
    if (this.driver.state.isRemoved) throw new CallError('failed', 'removed', 'this member was removed from the cluster');
    if (level.kind === 'stale') return this.answer(request);
    if (level.kind === 'follower') {
      this.checkFollower(this.driver.state, level);
      return this.answer(request);
    }
    const limit = this.driver.state.settings.maxPendingReads;
    if (this.open >= limit) throw new CallError('failed', 'overloaded', `${limit} reads are waiting already`);
    this.open++;
    const call = new PendingCall<ReadAnswer>(this.ports.clock, deadlineMs, 'read', () => void this.open--);
    if (this.gathering.push({ request, call }) === 1) this.ports.clock.soon(() => this.ask());
    return await call.promise;
  }

  /** What the core said of a read index. */
  told(outcome: Outcome<LogIndex>): void {
    const reads = this.asked.get(outcome.id);
    if (reads === undefined) return;
    this.asked.delete(outcome.id);
    if (outcome.kind === 'refused') {
      for (const { call } of reads) call.reject(this.refused(outcome.refusal));
      return;
    }
    if (this.waiters.size >= this.driver.state.settings.maxPendingReads) {
      for (const { call } of reads) call.reject(new CallError('failed', 'overloaded', 'too many reads wait for the state machine'));
      return;
    }
    this.waiters.add(outcome.value, () => {
      for (const { request, call } of reads) if (!call.isEnded) this.settle(request, call);
    });
    this.waiters.release(this.appliedIndex());
  }

  advanced(appliedIndex: LogIndex): void {
    this.waiters.release(appliedIndex);
  }

  endAll(error: () => CallError): void {
    const reads = [...this.gathering.splice(0), ...[...this.asked.values()].flat()];
    this.asked.clear();
    for (const { call } of reads) call.reject(error());
    this.ending = error;
    this.waiters.release(Number.MAX_SAFE_INTEGER);
  }

  private ask(): void {
    const reads = this.gathering.splice(0).filter(({ call }) => !call.isEnded);
    if (reads.length === 0) return;
    const id = this.nextId();
    this.asked.set(id, reads);
    this.driver.input({ kind: 'read', id });
  }

  private settle(request: Uint8Array, call: PendingCall<ReadAnswer>): void {
    if (this.ending !== null) return call.reject(this.ending());
    try {
      call.resolve(this.answer(request));
    } catch (error) {
      call.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** @throws {CallError} When the stored state cannot be read: then the member has ended. */
  private answer(request: Uint8Array): ReadAnswer {
    if (this.driver.isEnded) throw new CallError('failed', 'stopping', 'the member has ended');
    try {
      const result = this.ports.machine.query(request);
      return { index: this.ports.machine.appliedIndex(), leaderContactMs: leaderContactMs(this.driver.state), result };
    } catch (error) {
      this.driver.fail(error);
      throw new CallError('failed', 'storage-failed', error instanceof Error ? error.message : String(error));
    }
  }

  private checkFollower(state: RaftState, level: Extract<ReadLevel, { kind: 'follower' }>): void {
    const ageMs = leaderContactMs(state);
    if (ageMs === null || !(ageMs <= level.maxStalenessMs)) {
      throw new CallError('failed', 'too-stale', `the leader was last heard ${ageMs === null ? 'never in this term' : `${ageMs} ms ago`}, allowed are ${level.maxStalenessMs} ms`);
    }
    if (level.token === undefined) return;
    const { generation } = this.driver.identity;
    if (level.token.generation !== generation) throw new CallError('failed', 'wrong-lineage', `the token is of generation ${level.token.generation}, this member of ${generation}`);
    const applied = this.ports.machine.appliedIndex();
    if (applied < level.token.index) throw new CallError('failed', 'behind-token', `applied up to ${applied}, the session has seen ${level.token.index}`);
  }
}
