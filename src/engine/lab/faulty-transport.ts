import type { Envelope, Transport } from '../ports/transport.ts';
import type { MessageFault } from './member-fault.ts';

const MAX_HELD = 10_000;
/** How many later messages to the same peer may overtake one. */
const OVERTAKERS = 3;

/** Loses, repeats, reorders and holds what a member sends, before it is sealed: the links only see encrypted bytes. */
export class FaultyTransport implements Transport {
  private faults: readonly MessageFault[] = [];
  private held: { readonly envelope: Envelope; readonly fault: MessageFault }[] = [];
  /** Messages set aside, by addressee, until later ones have passed. */
  private readonly aside = new Map<string, { envelope: Envelope; countdown: number }[]>();

  constructor(
    private readonly inner: Transport,
    private readonly chance: () => number = Math.random,
  ) {}

  /** Held messages whose fault is gone leave now. */
  setFaults(faults: readonly MessageFault[]): void {
    this.faults = faults;
    const held = this.held;
    this.held = [];
    for (const { envelope } of held) this.send(envelope);
    if (faults.every((one) => one.action !== 'reorder')) {
      for (const [, list] of this.aside) for (const { envelope } of list) this.inner.send(envelope);
      this.aside.clear();
    }
  }

  start(receive: (envelope: Envelope) => void): Promise<void> {
    return this.inner.start(receive);
  }

  send(envelope: Envelope): void {
    const fault = this.faults.find((one) => hits(one, envelope) && (one.chance === 1 || this.chance() < one.chance));
    switch (fault?.action) {
      case undefined:
        return this.pass(envelope);
      case 'drop':
        return undefined;
      case 'duplicate':
        this.pass(envelope);
        return this.pass(envelope);
      case 'hold':
        // A bounded queue: a member that talks for hours into a hold loses the rest, as a full network queue would.
        if (this.held.length < MAX_HELD) this.held.push({ envelope, fault });
        return undefined;
      case 'reorder': {
        const list = this.aside.get(envelope.to) ?? [];
        this.aside.set(envelope.to, [...list, { envelope, countdown: 1 + Math.floor(this.chance() * OVERTAKERS) }]);
        return undefined;
      }
    }
  }

  setPeers(peers: Parameters<Transport['setPeers']>[0]): void {
    this.inner.setPeers(peers);
  }

  stop(): Promise<void> {
    this.held = [];
    this.aside.clear();
    return this.inner.stop();
  }

  private pass(envelope: Envelope): void {
    this.inner.send(envelope);
    const list = this.aside.get(envelope.to);
    if (list === undefined) return;
    const due = list.filter((one) => (one.countdown -= 1) <= 0);
    this.aside.set(envelope.to, list.filter((one) => one.countdown > 0));
    for (const one of due) this.inner.send(one.envelope);
  }
}

function hits(fault: MessageFault, envelope: Envelope): boolean {
  return (fault.kinds === null || fault.kinds.includes(envelope.body.kind)) && (fault.to === null || fault.to.includes(envelope.to));
}
