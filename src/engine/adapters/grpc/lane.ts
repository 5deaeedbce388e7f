import { performance } from 'node:perf_hooks';
import { Client, Metadata } from '@grpc/grpc-js';
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import type { Envelope, Lane } from '../../ports/transport.ts';
import { DeliverResponse } from '../generated/raft_inspector/v1/peer.ts';
import type { Identity } from './identity.ts';
import { DialCredentials } from './credentials.ts';
import type { Dialer } from './dialer.ts';
import { LaneQueue, QUEUE_BOUNDS } from './lane-queue.ts';
import { CHANNEL_OPTIONS } from './limits.ts';
import { fromStatus } from './failure.ts';
import { encodeFrame } from './peer-codec.ts';

export const DELIVER_PATH = '/raft_inspector.v1.PeerService/Deliver';

const MIN_BACKOFF_MS = 50;
/** While something waits to be sent, a healed link must be found soon; otherwise once a second is enough. */
const BUSY_BACKOFF_MS = 150;
const IDLE_BACKOFF_MS = 1_000;
/** Most attempts are short, so that a link that swallowed them is tried anew soon; each third one is long, for slow links. */
const ATTEMPT_MS = [1_000, 1_000, 5_000] as const;
/** What waited longer for a connection is not worth sending. */
const STALE_MS = 1_000;
/** Bytes handed to the connection and not yet taken by the operating system. */
const MAX_INFLIGHT_BYTES = 2 * 1024 * 1024;

export interface LaneOptions {
  readonly lane: Lane;
  readonly peer: { readonly id: string; readonly address: string };
  readonly dialer: Dialer;
  /** False: whoever is being looked for has to be found by another lane first. */
  readonly mayDial: () => boolean;
  readonly sentFrame: () => void;
  readonly dropped: (messages: number) => void;
  readonly opened: () => void;
  readonly refused: (rule: string) => void;
}

type Attempt = { readonly client: Client; readonly credentials: DialCredentials; readonly stream: ClientDuplexStream<Buffer, DeliverResponse>; timer: NodeJS.Timeout | null; isGreeted: boolean };

/**
 * One outgoing connection to one peer: dials, greets, sends what is queued, and dials again. Each attempt has a channel of its own, so
 * that nothing of an earlier one (its backoff, its half-open socket) outlives it.
 */
