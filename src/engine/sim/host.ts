import type { Configuration } from '../core/configuration.ts';
import type { Role } from '../core/raft.ts';
import type { Settings } from '../core/settings.ts';
import type { RaftState } from '../core/state.ts';
import { KvMachine } from '../machines/kv/kv-machine.ts';
import { decodeKvAnswer, encodeKvQuery } from '../native/kv-query.ts';
import { SNAPSHOT_DIRECTORY } from '../native/layout.ts';
import { SNAPSHOT_SUFFIX } from '../native/snapshot-layout.ts';
import { StorageDamagedError, StorageFailedError } from '../ports/damage.ts';
import type { Identity } from '../ports/storage.ts';
import type { NodeObserver, NodeOptions, NodePorts } from '../runtime/contract.ts';
import { RaftNode } from '../runtime/node.ts';
import { initialise } from '../storage/initialise.ts';
import { LogStorage } from '../storage/log-storage.ts';
import { SnapshotFileStore } from '../storage/snapshot-files.ts';
import type { CheckBoard } from './check-board.ts';
import { SimDisk } from './disk.ts';
import type { MemberTruth } from './ground-truth.ts';
import { KvEnvironment } from './kv.ts';
import type { Network } from './network.ts';
import { ObservedFiles, ObservedMachine } from './observed-ports.ts';
import type { Prng } from './prng.ts';
import { SimProcess, type CrashPoint } from './sim-process.ts';
import { isSimulated } from './simulated-fault.ts';
import { StepCounts } from './step-counts.ts';
import type { World } from './world.ts';

/** What is the same for every member of a run. */
export interface HostSettings {
  readonly clusterId: string;
  readonly generation: number;
  readonly settings: Settings;
  readonly snapshotEntries: number;
  readonly compactionMargin: number;
  /** Below 1: snapshots travel more slowly than links allow. */
  readonly snapshotBandwidth: number;
}

/** An old state of a whole disk. */
export interface DiskImage {
  readonly term: number;
  readonly vote: string;
  readonly last: number;
  readonly raft: ReturnType<KvEnvironment['image']>;
  readonly state: ReturnType<KvEnvironment['image']>;
  readonly files: ReturnType<SimDisk['image']>;
}

/** `gone`: it never runs again. */
export type HostStatus = 'down' | 'running' | 'gone';

const EPOCH_MS = 1_750_000_000_000;

/** One machine with one member: its disks and clocks outlive its processes. */
export class Host {
  status: HostStatus = 'down';
  process: SimProcess | null = null;
  node: RaftNode | null = null;
  machine: KvMachine | null = null;
  lives = 0;
  /** Identity and first records are written: only then can it be started. */
  private isSetUp = false;
  readonly address: string;
  /** Damage was put on its disk: it may find that and stop. */
  isDamaged = false;
  /** An old image is on its disk: it must be pulled before anybody could count its vote. */
  hasOldImage = false;
  isWritingSnapshot = 0;
  lastImage: DiskImage | null = null;
  readonly raft: KvEnvironment;
  readonly state: KvEnvironment;
  readonly disk: SimDisk;
  private readonly prng: Prng;
  private readonly counts: StepCounts;
  private clock = { rate: 1, sinceUs: 0, baseMs: 0, wallOffsetMs: 0 };

  constructor(
    readonly world: World,
    readonly id: string,
    readonly truth: MemberTruth,
    private readonly board: CheckBoard,
    private readonly network: Network,
    private readonly common: HostSettings,
    /** A process ended; `needsRestart` false when the member must not come back. */
    private readonly onDeath: (host: Host, needsRestart: boolean) => void,
  ) {
    this.address = `${id}:7000`;
    this.prng = world.prng.split(`host ${id}`);
    this.counts = new StepCounts(world.counters, (probability) => this.crashSoonPerhaps(probability));
    this.raft = new KvEnvironment(world, id, 'raft', (operations) => board.stored(truth, operations));
    this.state = new KvEnvironment(world, id, 'state', () => undefined);
    this.raft.onFailure = (process) => {
      if (process === this.process) truth.hasFailedCommit = true;
    };
    this.disk = new SimDisk(world, id);
    if (world.faults.isOn('clock-rate') && world.faults.fires('clock-rate', world.faults.stream(`${id}/clock`), 0.4)) this.setClockRate(2 ** (2 * this.prng.unit() - 1));
    this.clock.baseMs = this.prng.between(0, 1_000_000);
  }

