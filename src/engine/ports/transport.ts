import type { Message } from '../core/message.ts';
import type { MemberId } from '../core/types.ts';

/** Version of the messages between members. */
export const PROTOCOL_VERSION = 1;

/** One piece of a snapshot; the manifest comes with offset 0. `bytes` empty and `isLast`: only the manifest was missing. */
export interface SnapshotChunk {
  readonly kind: 'snapshot-chunk';
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: number;
  readonly snapshotId: string;
  /** JSON manifest, in every chunk of offset 0. */
  readonly manifest: Uint8Array | null;
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly crc32c: number;
  readonly isLast: boolean;
}

/** Where the receiver wants the stream to go on; it never mixes two ids. */
export interface SnapshotAck {
  readonly kind: 'snapshot-ack';
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: number;
  readonly snapshotId: string;
  readonly offset: number;
  readonly status: 'go-on' | 'done' | 'refused';
}

export type PeerBody = Message | SnapshotChunk | SnapshotAck;

/** What every message between members travels in. A mismatch of lineage, addressee or version is refused and changes nothing. */
export interface Envelope {
  readonly clusterId: string;
  readonly generation: number;
  readonly from: MemberId;
  readonly to: MemberId;
  readonly version: number;
  /** Highest feature level the sender's software supports. */
  readonly maxFeatureLevel: number;
  readonly body: PeerBody;
}

/** Which of the three connections to a peer a message takes, so that bulk never delays a heartbeat. */
export type Lane = 'control' | 'append' | 'snapshot';

export function laneOf(body: PeerBody): Lane {
  switch (body.kind) {
    case 'append':
    case 'append-reply':
      return 'append';
    case 'snapshot-chunk':
    case 'snapshot-ack':
      return 'snapshot';
    default:
      return 'control';
  }
}

/** Carries envelopes between members. Delivery is best effort: lost, late and repeated messages are the core's business. */
export interface Transport {
  /** `receive` is called once per arrived envelope; the sender's certificate was checked against `from` and `clusterId`. */
  start(receive: (envelope: Envelope) => void): Promise<void>;
  /** Never blocks and never throws; drops when the peer cannot be reached or its bounded queue is full. */
  send(envelope: Envelope): void;
  /** Who may be spoken to, and where. Connections to others are closed. */
  setPeers(peers: readonly { readonly id: MemberId; readonly address: string }[]): void;
  stop(): Promise<void>;
}
