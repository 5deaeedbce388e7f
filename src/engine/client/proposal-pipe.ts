import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { LIMITS } from '../adapters/grpc/limits.ts';
import { fromFailure } from '../adapters/grpc/failure.ts';
import type { ProposeStreamRequest, ProposeStreamResponse, RequestHeader, StreamOutcome, StreamProposal } from '../adapters/generated/raft_inspector/v1/client.ts';
import { CallError } from '../ports/node-api.ts';

interface Done {
  readonly index: number;
  readonly term: number;
  readonly result: Uint8Array;
}

interface Waiting {
  readonly resolve: (done: Done) => void;
  readonly reject: (error: CallError) => void;
  readonly timer: NodeJS.Timeout;
}

/** The member ends a proposal by its deadline; this much later we stop waiting for it to say so. */
const SLACK_MS = 150;

/** Proposals in flight on one stream, by number. What is open when the stream breaks has an unknown outcome, unless the member says more. */
export class ProposalPipe {
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;
  private unsent: StreamProposal[] = [];
  private unsentBytes = 0;
  private isOpened = false;
  isEnded = false;

  constructor(
    private readonly stream: ClientDuplexStream<ProposeStreamRequest, ProposeStreamResponse>,
    private readonly header: (deadlineMs: number) => RequestHeader,
    private readonly toError: (error: ServiceError) => CallError,
  ) {
    stream.on('data', ({ outcomes }: ProposeStreamResponse) => outcomes.forEach((one) => this.answered(one)));
    stream.on('error', (error: ServiceError) => this.ended(this.toError(error)));
    stream.on('end', () => this.ended(new CallError('unknown', 'unreachable', 'the member ended the stream')));
  }

  propose(command: Uint8Array, timeoutMs: number): Promise<Done> {
    if (this.isEnded) return Promise.reject(new CallError('failed', 'unreachable', 'the stream has ended'));
    const id = (this.lastId += 1);
    const deadlineMs = Math.max(1, Math.ceil(timeoutMs));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.settle(id)?.reject(new CallError('unknown', 'timeout', `no answer within ${deadlineMs} ms`)), deadlineMs + SLACK_MS);
      this.waiting.set(id, { resolve, reject, timer });
      this.send({ id, deadlineMs, command });
    });
  }

  /** The library sends one message a turn of the event loop: proposals of the same turn travel together, up to a bound. */
  private send(proposal: StreamProposal): void {
    this.unsent.push(proposal);
    this.unsentBytes += proposal.command.length;
    if (this.unsent.length === 1) setImmediate(() => this.flush());
    else if (this.unsentBytes >= LIMITS.frameTargetBytes) this.flush();
  }

  private flush(): void {
    const proposals = this.unsent.splice(0);
    this.unsentBytes = 0;
    if (proposals.length === 0 || this.isEnded) return;
    this.stream.write({ header: this.isOpened ? undefined : this.header(proposals[0]?.deadlineMs ?? 1), proposals });
    this.isOpened = true;
  }

  close(): void {
    this.stream.cancel();
    this.ended(new CallError('unknown', 'unreachable', 'the connection was closed'));
  }

  private answered(response: StreamOutcome): void {
    const waiting = this.settle(response.id);
    if (waiting === undefined) return;
    const { outcome } = response;
    if (outcome?.$case === 'done') waiting.resolve(outcome.value);
    else waiting.reject(outcome?.$case === 'failure' ? fromFailure(outcome.value) : new CallError('unknown', 'bad-request', 'the member answered without an outcome'));
  }

  private settle(id: number): Waiting | undefined {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (waiting !== undefined) clearTimeout(waiting.timer);
    return waiting;
  }

  private ended(error: CallError): void {
    this.isEnded = true;
    for (const id of this.waiting.keys()) this.settle(id)?.reject(error);
  }
}
