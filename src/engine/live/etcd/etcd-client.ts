import net from 'node:net';
import { checkServerIdentity as checkIdentity } from 'node:tls';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import type { ChannelCredentials, ServiceError } from '@grpc/grpc-js';
import { toBuffer, toPlain } from '../../adapters/grpc/bytes.ts';
import { UsageError } from '../../errors.ts';
import type { PemTexts } from '../registry.ts';
import { type EtcdEndpoint, parseEtcdEndpoint } from './endpoint.ts';
import { type EtcdMethod, METHODS } from './methods.ts';

/** A call that failed: what gRPC says, and whether the request can have reached the server. */
export class EtcdCallError extends Error {
  constructor(
    readonly code: status,
    message: string,
    readonly endpoint: string,
    /** False: no connection was made, so nothing can have happened. */
    readonly wasSent: boolean,
  ) {
    super(message);
    this.name = 'EtcdCallError';
  }
}

export interface EtcdClientOptions {
  /** Null: plain connections where the endpoint has no scheme of its own. */
  readonly tls: PemTexts | null;
  readonly user: { readonly name: string; readonly password: string } | null;
  /** Only to find out what runs there: takes a certificate for any host name. */
  readonly anyHostName?: boolean;
}

/** Bounds of what is taken from the network: a member list, a range of one key, a piece of a snapshot. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

// No keepalive pings: etcd takes more than one in 5 s for an attack and closes the connection. Every call has a deadline.
const CHANNEL_OPTIONS = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_retries': 0,
  'grpc.enable_channelz': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
} as const;

/** Said in the handshake instead of an address, which may not be said there; the certificate is compared with the address all the same. */
const NO_NAME = 'etcd.internal';

/** What a token that is no longer good is refused with: a new one is asked for once. */
const STALE_TOKEN = /invalid auth token|revision of auth store is old/;

/** Calls to etcd members, each to the endpoint that is named. */
export class EtcdClient {
  private readonly channels = new Map<string, Client>();
  private readonly tokens = new Map<string, string>();

  constructor(private readonly options: EtcdClientOptions) {}

  /** @throws {EtcdCallError} */
  async call<Request, Response>(endpoint: string, method: EtcdMethod<Request, Response>, request: Request, timeoutMs: number): Promise<Response> {
    const endsAt = performance.now() + timeoutMs;
    try {
      return await this.unary(endpoint, method, request, timeoutMs, await this.token(endpoint, timeoutMs));
    } catch (error) {
      if (!(error instanceof EtcdCallError) || !STALE_TOKEN.test(error.message) || this.options.user === null) throw error;
      this.tokens.delete(endpoint);
      const leftMs = Math.max(1, endsAt - performance.now());
      return this.unary(endpoint, method, request, leftMs, await this.token(endpoint, leftMs));
    }
  }

  /** A snapshot of the member's database, as it comes: the pages, then their sha256. */
  async *snapshot(endpoint: string, timeoutMs: number): AsyncGenerator<Uint8Array> {
    const { request, response, path } = METHODS.snapshot;
    const metadata = this.metadata(await this.token(endpoint, timeoutMs), false);
    const stream = this.channel(endpoint).makeServerStreamRequest(path, (one: Buffer) => one, (one: Buffer) => response.decode(toPlain(one)), toBuffer(request.encode({}).finish()), metadata, { deadline: Date.now() + timeoutMs });
    try {
      for await (const piece of stream) yield (piece as ReturnType<typeof response.decode>).blob;
    } catch (error) {
      throw toCallError(error as ServiceError, endpoint);
    } finally {
      stream.cancel();
    }
  }

  close(): void {
    for (const channel of this.channels.values()) channel.close();
    this.channels.clear();
  }

