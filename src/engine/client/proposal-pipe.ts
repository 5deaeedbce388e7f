import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { fromFailure } from '../adapters/grpc/failure.ts';
import type { ProposeStreamRequest, ProposeStreamResponse, RequestHeader } from '../adapters/generated/raft_inspector/v1/client.ts';
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
  isEnded = false;

  constructor(
    private readonly stream: ClientDuplexStream<ProposeStreamRequest, ProposeStreamResponse>,
    private readonly header: (deadlineMs: number) => RequestHeader,
    private readonly toError: (error: ServiceError) => CallError,
  ) {
    stream.on('data', (response: ProposeStreamResponse) => this.answered(response));
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
      this.stream.write({ id, header: id === 1 ? this.header(deadlineMs) : undefined, deadlineMs, command });
    });
  }

  close(): void {
    this.stream.cancel();
    this.ended(new CallError('unknown', 'unreachable', 'the connection was closed'));
  }

  private answered(response: ProposeStreamResponse): void {
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