  /** Writes identity and first configuration; null for a member that joins. Nothing goes wrong meanwhile. */
  async initialise(configuration: Configuration | null): Promise<void> {
    const process = new SimProcess(this.world, this.id, this, this.prng.split('init'), null, () => undefined);
    const identity: Identity = { clusterId: this.common.clusterId, generation: this.common.generation, memberId: this.id, name: this.id, machine: 'kv' };
    const kv = this.raft.open(process);
    await initialise(kv, identity, configuration);
    this.isSetUp = true;
  }

  /** Takes over what another machine's disks held; it can be started from then on. */
  adopt(image: Pick<DiskImage, 'raft' | 'state' | 'files'>): void {
    this.raft.restore(image.raft);
    this.state.restore(image.state);
    this.disk.restore(image.files);
    this.truth.disk.reload(this.raft.content());
    this.isSetUp = true;
  }

  boot(): void {
    if (this.status !== 'down' || !this.isSetUp) return;
    this.status = 'running';
    this.lives += 1;
    const process = new SimProcess(this.world, this.id, this, this.prng.split(`life ${this.lives}`), this.drawCrash(), (dead, reason) => this.died(dead, reason));
    this.process = process;
    this.truth.process = process;
    this.world.note(this.id, 'boot', this.lives, 0);
    this.board.booted(this.truth);
    this.counts.booted();
    this.machine = new KvMachine(this.state.open(process));
    const ports = this.ports(process, this.machine);
    RaftNode.start(ports, this.options(), this.observer(process)).then(
      (node) => {
        if (process.isAlive) this.node = node;
      },
      (error: unknown) => process.kill(error instanceof Error ? error : new Error(String(error))),
    );
  }

  kill(reason: string): void {
    this.process?.kill(reason);
  }

  /** Never to run again: broken, wiped, or taken out. */
  retire(reason: string): void {
    this.kill(reason);
    this.status = 'gone';
  }

  image(): DiskImage {
    const { hardState, log } = this.truth.disk;
    return { term: hardState.term, vote: hardState.vote, last: log.last, raft: this.raft.image(), state: this.state.image(), files: this.disk.image() };
  }

  /** The machine is down and comes back with what its disk held then. */
  rollBack(image: DiskImage): void {
    this.truth.lose();
    this.raft.restore(image.raft);
    this.state.restore(image.state);
    this.disk.restore(image.files);
    this.truth.disk.reload(this.raft.content());
    this.hasOldImage = true;
  }

  wipe(): void {
    this.truth.lose();
    this.raft.wipe();
    this.state.wipe();
    this.disk.wipe();
  }

  nowMs(): number {
    return this.clock.baseMs + ((this.world.nowUs - this.clock.sinceUs) / 1000) * this.clock.rate;
  }

  wallClockMs(): number {
    return EPOCH_MS + Math.floor(this.world.nowUs / 1000) + this.clock.wallOffsetMs;
  }

  toUs(ms: number): number {
    return (ms * 1000) / this.clock.rate;
  }

  setClockRate(rate: number): void {
    this.clock = { ...this.clock, baseMs: this.nowMs(), sinceUs: this.world.nowUs, rate };
  }

  jumpWallClock(byMs: number): void {
    this.clock = { ...this.clock, wallOffsetMs: this.clock.wallOffsetMs + byMs };
  }

  /** What the member's own state machine has under a key now. */
  read(key: string): string | null {
    const answer = decodeKvAnswer(this.machine?.query(encodeKvQuery({ kind: 'get', key: Uint8Array.from(Buffer.from(key, 'latin1')) })) ?? new Uint8Array(0));
    return answer.kind === 'value' && answer.found !== null ? Buffer.from(answer.found.value).toString('latin1') : null;
  }

  snapshotSize(snapshotId: string): number | null {
    return this.disk.durableSize(`${SNAPSHOT_DIRECTORY}/${snapshotId}${SNAPSHOT_SUFFIX}`);
  }

  private options(): NodeOptions {
    return {
      settings: this.common.settings,
      version: '0.0.0-sim',
      maxFeatureLevel: 1,
      snapshotEntries: this.common.snapshotEntries,
      snapshotBytes: 64 * 1024 * 1024,
      compactionMargin: this.common.compactionMargin,
      maxCommandBytes: 1024 * 1024,
    };
  }

