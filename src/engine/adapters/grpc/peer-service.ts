import type { ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { CallError } from '../../ports/node-api.ts';
import { PROTOCOL_VERSION } from '../../ports/transport.ts';
import type { Envelope } from '../../ports/transport.ts';
import { DeliverResponse } from '../generated/raft_inspector/v1/peer.ts';
import type { RefusalObserver } from './listener.ts';
import { identityOf } from './identity.ts';
import { toBuffer } from './bytes.ts';
import type { Dialer } from './dialer.ts';
import { toStatus } from './failure.ts';
import { DELIVER_PATH } from './lane.ts';
import { decodeFrame } from './peer-codec.ts';
import type { Frame } from './peer-codec.ts';

export const PEER_SERVICE: ServiceDefinition = {
  deliver: {
    path: DELIVER_PATH,
    requestStream: true,
    responseStream: true,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes, // decoded where a failure can be told as what it is
    responseSerialize: (greeting: DeliverResponse) => toBuffer(DeliverResponse.encode(greeting).finish()),
    responseDeserialize: (bytes: Buffer) => DeliverResponse.decode(bytes),
  },
};

type Call = ServerDuplexStream<Buffer, DeliverResponse>;

export interface PeerServiceOptions {
  readonly dialer: Dialer;
  readonly receive: (envelope: Envelope) => void;
  /** A member was authenticated, or heard again; `address` is where it says it can be reached. */
  readonly heard: (id: string, address: string) => void;
  readonly refused: RefusalObserver;
}

/**
 * Takes the streams of other members. A stream belongs to the member its certificate names; each frame must say the same of itself.
 * Whatever is wrong with one stream ends that stream with a typed refusal and reaches nobody else.
 */
export class PeerService {
  /** The newest stream of each member and lane; an older one is what a lost connection left behind. */
  private readonly streams = new Map<string, Call>();

  constructor(private readonly options: PeerServiceOptions) {}

  get implementation(): UntypedServiceImplementation {
    return { deliver: (call: Call) => this.deliver(call) };
  }

  private deliver(call: Call): void {
    const { self, security } = this.options.dialer;
    const identity = security.kind === 'mtls' ? identityOf(call.getAuthContext().sslPeerCertificate) : null;
    call.on('error', () => undefined); // a cut connection; 'cancelled' and 'end' tidy up
    if (security.kind === 'mtls') {
      if (identity === null) return this.refuse(call, 'not-authorized', 'certificate-identity', 'unknown', 'the certificate names nobody');
      if (identity.clusterId !== self.clusterId) return this.refuse(call, 'wrong-lineage', 'certificate-cluster', identity.name, `the certificate is of cluster ${identity.clusterId}, this is ${self.clusterId}`);
      if (identity.kind !== 'member') return this.refuse(call, 'not-authorized', 'client-on-peer-service', identity.name, 'a client certificate may not open a stream between members');
    }
    let key: string | null = null;
    call.on('data', (bytes: Buffer) => {
      const frame = this.checked(call, bytes, identity?.name ?? null);
      if (frame === null) return;
      if (key === null) key = this.greet(call, frame);
      this.options.heard(frame.head.from, frame.address);
      for (const body of frame.bodies) this.options.receive({ ...frame.head, body });
    });
    const forget = (): void => {
      if (key !== null && this.streams.get(key) === call) this.streams.delete(key);
    };
    call.on('cancelled', forget);
    call.on('close', forget);
    call.on('end', () => {
      forget();
      call.end();
    });
  }

  private greet(call: Call, frame: Frame): string {
    const { self } = this.options.dialer;
    const key = `${frame.lane}/${frame.head.from}`;
    const older = this.streams.get(key);
    this.streams.set(key, call);
    older?.emit('error', toStatus(new CallError('failed', 'unreachable', 'a newer stream took the place of this one')));
    call.write({ ...self, to: frame.head.from });
    return key;
  }

  /** Null when the frame was refused, and the stream with it. */
  private checked(call: Call, bytes: Buffer, certified: string | null): Frame | null {
    if (call.writableEnded) return null;
    const { self } = this.options.dialer;
    let frame: Frame;
    try {
      frame = decodeFrame(bytes);
    } catch (error) {
      this.refuse(call, 'bad-request', 'malformed', certified ?? 'unknown', error instanceof Error ? error.message : 'malformed');
      return null;
    }
    const { head } = frame;
    const from = certified ?? head.from;
    const refusal: [CallError['rule'], string, string] | null =
      head.clusterId !== self.clusterId
        ? ['wrong-lineage', 'cluster', `this is cluster ${self.clusterId}, not ${head.clusterId}`]
        : head.version !== PROTOCOL_VERSION
          ? ['bad-request', 'version', `this member speaks version ${PROTOCOL_VERSION} of the protocol, not ${head.version}`]
          : head.from !== from
            ? ['not-authorized', 'sender', `the certificate is of ${from}, the message says ${head.from}`]
            : head.to !== self.from
              ? ['wrong-lineage', 'addressee', `this is member ${self.from}, not ${head.to}`]
              : null;
    if (refusal === null) return frame;
    this.refuse(call, refusal[0], refusal[1], from, refusal[2]);
    return null;
  }

  private refuse(call: Call, rule: CallError['rule'], observed: string, from: string, message: string): void {
    this.options.refused(observed, from);
    call.emit('error', toStatus(new CallError('failed', rule, message)));
  }
}

