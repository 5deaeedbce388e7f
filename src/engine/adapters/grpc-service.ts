import type { sendUnaryData, ServerDuplexStream, ServerUnaryCall, ServerWritableStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { CallError } from '../ports/node-api.ts';
import type { NodeApi } from '../ports/node-api.ts';
import type * as wire from './generated/raft_inspector/v1/client.ts';
import { toBuffer, toPlain } from './grpc/bytes.ts';
import { CallGuard } from './grpc/call-guard.ts';
import type { CallGuardOptions, Permit } from './grpc/call-guard.ts';
import { decodeChange, decodeLevel, encodeStatus } from './grpc/client-codec.ts';
import { METHODS } from './grpc/client-methods.ts';
import type { ClientMethod } from './grpc/client-methods.ts';
import { toStatus } from './grpc/failure.ts';
import { LIMITS } from './grpc/limits.ts';
import { ProposalStream } from './grpc/proposal-stream.ts';
import { sendSnapshot } from './grpc/snapshot-download.ts';

/** Events waiting for a slow watcher; past it the watch ends and the client resumes from the last index it saw. */
const MAX_WATCH_BACKLOG = 1_024;

type Header = wire.RequestHeader | undefined;

/** Answers the client service from a NodeApi: checks who calls and which cluster is meant, keeps deadlines, and bounds what is in work. */
export class GrpcService {
  readonly definition: ServiceDefinition = Object.fromEntries(Object.entries(METHODS).map(([name, method]) => [name, definitionOf(method as ClientMethod<unknown, unknown>)]));
  private readonly guard: CallGuard;
  private api: NodeApi | null = null;

  constructor(options: CallGuardOptions) {
    this.guard = new CallGuard(options);
  }

  attach(api: NodeApi): void {
    this.api = api;
  }

  /** No more calls are taken; those in work end with the member. */
  stop(): void {
    this.api = null;
  }

  get implementation(): UntypedServiceImplementation {
    return {
      propose: this.unary(METHODS.propose, 'possible', (api, { command }, { deadlineMs }) => api.propose(command, { deadlineMs })),
      query: this.unary(METHODS.query, 'none', async (api, request, { deadlineMs }) => {
        const answer = await api.query(request.request, { level: decodeLevel(request.level), deadlineMs });
        return { ...answer, leaderContactMs: answer.leaderContactMs === null ? undefined : Math.max(0, Math.round(answer.leaderContactMs)) };
      }),
      getStatus: this.unary(METHODS.getStatus, 'none', (api) => Promise.resolve(encodeStatus(api.status()))),
      changeMembership: this.unary(METHODS.changeMembership, 'possible', (api, request, { deadlineMs }) =>
        api.changeMembership(decodeChange(request.change), { changeId: request.changeId, expectedIndex: request.expectedIndex ?? null, deadlineMs }),
      ),
      transfer: this.unary(METHODS.transfer, 'possible', (api, { to }, { deadlineMs }) => api.transfer(to ?? null, { deadlineMs })),
      takeSnapshot: this.unary(METHODS.takeSnapshot, 'possible', (api) => api.takeSnapshot()),
      compact: this.unary(METHODS.compact, 'possible', (api) => api.compact()),
      proposeStream: (call: ServerDuplexStream<Buffer, wire.ProposeStreamResponse>) => new ProposalStream(call, this.guard, () => this.running()).start(),
      watch: (call: ServerWritableStream<Buffer, wire.WatchResponse>) => this.watch(call),
      readSnapshot: (call: ServerWritableStream<Buffer, wire.ReadSnapshotResponse>) => this.readSnapshot(call),
    };
  }

  private running(): NodeApi {
    if (this.api === null) throw new CallError('failed', 'stopping', 'this member is starting or stopping');
    return this.api;
  }

  private unary<Request extends { header: Header }, Response>(
    method: ClientMethod<Request, Response>,
    effect: 'none' | 'possible',
    answer: (api: NodeApi, request: Request, permit: Permit) => Promise<Response>,
  ): (call: ServerUnaryCall<Buffer, Response>, callback: sendUnaryData<Response>) => void {
    return (call, callback) => {
      this.answered(call, method, effect, answer).then(
        (response) => callback(null, response),
        (error: unknown) => callback(toStatus(error)),
      );
    };
  }

  private async answered<Request extends { header: Header }, Response>(
    call: ServerUnaryCall<Buffer, Response>,
    method: ClientMethod<Request, Response>,
    effect: 'none' | 'possible',
    answer: (api: NodeApi, request: Request, permit: Permit) => Promise<Response>,
  ): Promise<Response> {
    const api = this.running();
    const request = decoded(method, call.request);
    const permit = this.guard.admit(call, request.header, method === (METHODS.getStatus as unknown) ? 'may-be-first' : 'must-name');
    try {
      return await this.guard.byDeadline(answer(api, request, permit), permit.deadlineMs, effect);
    } finally {
      permit.release();
    }
  }

  private watch(call: ServerWritableStream<Buffer, wire.WatchResponse>): void {
    let stop: (() => void) | null = null;
    let permit: Permit | null = null;
    let isEnded = false;
    const end = (error?: unknown): void => {
      if (isEnded) return;
      isEnded = true;
      stop?.();
      permit?.release();
      if (error !== undefined) call.emit('error', toStatus(error));
    };
    call.on('error', () => end());
    call.on('cancelled', () => end());
    call.on('close', () => end());
    try {
      const api = this.running();
      const request = decoded(METHODS.watch, call.request);
      permit = this.guard.admit(call, request.header, 'must-name', 'endless');
      call.write({ event: undefined });
      stop = api.watch(request.request, (event) => {
        if (isEnded) return;
        if (call.writableLength >= MAX_WATCH_BACKLOG) return end(new CallError('failed', 'overloaded', `the watcher is ${MAX_WATCH_BACKLOG} events behind; watch again from the last index seen`));
        call.write({ event });
      });
      if (isEnded) stop();
    } catch (error) {
      end(error);
    }
  }

  private readSnapshot(call: ServerWritableStream<Buffer, wire.ReadSnapshotResponse>): void {
    call.on('error', () => undefined);
    const send = async (): Promise<void> => {
      const api = this.running();
      const request = decoded(METHODS.readSnapshot, call.request);
      const permit = this.guard.admit(call, request.header, 'must-name');
      try {
        await sendSnapshot(call, api.readSnapshot(request.id ?? null), LIMITS.downloadPieceBytes);
      } finally {
        permit.release();
      }
    };
    send().then(
      () => call.end(),
      (error: unknown) => call.emit('error', toStatus(error)),
    );
  }
}

/** @throws {CallError} `bad-request` when the bytes are no such message. */
function decoded<Request>(method: ClientMethod<Request, unknown>, bytes: Buffer): Request {
  try {
    return method.request.decode(toPlain(bytes));
  } catch (error) {
    throw new CallError('failed', 'bad-request', `not a request of this protocol: ${error instanceof Error ? error.message : 'malformed'}`);
  }
}

function definitionOf(method: ClientMethod<unknown, unknown>): ServiceDefinition[string] {
  return {
    path: method.path,
    requestStream: method.streams === 'both',
    responseStream: method.streams !== 'none',
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes, // decoded where a failure can be told as what it is
    responseSerialize: (message: unknown) => toBuffer(method.response.encode(message).finish()),
    responseDeserialize: (bytes: Buffer) => method.response.decode(toPlain(bytes)),
  };
}