  private ports(process: SimProcess, machine: KvMachine): NodePorts {
    const ifAlive = (run: () => void): void => {
      if (process.isAlive) run();
    };
    return {
      clock: process,
      rng: process,
      proc: process,
      storage: new LogStorage(this.raft.open(process)),
      snapshots: new ObservedFiles(new SnapshotFileStore(this.disk.open(process)), {
        writing: (change) => ifAlive(() => this.writingSnapshot(change)),
        receiving: () =>
          ifAlive(() => {
            this.crashSoonPerhaps(0.04);
            this.onReceiving();
          }),
      }),
      machine: new ObservedMachine(machine, {
        opened: (index) => ifAlive(() => this.board.applies.startsAt(this.truth, index)),
        stateAt: (index, hash) => ifAlive(() => this.board.applies.stateAt(this.truth, index, hash)),
        viewed: (index, hash) => ifAlive(() => this.board.applies.snapshotAt(this.truth, index, hash)),
        restored: (index, hash) =>
          ifAlive(() => {
            this.board.applies.startsAt(this.truth, index);
            this.board.applies.snapshotAt(this.truth, index, hash);
          }),
      }),
      transport: this.network.transport(this.id, process),
    };
  }

  /** Code of a dead process may run on for a moment: it is not listened to. */
  private observer(process: SimProcess): NodeObserver {
    return {
      stepped: (before, input, after, ready) => {
        if (!process.isAlive) return;
        this.counts.stepped(this.truth, before, input, after, ready);
        this.board.stepped(this.truth, before, input, after, ready);
        if (before.role !== after.role) this.changedRole(after);
      },
      applied: (entry, result) => {
        if (process.isAlive) this.board.applied(this.truth, entry, result);
      },
      refused: () => {
        if (process.isAlive) this.truth.refusals += 1;
      },
    };
  }

  /** Set by whoever must react within the step. */
  onRole: (host: Host, role: Role, term: number) => void = () => undefined;

  /** A snapshot begins to arrive. */
  onReceiving: () => void = () => undefined;

  private changedRole({ role, term, commit }: RaftState): void {
    this.world.note(this.id, `becomes-${role}`, term, commit);
    this.onRole(this, role, term);
  }

  private writingSnapshot(change: 1 | -1): void {
    this.isWritingSnapshot += change;
    if (change === 1) this.crashSoonPerhaps(0.04);
  }

  /** The moments that crashes by chance hardly ever hit get some of their own. */
  private crashSoonPerhaps(probability: number): void {
    const { faults } = this.world;
    const stream = faults.stream(`${this.id}/moments`);
    const delay = stream.prng.magnitude(1, 3_000);
    if (faults.fires('crash-at-call', stream, probability, 'crash-at-moment')) this.world.after(delay, this.process, () => this.kill('crash at a moment'));
  }

  private drawCrash(): CrashPoint | null {
    const { faults } = this.world;
    const stream = faults.stream(`${this.id}/crash-points`);
    const mode = stream.prng.pick(['before', 'completion', 'soon'] as const);
    const [early, late] = [stream.prng.between(1, 25), Math.round(stream.prng.magnitude(25, 20_000))];
    if (this.lives > 1 && faults.fires('crash-at-start', stream, 0.2, 'crash-at-start')) return { call: early, mode };
    if (faults.fires('crash-at-call', stream, 0.7, 'crash-point-drawn')) return { call: late, mode };
    return null;
  }

  private died(process: SimProcess, reason: Error | string): void {
    if (process !== this.process) return;
    const { counters } = this.world;
    this.world.note(this.id, 'died', this.lives, 0, () => (typeof reason === 'string' ? reason : `${reason.name}: ${reason.message}`));
    this.counts.died(this.truth, { isWritingSnapshot: this.isWritingSnapshot > 0, writing: this.raft.writing });
    if (reason === 'crash-at-call') counters.hit('crash-at-call');
    this.isWritingSnapshot = 0;
    this.node = null;
    this.status = 'down';
    this.raft.crash();
    this.state.crash();
    this.disk.crash();
    let needsRestart = true;
    if (reason instanceof StorageDamagedError) {
      needsRestart = false;
      if (this.isDamaged) counters.hit('damage-detected');
      else this.world.violate('damage', this.id, `found damage on a disk that was never damaged: ${reason.message}`);
    } else if (reason instanceof Error && !(reason instanceof StorageFailedError) && !isSimulated(reason)) {
      this.world.violate('fatal', this.id, `ended by itself: ${reason.stack ?? reason.message}`);
      needsRestart = false;
    }
    if (!needsRestart) {
      this.status = 'gone';
      this.truth.isLost = true;
    }
    this.onDeath(this, needsRestart);
  }
}
