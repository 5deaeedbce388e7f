import { performance } from 'node:perf_hooks';
import { Server } from '@grpc/grpc-js';
import type { NodeApi } from '../ports/node-api.ts';
import type { MemberId } from '../core/types.ts';
import { PROTOCOL_VERSION } from '../ports/transport.ts';
import type { Envelope, Lane, Transport } from '../ports/transport.ts';
import { GrpcService } from './grpc-service.ts';
import { contextOf, securityOf } from './grpc/credentials.ts';
import type { TlsMaterial } from './grpc/credentials.ts';
import type { Dialer } from './grpc/dialer.ts';
import { SERVER_OPTIONS } from './grpc/limits.ts';
import { Listener } from './grpc/listener.ts';
import { OutgoingPeer } from './grpc/peer.ts';
import { PEER_SERVICE, PeerService } from './grpc/peer-service.ts';

export type { TlsMaterial } from './grpc/credentials.ts';

export interface GrpcTransportOptions {
  readonly clusterId: string;
  readonly generation: number;
  readonly memberId: MemberId;
  readonly maxFeatureLevel: number;
  /** Where to listen. Port 0: the system picks one, see `port`. */
  readonly host: string;
  readonly port: number;
  /** Where others reach this member, `host:port`; default: where it listens. */
  readonly advertise?: string;
  /** Mutual TLS. Exactly one of `tls` and `insecureLoopback` is given. */
  readonly tls?: TlsMaterial;
  /** Plain text: refuses to listen on, accept from, or dial anything but loopback. */
  readonly insecureLoopback?: boolean;
  /** Where a peer is really dialled, when not at its address. */
  readonly dial?: (id: MemberId, address: string) => string;
  /** Calls of clients in work at one time; more are refused as overloaded. Default 4096. */
  readonly maxClientCalls?: number;
  /** A connection to a member that is no peer closes after this silence. Default 10 s. */
  readonly guestIdleMs?: number;
  readonly observer?: TransportObserver;
}

/** Watches from outside; must not change anything. */
export interface TransportObserver {
  /** Something that came in, or a peer that was dialled, was refused: rule (stable), and who it was as far as known. */
  refused?(rule: string, from: string): void;
  /** Messages that never left. */
  dropped?(to: MemberId, lane: Lane, messages: number): void;
}

export interface TransportCounters {
  /** Messages given to a lane, and the frames they left in. */
  readonly sent: number;
  readonly framesSent: number;
  readonly received: number;
  readonly dropped: Readonly<Record<Lane, number>>;
  readonly refused: Readonly<Record<string, number>>;
}

/** Members that are no peers, yet dialled in: joining or removed. They get answers on connections that close when silent. */
const MAX_GUESTS = 64;

/** Envelopes between members over gRPC with mutual TLS, and the client service on the same port. */
export class GrpcTransport implements Transport {
  private readonly server = new Server(SERVER_OPTIONS);
  private readonly dialer: Dialer;
  private readonly service: GrpcService;
  private readonly peers = new Map<MemberId, OutgoingPeer>();
  private readonly guests = new Map<MemberId, OutgoingPeer>();
  private readonly guestAddresses = new Map<MemberId, string>();
  private readonly counts = { sent: 0, framesSent: 0, received: 0, dropped: { control: 0, append: 0, snapshot: 0 }, refused: new Map<string, number>() };
  private listener: Listener | null = null;
  private sweepTimer: NodeJS.Timeout | null = null;
  private isStopped = false;
  private readonly guestIdleMs: number;

  /** @throws {RangeError} When neither or both of `tls` and `insecureLoopback` are given. */
  constructor(private readonly options: GrpcTransportOptions) {
    const security = securityOf(options);
    this.guestIdleMs = options.guestIdleMs ?? 10_000;
    this.dialer = {
      security,
      context: security.kind === 'mtls' ? contextOf(security.material) : null,
      self: { clusterId: options.clusterId, generation: options.generation, from: options.memberId, version: PROTOCOL_VERSION, maxFeatureLevel: options.maxFeatureLevel },
      address: options.dial ?? ((_id, address) => address),
      advertised: () => options.advertise ?? `${options.host}:${this.port}`,
    };
    this.service = new GrpcService({
      clusterId: options.clusterId,
      generation: options.generation,
      memberId: options.memberId,
      security: security.kind,
      maxCalls: options.maxClientCalls ?? 4_096,
      refused: (rule, from) => this.refused(rule, from),
    });
  }

  /** The port that is listened on; 0 before `start`. */
  get port(): number {
    return this.listener?.port ?? 0;
  }

  get counters(): TransportCounters {
    return { ...this.counts, dropped: { ...this.counts.dropped }, refused: Object.fromEntries(this.counts.refused) };
  }

