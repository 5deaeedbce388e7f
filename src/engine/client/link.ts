import type tls from 'node:tls';
import { Client, Metadata, status } from '@grpc/grpc-js';
import type { ClientDuplexStream, ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { toBuffer, toPlain } from '../adapters/grpc/bytes.ts';
import type { ClientMethod } from '../adapters/grpc/client-methods.ts';
import { METHODS } from '../adapters/grpc/client-methods.ts';
import { decodeStatus } from '../adapters/grpc/client-codec.ts';
import { DialCredentials } from '../adapters/grpc/credentials.ts';
import type { Security } from '../adapters/grpc/credentials.ts';
import { FAILURE_KEY, fromStatus } from '../adapters/grpc/failure.ts';
import { CHANNEL_OPTIONS } from '../adapters/grpc/limits.ts';
import type { RequestHeader } from '../adapters/generated/raft_inspector/v1/client.ts';
import { CallError } from '../ports/node-api.ts';
import type { NodeStatus } from '../ports/node-api.ts';
import { PROTOCOL_VERSION } from '../ports/transport.ts';
import { ProposalPipe } from './proposal-pipe.ts';
import type { Pace } from './retry.ts';

/** What every connection of one client has in common. */
export interface LinkContext {
  readonly security: Security;
  readonly context: tls.SecureContext | null;
  readonly pace: Pace;
  readonly name: string;
  /** The cluster as far as it is known; null before the first status. */
  lineage(): { readonly clusterId: string; readonly generation: number } | null;
  /** Cluster that is expected, from the options or learned; null: any. */
  clusterId(): string | null;
}

/** An answer this recent vouches for a connection: a write may be sent on it without asking first. */
const VOUCHED_MS = 400;

/** The connection to one member. It is made when needed, and anew after each failure of the way. */
export class Link {
  private channel: { readonly client: Client; readonly credentials: DialCredentials; pipe: ProposalPipe | null; readonly objection: { text: string | null }; hasAnswered: boolean } | null = null;
  private answeredAtMs = Number.NEGATIVE_INFINITY;
  private checking: Promise<NodeStatus> | null = null;

  constructor(
    readonly address: string,
    private readonly options: LinkContext,
  ) {}

  /** The one call that needs no lineage. Calls made at the same time share one request. */
  status(timeoutMs: number): Promise<NodeStatus> {
    this.checking ??= this.unary(METHODS.getStatus, (header) => ({ header }), timeoutMs, 'none', 'any')
      .then(decodeStatus)
      .finally(() => (this.checking = null));
    return this.checking;
  }

  /**
   * Settles when the member answers. Before a write leaves it must be known that somebody is there: a write sent to a stopped process could
   * only end as unknown. @throws {CallError} `unreachable` or `timeout`, `failed`.
   */
  async vouch(timeoutMs: number): Promise<void> {
    if (this.options.pace.nowMs() - this.answeredAtMs > VOUCHED_MS) await this.status(timeoutMs);
  }

  /** @throws {CallError} */
  unary<Request, Response>(method: ClientMethod<Request, Response>, request: (header: RequestHeader) => Request, timeoutMs: number, effect: 'none' | 'possible', lineage: 'known' | 'any' = 'known'): Promise<Response> {
    const channel = this.open();
    const bytes = toBuffer(method.request.encode(request(this.header(timeoutMs, lineage))).finish());
    return new Promise((resolve, reject) => {
      channel.client.makeUnaryRequest(
        method.path,
        (one: Buffer) => one,
        (one: Buffer) => method.response.decode(toPlain(one)),
        bytes,
        new Metadata(),
        { deadline: Date.now() + timeoutMs },
        (error, response) => {
          if (error === null && response !== undefined) {
            this.answered(channel);
            return resolve(response);
          }
          reject(this.failed(channel, error ?? { code: status.INTERNAL, details: 'no answer' }, effect));
        },
      );
    });
  }

  /** Many proposals in flight. Call `vouch` first. @throws {CallError} */
  async propose(command: Uint8Array, timeoutMs: number): Promise<{ readonly index: number; readonly term: number; readonly result: Uint8Array }> {
    const channel = this.open();
    if (channel.pipe === null || channel.pipe.isEnded) {
      const stream = this.duplex(channel.client, METHODS.proposeStream);
      channel.pipe = new ProposalPipe(stream, (deadlineMs) => this.header(deadlineMs, 'known'), (error) => this.failed(channel, error, 'possible'));
    }
    const done = await channel.pipe.propose(command, timeoutMs);
    this.answered(channel);
    return done;
  }

  /** A stream of answers; ends with a CallError or for good. `cancel` ends it early. */
  serverStream<Request, Response>(method: ClientMethod<Request, Response>, request: (header: RequestHeader) => Request, timeoutMs: number | null): { readonly stream: ClientReadableStream<Response>; readonly toError: (error: unknown) => CallError } {
    const channel = this.open();
    const bytes = toBuffer(method.request.encode(request(this.header(timeoutMs ?? 0, 'known'))).finish());
    const stream = channel.client.makeServerStreamRequest(method.path, (one: Buffer) => one, (one: Buffer) => method.response.decode(toPlain(one)), bytes, new Metadata(), timeoutMs === null ? {} : { deadline: Date.now() + timeoutMs });
    return { stream, toError: (error) => (error instanceof CallError ? error : this.failed(channel, error as ServiceError, 'none')) };
  }

  close(): void {
    const { channel } = this;
    this.channel = null;
    if (channel === null) return;
    channel.pipe?.close();
    channel.client.close();
    channel.credentials.destroy();
  }

  private duplex<Request, Response>(client: Client, method: ClientMethod<Request, Response>): ClientDuplexStream<Request, Response> {
    return client.makeBidiStreamRequest<Request, Response>(method.path, (one) => toBuffer(method.request.encode(one).finish()), (one) => method.response.decode(toPlain(one)), new Metadata(), {});
  }

  private open(): NonNullable<typeof this.channel> {
    if (this.channel !== null) return this.channel;
    const objection: { text: string | null } = { text: null };
    const credentials = new DialCredentials(this.options.security, this.options.context, {
      accepts: (identity) => {
        const wanted = this.options.clusterId();
        if (identity === null || identity.kind !== 'member') return 'the server certificate names no member';
        return wanted === null || identity.clusterId === wanted ? null : `the server belongs to cluster ${identity.clusterId}, not ${wanted}`;
      },
      refused: (rule, message) => (objection.text = `${rule}: ${message}`),
    });
    const client = new Client(this.address, credentials, { ...CHANNEL_OPTIONS });
    this.channel = { client, credentials, pipe: null, objection, hasAnswered: false };
    return this.channel;
  }

  /** Without details from the member, the way itself failed: the channel is given up, so that the next call does not wait out its backoff. */
  private failed(channel: NonNullable<typeof this.channel>, error: Pick<ServiceError, 'code' | 'details'> & { metadata?: Metadata }, effect: 'none' | 'possible'): CallError {
    if ((error.metadata?.get(FAILURE_KEY).length ?? 0) > 0) this.answered(channel);
    else this.answeredAtMs = Number.NEGATIVE_INFINITY;
    const isGivenUp = error.code === status.UNAVAILABLE || (error.code === status.DEADLINE_EXCEEDED && !channel.hasAnswered);
    if (this.answeredAtMs === Number.NEGATIVE_INFINITY && isGivenUp && this.channel === channel) this.close();
    if (channel.objection.text !== null) return new CallError('failed', 'not-authorized', `${this.address}: ${channel.objection.text}`);
    return fromStatus(error, effect, this.address);
  }

  private answered(channel: NonNullable<typeof this.channel>): void {
    channel.hasAnswered = true;
    this.answeredAtMs = this.options.pace.nowMs();
  }

  private header(deadlineMs: number, lineage: 'known' | 'any'): RequestHeader {
    const known = this.options.lineage();
    if (known === null && lineage === 'known') throw new CallError('failed', 'unreachable', 'the cluster is not known yet: no member has answered');
    return { clusterId: known?.clusterId ?? '', generation: known?.generation ?? 0, from: this.options.name, to: '', version: PROTOCOL_VERSION, deadlineMs: Math.ceil(deadlineMs) };
  }
}
