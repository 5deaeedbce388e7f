import { CallError } from '../ports/node-api.ts';
import type { RaftNode } from '../runtime/node.ts';
import type { Cluster } from './cluster.ts';
import type { FaultStream } from './faults.ts';

/** Who calls whom. */
export interface CallHead {
  readonly client: string;
  readonly node: string;
  readonly timeoutUs: number;
  /** A write whose answer is lost may have been done; a read that got no answer has failed. */
  readonly isWrite: boolean;
}

/** The way from clients and operators to members: a request may be lost, or its answer, and those are two different things. */
export class Calls {
  private readonly stream: FaultStream;

  constructor(private readonly cluster: Cluster) {
    this.stream = cluster.world.faults.stream('calls');
  }

  /** Exactly one of `done` and `failed` is called, once, by the deadline. */
  call<T>(head: CallHead, run: (node: RaftNode) => Promise<T>, done: (value: T) => void, failed: (failure: CallError) => void): void {
    const { world } = this.cluster;
    let isOver = false;
    const finish = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      settle();
    };
    const silence = head.isWrite ? 'unknown' : 'failed';
    world.after(head.timeoutUs, null, () => finish(() => failed(new CallError(silence, 'timeout', `${head.node} did not answer`))));
    if (world.faults.fires('request-lost', this.stream, 0.01)) return;
    const send = (): void => {
      const host = this.cluster.hosts.get(head.node);
      const process = host?.process ?? null;
      const node = host?.node ?? null;
      if (node === null || process === null || !process.isAlive) return this.reply(() => finish(() => failed(new CallError('failed', 'unreachable', `${head.node} is not running`))));
      if (process.isPaused) {
        process.defer({ at: world.nowUs, tie: 0, order: 0, owner: process, run: send });
        return;
      }
      const answer = (settle: () => void): void => {
        // A dead process answers nobody, even where its code runs on for a moment.
        if (!process.isAlive || world.faults.fires('reply-lost', this.stream, 0.01)) return;
        this.reply(() => finish(settle));
      };
      run(node).then(
        (value) => answer(() => done(value)),
        (error: unknown) => answer(() => failed(this.toCallError(head, error))),
      );
    };
    world.after(this.stream.prng.between(100, 2_000), null, send);
  }

  private reply(settle: () => void): void {
    this.cluster.world.after(this.stream.prng.between(100, 2_000), null, settle);
  }

  private toCallError(head: CallHead, error: unknown): CallError {
    if (error instanceof CallError) return error;
    this.cluster.world.violate('call', head.node, `answered a call with ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return new CallError(head.isWrite ? 'unknown' : 'failed', 'stopping', String(error));
  }
}
