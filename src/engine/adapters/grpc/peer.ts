import type { Envelope, Lane } from '../../ports/transport.ts';
import { laneOf } from '../../ports/transport.ts';
import type { Dialer } from './dialer.ts';
import { OutgoingLane } from './lane.ts';

const LANES: readonly Lane[] = ['control', 'append', 'snapshot'];

export interface PeerOptions {
  readonly peer: { readonly id: string; readonly address: string };
  readonly dialer: Dialer;
  readonly sentFrame: () => void;
  readonly dropped: (lane: Lane, messages: number) => void;
  readonly refused: (rule: string) => void;
}

/** The three lanes to one peer. Only the control lane looks for a peer that is gone; the others follow when it is found. */
export class OutgoingPeer {
  private readonly lanes: Readonly<Record<Lane, OutgoingLane>>;

  constructor(private readonly options: PeerOptions) {
    const make = (lane: Lane): OutgoingLane =>
      new OutgoingLane({
        lane,
        peer: options.peer,
        dialer: options.dialer,
        mayDial: () => lane === 'control' || this.lanes.control.isOpen,
        sentFrame: options.sentFrame,
        dropped: (messages) => options.dropped(lane, messages),
        opened: () => (lane === 'control' ? this.found() : undefined),
        refused: options.refused,
      });
    this.lanes = { control: make('control'), append: make('append'), snapshot: make('snapshot') };
  }

  get address(): string {
    return this.options.peer.address;
  }

  /** When something was last to be sent on any lane, monotonic milliseconds. */
  get usedAtMs(): number {
    return Math.max(...LANES.map((lane) => this.lanes[lane].usedAtMs));
  }

  send(envelope: Envelope): void {
    this.lanes[laneOf(envelope.body)].push(envelope);
  }

  dial(): void {
    this.lanes.control.dial();
  }

  poke(): void {
    for (const lane of LANES) this.lanes[lane].poke();
  }

  close(): void {
    for (const lane of LANES) this.lanes[lane].close();
  }

  private found(): void {
    this.lanes.append.dial();
    if (this.lanes.snapshot.hasWork) this.lanes.snapshot.dial();
  }
}
