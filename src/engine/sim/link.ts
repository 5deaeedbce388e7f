import type { PeerBody } from '../ports/transport.ts';
import type { FaultStream } from './faults.ts';
import type { Prng } from './prng.ts';

/** How bad one direction between two members is; drawn once per run. Probabilities in [0, 1], times in microseconds. */
export interface LinkQuality {
  readonly drop: number;
  readonly duplicate: number;
  readonly meanDelayUs: number;
  readonly resend: number;
  readonly foreign: number;
  readonly queueLimit: number;
  /** Bytes a microsecond: large messages take their time. */
  readonly bandwidth: number;
}

/** Most links are mild: a network where everything is always at its worst elects nobody and tests little. */
export function drawQuality(prng: Prng): LinkQuality {
  const harshness = prng.unit() ** 2;
  return {
    drop: 0.3 * harshness * prng.unit(),
    duplicate: 0.5 * harshness * prng.unit(),
    meanDelayUs: 1_000 * 100 ** (harshness * prng.unit()),
    resend: 0.02 * prng.unit(),
    foreign: 0.003,
    queueLimit: prng.between(2, 65),
    bandwidth: prng.magnitude(0.3, 100),
  };
}

/** Payload bytes of a message; heads are small change. */
export function payloadBytes(body: PeerBody): number {
  if (body.kind === 'snapshot-chunk') return body.bytes.length;
  return body.kind === 'append' ? body.entries.reduce((sum, entry) => sum + entry.payload.length, 0) : 0;
}

export const HEALTHY_DELAY_US = { from: 200, until: 1_000 } as const;

/** One direction from one member to another, and what lies on it. */
export class Link {
  /** Reasons for which nothing passes, by who set them. */
  readonly cuts = new Set<string>();
  cloggedUntilUs = 0;
  /** Messages under way. */
  queued = 0;
  /** When the last one arrives, by lane: without reordering, later ones come later. */
  readonly lastArrivalUs = new Map<string, number>();

  constructor(
    readonly from: string,
    readonly to: string,
    readonly quality: LinkQuality,
    readonly stream: FaultStream,
  ) {}
}
