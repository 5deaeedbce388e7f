import type { Configuration } from '../core/configuration.ts';
import type { MemberId } from '../core/types.ts';
import type { Envelope } from '../ports/transport.ts';
import { CheckBoard } from './check-board.ts';
import { GroundTruth } from './ground-truth.ts';
import { Host, type HostSettings } from './host.ts';
import { votersOf } from './log-copy.ts';
import { Network } from './network.ts';
import { ReferenceModel } from './reference-model.ts';
import type { SimProcess } from './sim-process.ts';
import { StreamCounts } from './stream-counts.ts';
import type { World } from './world.ts';

/** All machines of a run, what connects them and what watches them. */
export class Cluster {
  readonly truth: GroundTruth;
  readonly model: ReferenceModel;
  readonly board: CheckBoard;
  readonly network: Network;
  readonly hosts = new Map<MemberId, Host>();
  /** An operator changes the membership: nothing may be lost that its outcome might need. */
  isChanging = false;
  /** Members of an older generation, on the same network: they may speak, and must not be heard. */
  guests: Cluster | null = null;
  private readonly streams: StreamCounts;
  private readonly byAddress = new Map<string, MemberId>();

  constructor(
    readonly world: World,
    readonly common: HostSettings,
    /** A process ended and wants to be started again. */
    private readonly wantsRestart: (host: Host) => void,
    /** What a run goes on with, and the network it shares. */
    past: { readonly cluster: Cluster; readonly network: Network | null } | null = null,
  ) {
    this.truth = new GroundTruth(world);
    this.model = past?.cluster.model.clone() ?? new ReferenceModel();
    this.streams = new StreamCounts(world.counters);
    this.board = new CheckBoard(this.truth, this.model, (member, snapshotId) => this.hosts.get(member.id)?.snapshotSize(snapshotId) ?? null);
    if (past !== null) {
      this.truth.inherit(past.cluster.truth);
      this.board.applies.inherit(past.cluster.board.applies);
    }
    this.network = past?.network ?? new Network(
      world,
      {
        sent: (node, process, envelope) => this.watching(node).sent(node, process, envelope),
        arriving: (node, envelope, isForeign) => {
          if (this.hosts.has(node) && this.guests?.hosts.has(envelope.from) === true) world.counters.hit('old-generation-refused');
          this.watching(node).arriving(node, envelope, isForeign);
        },
        arrived: (node) => {
          const { board, truth } = this.watching(node);
          board.arrived(truth.member(node));
        },
      },
      (id, address) => (address === undefined ? (this.hosts.has(id) || this.guests?.hosts.has(id) === true ? id : null) : (this.byAddress.get(address) ?? null)),
      common.snapshotBandwidth,
    );
  }

  /** Each generation is judged by its own truth. */
  private watching(node: MemberId): Cluster {
    return this.guests?.hosts.has(node) === true ? this.guests : this;
  }

  private sent(node: MemberId, process: SimProcess, envelope: Envelope): void {
    if (process !== this.hosts.get(node)?.process) return;
    if (envelope.body.kind === 'snapshot-ack') this.streams.answered(node, envelope.body);
    this.board.sent(this.truth.member(node), envelope);
  }

  private arriving(node: MemberId, envelope: Envelope, isForeign: boolean): void {
    if (envelope.body.kind === 'snapshot-chunk' && envelope.body.offset === 0) this.streams.begun(node, envelope.body);
    this.board.arriving(this.truth.member(node), envelope, isForeign);
  }

  addHost(id: MemberId): Host {
    const host: Host = new Host(this.world, id, this.truth.member(id), this.board, this.network, this.common, (dead, needsRestart) => {
      if (needsRestart) this.wantsRestart(dead);
    });
    this.hosts.set(id, host);
    this.byAddress.set(host.address, id);
    return host;
  }

  /** From now on `address` leads to this member as well. */
  addAddress(id: MemberId, address: string): void {
    this.byAddress.set(address, id);
  }

  /** The newest committed configuration. */
  configuration(): Configuration | undefined {
    let newest: { index: number; configuration: Configuration } | undefined;
    for (const { view, isLost } of this.truth.members.values()) {
      if (isLost) continue;
      // One that lies at a committed index may still be another leader's, never to be committed.
      const found = view.configurations.findLast((one) => one.index <= this.truth.commitIndex && this.truth.agrees(view, one.index));
      if (found !== undefined && found.index > (newest?.index ?? 0)) newest = found;
    }
    return newest?.configuration;
  }

  /**
   * The newest committed configuration and all that lie behind it on whole disks: each may be the one that a member counts by, since they
   * take effect when they are appended.
   */
  configurationsInPlay(): Configuration[] {
    const committed = this.configuration();
    const waiting: Configuration[] = [];
    for (const { id, view, isLost } of this.truth.members.values()) {
      if (isLost || this.hosts.get(id)?.status === 'gone') continue;
      for (const { index, configuration } of view.configurations) if (index > this.truth.commitIndex) waiting.push(configuration);
    }
    return committed === undefined ? waiting : [committed, ...waiting];
  }

  /** Whether those members are a majority of the voters, whichever configuration in play is counted by; false when no whole disk holds the committed one. */
  isQuorum(has: (id: MemberId) => boolean): boolean {
    return this.configuration() !== undefined && this.configurationsInPlay().every((one) => {
      const voters = votersOf(one);
      return voters.filter(has).length > voters.length / 2;
    });
  }

  memberIds(): MemberId[] {
    const ids = (this.configuration()?.members ?? []).map((member) => member.id);
    return ids.length === 0 ? [...this.hosts.keys()] : ids;
  }

  running(): Host[] {
    return [...this.hosts.values()].filter((host) => host.status === 'running');
  }

  /** Whoever leads the highest term, if anybody does. */
  leader(): Host | null {
    let found: Host | null = null;
    for (const host of this.running()) {
      const { state } = host.truth;
      if (host.node !== null && state?.role === 'leader' && state.term > (found?.truth.state?.term ?? 0)) found = host;
    }
    return found;
  }

  /**
   * The fault atlas: may this member's disk be lost for good? Only while every configuration that is or may come into force still has
   * a quorum of voters whose disks are whole.
   */
  mayLose(id: MemberId): boolean {
    if (this.isChanging) return false;
    for (const { view } of this.truth.members.values()) {
      for (const { index, configuration } of view.configurations) {
        const isNewest = index === view.configuration?.index;
        if (!isNewest && index <= this.truth.commitIndex) continue;
        const voters = votersOf(configuration);
        const whole = voters.filter((voter) => voter !== id && !this.truth.member(voter).isLost && this.hosts.get(voter)?.status !== 'gone');
        if (voters.includes(id) && whole.length <= voters.length / 2) return false;
      }
    }
    return true;
  }
}