export class OutgoingLane {
  private readonly queue: LaneQueue;
  private attempt: Attempt | null = null;
  private retryTimer: NodeJS.Timeout | null = null;
  private isFlushDue = false;
  /** Why the present wait is as long as it is: it may be cut short, unless the peer refused us. */
  private wait: 'busy' | 'idle' | 'refused' = 'idle';
  private isClosed = false;
  private failures = 0;
  private timeouts = 0;
  private inflightBytes = 0;
  private dialledAtMs = Number.NEGATIVE_INFINITY;
  private pushedAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: LaneOptions) {
    this.queue = new LaneQueue(QUEUE_BOUNDS[options.lane]);
  }

  get isOpen(): boolean {
    return this.attempt?.isGreeted === true;
  }

  get hasWork(): boolean {
    return this.queue.length > 0;
  }

  /** When something was last to be sent, monotonic milliseconds. */
  get usedAtMs(): number {
    return this.pushedAtMs;
  }

  push(envelope: Envelope): void {
    if (this.isClosed) return this.options.dropped(1);
    this.pushedAtMs = performance.now();
    const dropped = this.queue.push(envelope, this.pushedAtMs);
    if (dropped > 0) this.options.dropped(dropped);
    if (this.isOpen) this.flushSoon();
    else this.shortenBackoff();
  }

  /** Dials now unless it is connected or connecting. */
  dial(): void {
    if (this.isClosed || this.attempt !== null || !this.options.mayDial()) return;
    if (this.retryTimer !== null) clearTimeout(this.retryTimer);
    this.retryTimer = null;
    this.dialledAtMs = performance.now();
    this.begin();
  }

  /** The peer was heard, so it can probably be reached: no need to wait out the backoff. */
  poke(): void {
    if (this.retryTimer !== null && this.wait !== 'refused' && performance.now() - this.dialledAtMs >= MIN_BACKOFF_MS) this.dial();
  }

  close(): void {
    this.isClosed = true;
    if (this.retryTimer !== null) clearTimeout(this.retryTimer);
    this.retryTimer = null;
    this.endAttempt();
  }

  private begin(): void {
    const { peer, dialer } = this.options;
    let refusal: string | null = null;
    const credentials = new DialCredentials(dialer.security, dialer.context, {
      accepts: (identity) => objectionTo(identity, dialer.self.clusterId, peer.id),
      refused: (rule, message) => {
        refusal = rule;
        fail(new Error(message));
      },
    });
    const client = new Client(dialer.address(peer.id, peer.address), credentials, { ...CHANNEL_OPTIONS });
    const stream = client.makeBidiStreamRequest<Buffer, DeliverResponse>(DELIVER_PATH, (bytes) => bytes, (bytes) => DeliverResponse.decode(bytes), new Metadata(), {});
    const attempt: Attempt = { client, credentials, stream, timer: null, isGreeted: false };
    this.attempt = attempt;
    this.inflightBytes = 0;
    const fail = (error: Error, wasTimeout = false): void => {
      if (this.attempt !== attempt) return;
      this.endAttempt();
      const rule = refusal ?? refusalOf(error);
      this.retry(rule, wasTimeout && !attempt.isGreeted);
      if (rule !== null) this.options.refused(rule);
    };
    stream.on('data', (greeting: DeliverResponse) => this.greeted(attempt, greeting, fail));
    stream.on('error', (error: Error) => fail(error));
    stream.on('end', () => fail(new Error('the peer ended the stream')));
    attempt.timer = setTimeout(() => fail(new Error('no greeting in time'), true), ATTEMPT_MS[this.timeouts % ATTEMPT_MS.length]);
    stream.write(encodeFrame({ head: { ...dialer.self, to: peer.id }, lane: this.options.lane, address: dialer.advertised(), bodies: [] }));
  }

  private greeted(attempt: Attempt, greeting: DeliverResponse, fail: (error: Error) => void): void {
    const { self } = this.options.dialer;
    if (this.attempt !== attempt || attempt.isGreeted) return;
    if (greeting.clusterId !== self.clusterId || greeting.from !== this.options.peer.id || greeting.version !== self.version) {
      this.options.refused('greeting');
      return fail(new Error('the greeting is of another member'));
    }
    if (attempt.timer !== null) clearTimeout(attempt.timer);
    attempt.timer = null;
    attempt.isGreeted = true;
    this.failures = 0;
    this.timeouts = 0;
    const stale = this.queue.dropBefore(performance.now() - STALE_MS);
    if (stale > 0) this.options.dropped(stale);
    this.options.opened();
    this.flush();
  }

  private flushSoon(): void {
    if (this.isFlushDue) return;
    this.isFlushDue = true;
    setImmediate(() => this.flush());
  }

  private flush(): void {
    this.isFlushDue = false;
    const { attempt } = this;
    if (attempt === null || !attempt.isGreeted) return;
    while (this.inflightBytes < MAX_INFLIGHT_BYTES) {
      const batch = this.queue.take();
      if (batch === null) return;
      this.inflightBytes += batch.bytes;
      this.options.sentFrame();
      const frame = encodeFrame({ head: batch.head, lane: this.options.lane, address: '', bodies: batch.bodies });
      attempt.stream.write(frame, () => {
        if (this.attempt !== attempt) return;
        this.inflightBytes -= batch.bytes;
        if (this.queue.length > 0) this.flushSoon();
      });
    }
  }

  private endAttempt(): void {
    const { attempt } = this;
    this.attempt = null;
    if (attempt === null) return;
    if (attempt.timer !== null) clearTimeout(attempt.timer);
    attempt.stream.on('error', () => undefined);
    attempt.stream.cancel();
    attempt.client.close();
    attempt.credentials.destroy();
  }

  private retry(refusal: string | null, wasTimeout: boolean): void {
    if (this.isClosed) return;
    this.failures += 1;
    if (wasTimeout) this.timeouts += 1;
    this.wait = refusal !== null ? 'refused' : this.queue.length > 0 ? 'busy' : 'idle';
    if (this.wait === 'refused') return this.schedule(jitter(IDLE_BACKOFF_MS));
    this.schedule(jitter(Math.min(MIN_BACKOFF_MS * 2 ** Math.min(this.failures - 1, 5), this.wait === 'busy' ? BUSY_BACKOFF_MS : IDLE_BACKOFF_MS)));
  }

  /** Something wants out: an idle wait of up to a second becomes a short one. A refusal is waited out. */
  private shortenBackoff(): void {
    if (this.attempt !== null) return;
    if (this.retryTimer === null) return this.dial();
    if (this.wait !== 'idle') return;
    this.wait = 'busy';
    clearTimeout(this.retryTimer);
    this.schedule(Math.max(0, jitter(BUSY_BACKOFF_MS) - (performance.now() - this.dialledAtMs)));
  }

  private schedule(delayMs: number): void {
    this.retryTimer = setTimeout(() => {
      this.retryTimer = null;
      this.dial();
    }, delayMs);
  }
}

function objectionTo(identity: Identity | null, clusterId: string, memberId: string): string | null {
  if (identity === null) return 'the server certificate names no member';
  if (identity.clusterId !== clusterId) return `the server belongs to cluster ${identity.clusterId}`;
  return identity.kind === 'member' && identity.name === memberId ? null : `the server is ${identity.kind} ${identity.name}, not ${memberId}`;
}

function jitter(delayMs: number): number {
  return delayMs * (0.5 + Math.random() / 2);
}

/** What the peer itself said against us, with its details; null when only the way failed. */
function refusalOf(error: Error): string | null {
  if (!('code' in error && 'metadata' in error)) return null;
  const { rule } = fromStatus(error as ServiceError, 'none', 'peer');
  return rule === 'unreachable' || rule === 'timeout' ? null : `peer:${rule}`;
}
