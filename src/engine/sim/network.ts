import type { Envelope, Transport } from '../ports/transport.ts';
import { laneOf } from '../ports/transport.ts';
import { drawQuality, HEALTHY_DELAY_US, Link, payloadBytes } from './link.ts';
import type { SimProcess } from './sim-process.ts';
import type { World } from './world.ts';

/** What watches the wire: checkers compare what a message claims with the sender's disk. */
export interface WireWatcher {
  sent(node: string, process: SimProcess, envelope: Envelope): void;
  /** `isForeign`: its lineage or addressee does not fit; it must change nothing. */
  arriving(node: string, envelope: Envelope, isForeign: boolean): void;
  arrived(node: string): void;
}

interface Station {
  readonly process: SimProcess;
  readonly receive: (envelope: Envelope) => void;
}

type Fate = 'normal' | 'repeat' | 'foreign';

/** All links between members: loss, delay, clogging, repeats, disorder, bounded queues, late old messages, forged lineages, cuts. */
export class Network {
  private readonly stations = new Map<string, Station>();
  private readonly links = new Map<string, Map<string, Link>>();
  private isHealed = false;

  constructor(
    private readonly world: World,
    private readonly watcher: WireWatcher,
    /** Which member answers at an address. */
    private readonly resolve: (id: string, address: string | undefined) => string | null,
    /** Below 1: snapshots travel more slowly than drawn. */
    private readonly snapshotBandwidth: number,
  ) {}

  /** The transport of one process of member `node`. */
  transport(node: string, process: SimProcess): Transport {
    let peers = new Map<string, string>();
    return {
      start: async (receive) =>
        process.waitFor(50, () => {
          this.stations.set(node, { process, receive });
        }),
      send: (envelope) => {
        if (!process.enter()) return;
        this.watcher.sent(node, process, envelope);
        const target = this.resolve(envelope.to, peers.get(envelope.to));
        if (target === null) this.world.note(node, 'send-nowhere', 0, 0, () => `${envelope.to} ${envelope.body.kind}`);
        else this.carry(node, target, envelope);
      },
      setPeers: (list) => {
        if (process.enter()) peers = new Map(list.map((peer) => [peer.id, peer.address]));
      },
      stop: async () =>
        process.waitFor(10, () => {
          if (this.stations.get(node)?.process === process) this.stations.delete(node);
        }),
    };
  }

  link(from: string, to: string): Link {
    let row = this.links.get(from);
    if (row === undefined) this.links.set(from, (row = new Map<string, Link>()));
    let link = row.get(to);
    if (link === undefined) {
      const stream = this.world.faults.stream(`${from}>${to}`);
      link = new Link(from, to, drawQuality(stream.prng.split('quality')), stream);
      row.set(to, link);
    }
    return link;
  }

  cut(from: string, to: string, reason: string): void {
    this.link(from, to).cuts.add(reason);
  }

  restore(from: string, to: string, reason: string): void {
    this.link(from, to).cuts.delete(reason);
  }

  /** May a message go from one to the other at present? Ends of clients and operators use it as well. */
  isOpen(from: string, to: string): boolean {
    return this.link(from, to).cuts.size === 0;
  }

  /** Everything is whole from now on, and nothing old arrives any more. */
  heal(): void {
    this.isHealed = true;
    for (const row of this.links.values()) {
      for (const link of row.values()) {
        link.cuts.clear();
        link.cloggedUntilUs = 0;
        link.lastArrivalUs.clear();
      }
    }
  }

  private carry(from: string, to: string, envelope: Envelope): void {
    const { world } = this;
    const { faults } = world;
    const link = this.link(from, to);
    const { quality, stream } = link;
    if (link.cuts.size > 0) return world.note(from, 'cut', 0, 0, () => `${to} ${envelope.body.kind}`);
    if (this.isHealed) return this.deliverAfter(link, envelope, stream.prng.between(HEALTHY_DELAY_US.from, HEALTHY_DELAY_US.until), 'normal');
    if (faults.fires('drop', stream, quality.drop)) return world.note(from, 'dropped', 0, 0, () => `${to} ${envelope.body.kind}`);
    if (faults.isOn('queue-limit') && link.queued >= quality.queueLimit) {
      if (faults.allow(`${stream.name}/full#${stream.drawn}`, 'queue-limit')) return world.note(from, 'queue-full', 0, 0, () => `${to} ${envelope.body.kind}`);
    }
    let delay: number = stream.prng.between(HEALTHY_DELAY_US.from, HEALTHY_DELAY_US.until);
    if (faults.isOn('delay')) delay += payloadBytes(envelope.body) / (envelope.body.kind === 'snapshot-chunk' ? quality.bandwidth * this.snapshotBandwidth : quality.bandwidth);
    if (faults.fires('clog', stream, 0.0005)) link.cloggedUntilUs = Math.max(link.cloggedUntilUs, world.nowUs + stream.prng.magnitude(50_000, 5_000_000));
    if (faults.fires('delay', stream, 0.5)) delay += stream.prng.exponential(quality.meanDelayUs);
    if (link.cloggedUntilUs > world.nowUs) delay += link.cloggedUntilUs - world.nowUs;
    this.deliverAfter(link, envelope, delay, 'normal');
    if (faults.fires('duplicate', stream, quality.duplicate)) this.deliverAfter(link, envelope, delay + stream.prng.exponential(quality.meanDelayUs), 'repeat');
    if (faults.fires('resend', stream, quality.resend)) this.deliverAfter(link, envelope, stream.prng.magnitude(50_000, 60_000_000), 'repeat');
    if (faults.fires('foreign', stream, quality.foreign, 'foreign-envelope')) this.deliverAfter(link, this.forge(envelope, stream.prng.between(0, 3)), delay, 'foreign');
  }