  /** Answers clients from `api`, from now on; before, they are told to try elsewhere. */
  serve(api: NodeApi): void {
    this.service.attach(api);
  }

  async start(receive: (envelope: Envelope) => void): Promise<void> {
    const peerService = new PeerService({
      dialer: this.dialer,
      receive: (envelope) => {
        this.counts.received += 1;
        if (!this.isStopped) receive(envelope);
      },
      heard: (id, address) => this.heard(id, address),
      refused: (rule, from) => this.refused(rule, from),
    });
    this.server.addService(PEER_SERVICE, peerService.implementation);
    this.server.addService(this.service.definition, this.service.implementation);
    this.listener = await Listener.open({
      host: this.options.host,
      port: this.options.port,
      security: this.dialer.security,
      grpc: this.server,
      onRefused: (rule, from) => this.refused(rule, from),
    });
    this.sweepTimer = setInterval(() => this.closeSilentGuests(), this.guestIdleMs / 4);
    this.sweepTimer.unref();
  }

  send(envelope: Envelope): void {
    const peer = this.isStopped ? undefined : (this.peers.get(envelope.to) ?? this.guest(envelope.to));
    if (peer === undefined) return this.dropped(envelope.to, 'control', 1);
    this.counts.sent += 1;
    peer.send(envelope);
  }

  setPeers(peers: readonly { readonly id: MemberId; readonly address: string }[]): void {
    if (this.isStopped) return;
    const wanted = new Map(peers.filter(({ id }) => id !== this.options.memberId).map((peer) => [peer.id, peer]));
    for (const [id, peer] of this.peers) {
      if (wanted.get(id)?.address === peer.address) continue;
      this.peers.delete(id);
      // A member that was just removed may still have to be told so: it lingers as a guest until it is silent.
      if (wanted.has(id)) peer.close();
      else this.addGuest(id, peer);
    }
    for (const [id, peer] of wanted) {
      if (this.peers.has(id)) continue;
      this.dropGuest(id);
      const made = this.makePeer(peer);
      this.peers.set(id, made);
      made.dial();
    }
  }

  async stop(): Promise<void> {
    if (this.isStopped) return;
    this.isStopped = true;
    if (this.sweepTimer !== null) clearInterval(this.sweepTimer);
    this.service.stop();
    for (const peer of [...this.peers.values(), ...this.guests.values()]) peer.close();
    this.peers.clear();
    this.guests.clear();
    await this.listener?.close();
    this.server.forceShutdown();
  }

  private makePeer(peer: { readonly id: MemberId; readonly address: string }): OutgoingPeer {
    return new OutgoingPeer({
      peer,
      dialer: this.dialer,
      sentFrame: () => void (this.counts.framesSent += 1),
      dropped: (lane, messages) => this.dropped(peer.id, lane, messages),
      refused: (rule) => this.refused(rule, peer.id),
    });
  }

  /** A member dialled in: it can probably be reached, and if it is no peer, its address is remembered. */
  private heard(id: MemberId, address: string): void {
    const peer = this.peers.get(id) ?? this.guests.get(id);
    if (peer !== undefined) peer.poke();
    if (address === '' || this.peers.has(id)) return;
    this.guestAddresses.delete(id);
    this.guestAddresses.set(id, address);
    if (this.guestAddresses.size > MAX_GUESTS) this.guestAddresses.delete(this.guestAddresses.keys().next().value ?? '');
  }

  private guest(id: MemberId): OutgoingPeer | undefined {
    const known = this.guests.get(id);
    const address = this.guestAddresses.get(id);
    if (known !== undefined && (address === undefined || known.address === address)) return known;
    if (address === undefined) return undefined;
    const guest = this.makePeer({ id, address });
    this.addGuest(id, guest);
    return guest;
  }

  private addGuest(id: MemberId, guest: OutgoingPeer): void {
    this.dropGuest(id);
    if (this.guests.size >= MAX_GUESTS) this.dropGuest(this.guests.keys().next().value ?? '');
    this.guests.set(id, guest);
  }

  private dropGuest(id: MemberId): void {
    this.guests.get(id)?.close();
    this.guests.delete(id);
  }

  private closeSilentGuests(): void {
    const nowMs = performance.now();
    for (const [id, guest] of this.guests) if (nowMs - guest.usedAtMs > this.guestIdleMs) this.dropGuest(id);
  }

  private dropped(to: MemberId, lane: Lane, messages: number): void {
    this.counts.dropped[lane] += messages;
    this.options.observer?.dropped?.(to, lane, messages);
  }

  private refused(rule: string, from: string): void {
    this.counts.refused.set(rule, (this.counts.refused.get(rule) ?? 0) + 1);
    this.options.observer?.refused?.(rule, from);
  }
}