  private unary<Request, Response>(endpoint: string, method: EtcdMethod<Request, Response>, request: Request, timeoutMs: number, token: string | null): Promise<Response> {
    // Status is answered without a leader and is how one is looked for; everything else ends at once where the endpoint sees none.
    const metadata = this.metadata(token, method.path !== METHODS.status.path && method.path !== METHODS.memberList.path);
    const channel = this.channel(endpoint);
    return new Promise((resolve, reject) => {
      channel.makeUnaryRequest(
        method.path,
        (one: Buffer) => one,
        (one: Buffer) => method.response.decode(toPlain(one)),
        toBuffer(method.request.encode(request).finish()),
        metadata,
        { deadline: Date.now() + timeoutMs },
        (error, response) => {
          if (error === null && response !== undefined) return resolve(response);
          if (error !== null && error.code === status.UNAVAILABLE) this.forget(endpoint, channel);
          reject(toCallError(error ?? { code: status.INTERNAL, details: 'no answer' }, endpoint));
        },
      );
    });
  }

  /** The next call makes a new connection and does not wait out the pause between two attempts of this one. */
  private forget(endpoint: string, channel: Client): void {
    if (this.channels.get(endpoint) !== channel) return;
    this.channels.delete(endpoint);
    channel.close();
  }

  private async token(endpoint: string, timeoutMs: number): Promise<string | null> {
    const { user } = this.options;
    if (user === null) return null;
    const known = this.tokens.get(endpoint);
    if (known !== undefined) return known;
    try {
      const { token } = await this.unary(endpoint, METHODS.authenticate, user, timeoutMs, null);
      this.tokens.set(endpoint, token);
      return token;
    } catch (error) {
      // A user was given, and the cluster asks for none: as good as a token.
      if (error instanceof EtcdCallError && /authentication is not enabled/.test(error.message)) return null;
      throw error;
    }
  }

  private metadata(token: string | null, needsLeader: boolean): Metadata {
    const metadata = new Metadata();
    if (needsLeader) metadata.set('hasleader', 'true');
    if (token !== null) metadata.set('token', token);
    return metadata;
  }

  private channel(endpoint: string): Client {
    const open = this.channels.get(endpoint);
    if (open !== undefined) return open;
    const parsed = parseEtcdEndpoint(endpoint);
    const made = new Client(parsed.authority, this.credentialsOf(parsed), { ...CHANNEL_OPTIONS, ...(net.isIP(hostOf(parsed)) === 0 ? {} : { 'grpc.ssl_target_name_override': NO_NAME }) });
    this.channels.set(endpoint, made);
    return made;
  }

  private credentialsOf(endpoint: EtcdEndpoint): ChannelCredentials {
    const { tls, anyHostName } = this.options;
    if (!(endpoint.isSecure ?? tls !== null)) return credentials.createInsecure();
    const host = hostOf(endpoint);
    const checkServerIdentity: typeof checkIdentity = anyHostName === true ? () => undefined : (_name, certificate) => checkIdentity(host, certificate);
    const pem = (text: string | null | undefined): Buffer | null => (text === null || text === undefined ? null : Buffer.from(text));
    try {
      return credentials.createSsl(pem(tls?.ca), pem(tls?.key), pem(tls?.certificate), { checkServerIdentity });
    } catch (cause) {
      throw new UsageError(`the certificates cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, 'Give PEM files that belong together: --cacert, --cert, --key', { cause });
    }
  }
}

/** `[::1]:2379` is `::1`. */
function hostOf({ authority }: EtcdEndpoint): string {
  return authority.slice(0, authority.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
}

/** The library fails a call at once, with these words, while it has no connection: nothing left this machine. */
const NEVER_LEFT = /No connection established|Name resolution failed|Failed to connect before the deadline|Waiting for LB pick/;

function toCallError(error: Pick<ServiceError, 'code' | 'details'>, endpoint: string): EtcdCallError {
  const message = error.details || status[error.code] || 'failed';
  return new EtcdCallError(error.code ?? status.UNKNOWN, message, endpoint, !NEVER_LEFT.test(message));
}
