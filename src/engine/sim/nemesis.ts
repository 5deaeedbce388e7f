import type { Cluster } from './cluster.ts';
import type { FaultClass } from './faults.ts';
import type { Host } from './host.ts';
import type { HistoryRecorder } from './history.ts';
import { drawPartition, PARTITION_KINDS, type PartitionKind } from './partitions.ts';
import type { Plan } from './plan.ts';
import type { Prng } from './prng.ts';

const PLANNED = [...PARTITION_KINDS, 'crash', 'crash', 'kill-all', 'pause', 'wipe', 'rollback', 'clock-jump', 'corrupt-record', 'corrupt-file'] as const satisfies readonly FaultClass[];
const IMAGE_GAP_US = 700_000;
const HOUR_MS = 3_600_000;

/** Faults that are planned ahead: when and what comes from the seed alone, whom it hits from the state of things then. */
export class Nemesis {
  private isOver = false;

  constructor(
    private readonly cluster: Cluster,
    private readonly plan: Plan,
    private readonly prng: Prng,
    private readonly history: HistoryRecorder,
  ) {}

  start(): void {
    const { world } = this.cluster;
    const when = this.prng.split('when');
    let number = 0;
    for (let at = when.exponential(this.plan.meanFaultGapUs); at < this.plan.troubleUs; at += when.exponential(this.plan.meanFaultGapUs)) {
      number += 1;
      const name = `nemesis#${number}`;
      const own = this.prng.split(name);
      const kind = own.pick(PLANNED);
      world.after(at, null, () => {
        if (!this.isOver && world.faults.isOn(kind)) this.strike(kind, name, own);
      });
    }
    if (world.faults.isOn('rollback')) this.keepImages();
  }

  stop(): void {
    this.isOver = true;
  }

  private keepImages(): void {
    this.cluster.world.after(IMAGE_GAP_US, null, () => {
      if (this.isOver) return;
      for (const host of this.cluster.running()) if (!host.truth.isLost) host.lastImage = host.image();
      this.keepImages();
    });
  }

  private strike(kind: (typeof PLANNED)[number], name: string, own: Prng): void {
    const running = this.cluster.running();
    if (running.length === 0) return;
    const leader = this.cluster.leader();
    const target = leader !== null && own.chance(0.4) ? leader : own.pick(running);
    const done = this.carryOut(kind, `${name}:${kind}`, target, leader, own);
    if (done) this.history.add({ t: 'fault', ts: this.cluster.world.nowUs * 1000, kind, detail: { target: target.id }, phase: 'start' });
  }

  private carryOut(kind: (typeof PLANNED)[number], id: string, target: Host, leader: Host | null, own: Prng): boolean {
    switch (kind) {
      case 'crash':
        return this.if(id, 'crash', true, () => target.kill('crash'));
      case 'kill-all':
        return this.if(id, 'kill-all', true, () => {
          for (const host of this.cluster.running()) host.kill('crash of all');
        });
      case 'pause':
        return this.pause(id, target, own);
      case 'clock-jump':
        return this.if(id, 'clock-jump', true, () => target.jumpWallClock(own.between(-HOUR_MS, HOUR_MS)));
      case 'wipe':
        return this.wipe(id, target);
      case 'rollback':
        return this.rollBack(id, leader, own);
      case 'corrupt-record':
      case 'corrupt-file':
        return this.corrupt(kind, id, target, own);
      default:
        return this.partition(kind, id, target, own);
    }
  }

  private if(id: string, counter: string | null, holds: boolean, run: () => void): boolean {
    if (!holds || !this.cluster.world.faults.allow(id, counter)) return false;
    this.cluster.world.note('nemesis', 'fault', 0, 0, () => id);
    run();
    return true;
  }

  private partition(kind: PartitionKind, id: string, target: Host, own: Prng): boolean {
    const { network, world } = this.cluster;
    const ids = [...this.cluster.hosts.values()].filter((host) => host.status !== 'gone').map((host) => host.id);
    const cuts = drawPartition(kind, ids, target.id, own);
    return this.if(id, `partition-${kind}`, cuts.length > 0, () => {
      for (const { from, to, cutUs, restoreUs } of cuts) {
        world.after(cutUs, null, () => {
          if (!this.isOver) network.cut(from, to, id);
        });
        world.after(restoreUs, null, () => network.restore(from, to, id));
      }
    });
  }

  private pause(id: string, target: Host, own: Prng): boolean {
    const { process } = target;
    return this.if(id, 'pause', process !== null && !process.isPaused, () => {
      process?.pause();
      this.cluster.world.after(own.magnitude(20_000, 10_000_000), null, () => process?.resume());
    });
  }

  private mayLose(host: Host): boolean {
    return !host.truth.isLost && (this.plan.isDisaster || this.cluster.mayLose(host.id));
  }

  private wipe(id: string, target: Host): boolean {
    return this.if(id, 'wipe', this.mayLose(target), () => {
      target.retire('wiped');
      target.wipe();
    });
  }

  /** Only bytes that a checksum covers: the store `raft` and the snapshot files. */
  private corrupt(kind: 'corrupt-record' | 'corrupt-file', id: string, target: Host, own: Prng): boolean {
    const { world } = this.cluster;
    const how = own.pick(['bit-flip', 'zeroed', 'misdirected'] as const);
    const isRecord = kind === 'corrupt-record';
    const counter = isRecord ? `record-${how}` : how === 'bit-flip' ? 'file-bit-flip' : how === 'zeroed' ? 'file-zeroed-sector' : 'file-misdirected-write';
    return this.if(id, null, this.mayLose(target), () => {
      const isDone = isRecord ? target.raft.damage(how, () => true) : target.disk.damage(how);
      if (!isDone) return;
      world.counters.hit(counter);
      target.isDamaged = true;
      target.truth.isLost = true;
      // Most damage is found at a start: let there be one.
      if (own.chance(0.7)) world.after(own.between(0, 2_000_000), target.process, () => {
          if (!this.isOver) target.kill('crash after damage');
        });
    });
  }

  /**
   * The disk of a follower comes back as it was some time ago, in the same term and with the same vote, while the leader lives that
   * knows what it had acknowledged. (Any other roll-back could undo a vote, and nobody could tell: that is a disaster, not a fault.)
   */
  private rollBack(id: string, leader: Host | null, own: Prng): boolean {
    if (leader === null || this.cluster.isChanging) return false;
    const term = leader.truth.state?.term;
    const peers = leader.truth.state?.leading?.peers ?? [];
    const isCalm = this.cluster.running().every(({ truth }) => truth.state?.term === term && truth.state?.role !== 'candidate' && truth.state?.role !== 'pre-candidate');
    const suitable = this.cluster.running().filter((host) => {
      const { lastImage: image, truth } = host;
      const match = peers.find((peer) => peer.id === host.id)?.match ?? 0;
      return host !== leader && image !== null && this.cluster.mayLose(host.id) && !truth.isLost && image.term === term && image.vote === truth.disk.hardState.vote && truth.disk.hardState.term === term && image.last < match;
    });
    const [target] = own.shuffled(suitable);
    const image = target?.lastImage;
    if (target === undefined || image == null) return false;
    return this.if(id, 'rollback', isCalm, () => {
      target.kill('rolled back');
      target.rollBack(image);
      this.cluster.world.after(own.between(1_000, 50_000), null, () => target.boot());
    });
  }
}
