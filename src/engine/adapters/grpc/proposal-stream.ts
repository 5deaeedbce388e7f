import type { ServerDuplexStream } from '@grpc/grpc-js';
import { CallError } from '../../ports/node-api.ts';
import type { NodeApi } from '../../ports/node-api.ts';
import type { ProposeStreamRequest, ProposeStreamResponse, StreamOutcome, StreamProposal } from '../generated/raft_inspector/v1/client.ts';
import { toPlain } from './bytes.ts';
import type { CallGuard, Permit } from './call-guard.ts';
import { METHODS } from './client-methods.ts';
import { toFailure, toStatus } from './failure.ts';

/** Proposals in work on one stream. */
const MAX_PER_STREAM = 1_024;

/** Serves one stream of proposals. Each is answered as it is done; a bad message ends the stream, a refused proposal only itself. */
export class ProposalStream {
  private permit: Permit | null = null;
  private open = 0;
  private taken = 0;
  private readonly answers: StreamOutcome[] = [];
  private isEnded = false;
  private isReadDone = false;

  constructor(
    private readonly call: ServerDuplexStream<Buffer, ProposeStreamResponse>,
    private readonly guard: CallGuard,
    private readonly api: () => NodeApi,
  ) {}

  start(): void {
    this.call.on('error', () => this.end());
    this.call.on('cancelled', () => this.end());
    this.call.on('close', () => this.end());
    this.call.on('end', () => {
      this.isReadDone = true;
      this.finish();
    });
    this.call.on('data', (bytes: Buffer) => {
      if (this.isEnded) return;
      try {
        this.take(bytes);
      } catch (error) {
        this.end();
        this.call.emit('error', toStatus(this.taken === 0 ? error : new CallError('unknown', 'bad-request', 'the stream broke after proposals were taken from it', null)));
      }
    });
  }

  private take(bytes: Buffer): void {
    const request = decoded(bytes);
    // A stream has no deadline of its own: each proposal has one.
    this.permit ??= this.guard.admit(this.call, request.header, 'must-name', 'endless');
    for (const proposal of request.proposals) this.begin(proposal);
  }

  private begin(proposal: StreamProposal): void {
    if (proposal.deadlineMs === 0) throw new CallError('failed', 'bad-request', `proposal ${proposal.id} has no deadline`);
    this.open += 1;
    this.taken += 1;
    this.propose(proposal)
      .catch((error: unknown): StreamOutcome['outcome'] => ({ $case: 'failure', value: toFailure(error instanceof CallError ? error : new CallError('unknown', 'storage-failed', 'the member failed to answer; its log says why')) }))
      .then((outcome) => {
        this.open -= 1;
        this.answer({ id: proposal.id, outcome });
      })
      .catch(() => this.end());
  }

  /** The library sends one message a turn: outcomes of the same turn travel together. */
  private answer(outcome: StreamOutcome): void {
    this.answers.push(outcome);
    if (this.answers.length === 1) setImmediate(() => this.flush());
  }

  private flush(): void {
    const outcomes = this.answers.splice(0);
    if (!this.isEnded) this.call.write({ outcomes });
    this.finish();
  }

  private async propose(request: StreamProposal): Promise<StreamOutcome['outcome']> {
    if (this.open > MAX_PER_STREAM) throw new CallError('failed', 'overloaded', `${MAX_PER_STREAM} proposals are in work on this stream already`);
    const release = this.guard.admitProposal();
    try {
      const done = await this.guard.byDeadline(this.api().propose(request.command, { deadlineMs: request.deadlineMs }), request.deadlineMs, 'possible');
      return { $case: 'done', value: { index: done.index, term: done.term, result: done.result } };
    } finally {
      release();
    }
  }

  private finish(): void {
    if (!this.isReadDone || this.open > 0 || this.answers.length > 0 || this.isEnded) return;
    this.end();
    this.call.end();
  }

  private end(): void {
    this.isEnded = true;
    this.permit?.release();
  }
}

function decoded(bytes: Buffer): ProposeStreamRequest {
  try {
    return METHODS.proposeStream.request.decode(toPlain(bytes));
  } catch (error) {
    throw new CallError('failed', 'bad-request', `not a request of this protocol: ${error instanceof Error ? error.message : 'malformed'}`);
  }
}
