import type { Envelope, Lane, PeerBody } from '../../ports/transport.ts';
import type { FrameHead } from './peer-codec.ts';
import { LIMITS } from './limits.ts';
import { sizeOf } from './peer-codec.ts';

interface Queued {
  readonly envelope: Envelope;
  readonly bytes: number;
  readonly atMs: number;
}

/** The messages of one frame: they share the envelope's head. */
export interface Batch {
  readonly head: FrameHead;
  readonly bodies: readonly PeerBody[];
  readonly bytes: number;
}

/** How much may wait for one lane, and which message goes when there is no room. */
export interface QueueBounds {
  readonly messages: number;
  readonly bytes: number;
  readonly drop: 'oldest' | 'newest';
}

/** A newer heartbeat or vote makes the older one needless; an append that misses its predecessor would only be rejected. */
export const QUEUE_BOUNDS: Readonly<Record<Lane, QueueBounds>> = {
  control: { messages: 1_024, bytes: 1024 * 1024, drop: 'oldest' },
  append: { messages: 1_024, bytes: 16 * 1024 * 1024, drop: 'newest' },
  snapshot: { messages: 64, bytes: 16 * 1024 * 1024, drop: 'newest' },
};

/** First in, first out, bounded in messages and bytes. */
export class LaneQueue {
  private items: Queued[] = [];
  private first = 0;
  private bytes = 0;

  constructor(private readonly bounds: QueueBounds) {}

  get length(): number {
    return this.items.length - this.first;
  }

  /** Returns how many messages were dropped for it, itself included. */
  push(envelope: Envelope, nowMs: number): number {
    const bytes = sizeOf(envelope.body);
    if (bytes > LIMITS.messageBytes) return 1;
    if (this.bounds.drop === 'newest' && this.isFull(bytes)) return 1;
    let dropped = 0;
    while (this.length > 0 && this.isFull(bytes)) {
      this.shift();
      dropped += 1;
    }
    this.items.push({ envelope, bytes, atMs: nowMs });
    this.bytes += bytes;
    return dropped;
  }

  /** The next frame: as many messages as share one head and fit; null when empty. */
  take(): Batch | null {
    const next = this.items[this.first];
    if (next === undefined) return null;
    const { body: _body, ...head } = next.envelope;
    const bodies: PeerBody[] = [];
    let bytes = 0;
    for (let one: Queued | undefined = next; one !== undefined && hasHead(one.envelope, head); one = this.items[this.first]) {
      if (bodies.length > 0 && (bytes + one.bytes > LIMITS.frameTargetBytes || bodies.length === LIMITS.messagesPerFrame)) break;
      bodies.push(one.envelope.body);
      bytes += one.bytes;
      this.shift();
    }
    return { head, bodies, bytes };
  }

  /** Drops what waited since before `atMs`: news of a time that is over. Returns how many. */
  dropBefore(atMs: number): number {
    let dropped = 0;
    for (let one = this.items[this.first]; one !== undefined && one.atMs < atMs; one = this.items[this.first]) {
      this.shift();
      dropped += 1;
    }
    return dropped;
  }

  private isFull(moreBytes: number): boolean {
    return this.length + 1 > this.bounds.messages || this.bytes + moreBytes > this.bounds.bytes;
  }

  private shift(): void {
    this.bytes -= this.items[this.first]?.bytes ?? 0;
    this.first += 1;
    if (this.first < this.items.length && this.first < 1_024) return;
    this.items = this.items.slice(this.first);
    this.first = 0;
  }
}

function hasHead(envelope: Envelope, head: FrameHead): boolean {
  return (
    envelope.generation === head.generation &&
    envelope.maxFeatureLevel === head.maxFeatureLevel &&
    envelope.version === head.version &&
    envelope.clusterId === head.clusterId &&
    envelope.from === head.from &&
    envelope.to === head.to
  );
}