  /** The same message from or for somebody else; its body is an object of its own, so that it can be told apart from the true one. */
  private forge(genuine: Envelope, kind: number): Envelope {
    const envelope = { ...genuine, body: { ...genuine.body } };
    const { counters } = this.world;
    counters.hit((['foreign-cluster', 'foreign-generation', 'foreign-addressee'] as const)[kind] ?? 'foreign-cluster');
    if (kind === 0) return { ...envelope, clusterId: `${envelope.clusterId}-other` };
    if (kind === 1) return { ...envelope, generation: envelope.generation + (envelope.generation > 0 && this.world.nowUs % 2 === 0 ? -1 : 1) };
    return { ...envelope, to: `${envelope.to}-other` };
  }

  private deliverAfter(link: Link, envelope: Envelope, delayUs: number, fate: Fate): void {
    const { world } = this;
    const lane = laneOf(envelope.body);
    let at = world.nowUs + delayUs;
    if (fate === 'normal') {
      const last = link.lastArrivalUs.get(lane) ?? 0;
      if (at <= last) {
        if (world.faults.isOn('reorder')) world.counters.hit('reorder');
        else at = last + 1;
      }
      link.lastArrivalUs.set(lane, Math.max(last, at));
      link.queued += 1;
    }
    world.after(at - world.nowUs, null, () => {
      if (fate === 'normal') link.queued -= 1;
      // What was cut meanwhile is lost; what would come late after the end of all faults does not come at all.
      if (link.cuts.size > 0 || (fate !== 'normal' && this.isHealed)) return;
      this.arrive(link, envelope, fate);
    });
  }

  private arrive(link: Link, envelope: Envelope, fate: Fate): void {
    const station = this.stations.get(link.to);
    if (station === undefined || !station.process.isAlive) return;
    if (station.process.isPaused) {
      // The kernel keeps what arrives for a stopped process.
      station.process.defer({ at: this.world.nowUs, tie: 0, order: 0, owner: station.process, run: () => this.arrive(link, envelope, fate) });
      return;
    }
    const { body } = envelope;
    this.world.note(link.to, body.kind, body.term, fate === 'normal' ? 0 : 1, () => `${describe(envelope)}${fate === 'normal' ? '' : ` (${fate})`}`);
    const isForeign = envelope.to !== link.to || fate === 'foreign';
    this.watcher.arriving(link.to, envelope, isForeign);
    station.receive(envelope);
    this.watcher.arrived(link.to);
  }
}

/** A message in one line, for traces and charts. */
export function describe({ from, to, body }: Envelope): string {
  const head = `${from}->${to} ${body.kind} term=${body.term}`;
  switch (body.kind) {
    case 'vote':
      return `${head} ${body.phase} last=${body.lastEntry.term}/${body.lastEntry.index}${body.isTransfer ? ' transfer' : ''}`;
    case 'vote-reply':
      return `${head} ${body.phase} ${body.isGranted ? 'granted' : 'refused'}`;
    case 'append':
      return `${head} #${body.number} prev=${body.prev.term}/${body.prev.index} +${body.entries.length} commit=${body.commit}`;
    case 'append-reply':
      return `${head} #${body.number} ${body.result.kind === 'stored' ? `match=${body.result.match}` : `conflict ${body.result.conflictTerm}@${body.result.firstIndex} last=${body.result.lastIndex}`}`;
    case 'heartbeat':
      return `${head} round=${body.round} commit=${body.commit}`;
    case 'heartbeat-reply':
      return `${head} round=${body.round} durable=${body.durableIndex}`;
    case 'snapshot-chunk':
      return `${head} ${body.snapshotId} at=${body.offset} +${body.bytes.length}`;
    case 'snapshot-ack':
      return `${head} ${body.snapshotId} at=${body.offset} ${body.status}`;
    default:
      return head;
  }
}
