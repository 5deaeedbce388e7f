import type { Configuration } from '../core/configuration.ts';
import type { Role } from '../core/raft.ts';
import { quorumOf } from '../core/types.ts';
import { FAST } from '../core/settings.ts';
import { crc32c } from '../native/crc32c.ts';
import { Calls } from './calls.ts';
import { ClientChecks } from './checkers/client-checks.ts';
import { Client } from './client.ts';
import { Cluster } from './cluster.ts';
import { Counters } from './counters.ts';
import { Faults, type FaultClass } from './faults.ts';
import { forbidTheRealWorld } from './guard.ts';
import type { Host } from './host.ts';
import { HistoryRecorder } from './history.ts';
import { votersOf } from './log-copy.ts';
import { Recovery } from './liveness.ts';
import { checkLogOrder } from './log-order-check.ts';
import { Nemesis } from './nemesis.ts';
import { Operator } from './operator.ts';
import { drawPlan, type Plan } from './plan.ts';
import { Prng } from './prng.ts';
import { checkBySearch } from './search-check.ts';
import { Trace, type TraceLine } from './trace.ts';
import { World, type Violation } from './world.ts';

/** A real macrotask, taken before a run forbids it: all waiting microtasks run before it does. */
const nextTurn = globalThis.setImmediate;
/** Events carried out before the run looks whether anything went wrong. */
const MAX_EVENTS = 600_000;
const CLUSTER_ID = 'sim';
/** Ids of new members of a later generation begin behind this number: no earlier run got as far. */
const IDS_OF_A_GENERATION = 1000;

export interface SimulationOptions {
  readonly seed: string;
  /** Changes to what the seed drew; for the shrinker and for tests. */
  readonly plan?: Partial<Plan>;
  /** Only these faults happen, by their names. */
  readonly keep?: ReadonlySet<string>;
  /** Stop after this many events. */
  readonly maxEvents?: number;
  /** The run ends in the middle of its trouble, at this virtual time, without healing: for the shrinker. */
  readonly stopAtUs?: number;
  /** Bugs to plant in the core, by their ids. */
  readonly mutants?: ReadonlySet<string>;
  /** Lines of the trace to keep. */
  readonly keepLines?: number;
  /** Begins with what an earlier run left on its disks, instead of a new cluster. */
  readonly past?: Past;
  /** A change to each host before it starts; for planting bugs in ports. */
  readonly prepare?: (host: Host) => void;
}

/** An earlier run of which one disk was made a cluster of one. */
export interface Past {
  readonly cluster: Cluster;
  readonly generation: number;
  /** Makes and boots the first hosts; `settle` carries out events until a promise is settled. */
  begin(cluster: Cluster, tools: { readonly prng: Prng; readonly prepare: (host: Host) => void; readonly settle: (promise: Promise<void>) => Promise<void> }): Promise<void>;
}

export interface SimulationResult {
  readonly seed: string;
  readonly plan: Plan;
  readonly events: number;
  readonly virtualUs: number;
  readonly traceHash: string;
  readonly violations: readonly Violation[];
  readonly counters: Readonly<Record<string, number>>;
  readonly fired: readonly string[];
  readonly history: HistoryRecorder;
  readonly lines: readonly TraceLine[];
  readonly cluster: Cluster;
}

/** One run of one seed: builds the world, lets it go wrong, heals it, and looks at what is left. */
export class Simulation {
  private readonly world: World;
  private readonly counters = new Counters();
  private readonly cluster: Cluster;
  private readonly calls: Calls;
  private readonly checks: ClientChecks;
  private readonly history: HistoryRecorder;
  private readonly plan: Plan;
  private readonly prng: Prng;
  private readonly nemesis: Nemesis;
  private readonly operator: Operator;
  private readonly clients: Client[] = [];
  private hosts = 0;
  private processes = 0;
  private isHealed = false;
  private readonly candidates = new Map<number, Set<string>>();

  constructor(private readonly options: SimulationOptions) {
    this.prng = Prng.fromSeed(options.seed);
    this.plan = { ...drawPlan(this.prng.split('plan'), options.seed), ...options.plan };
    const classes = new Set<FaultClass>(this.plan.faults);
    const faults = new Faults(this.prng.split('faults'), classes, options.keep ?? null, this.counters);
    this.world = new World(this.prng.split('world'), faults, this.counters, new Trace(options.keepLines ?? 0));
    const settings = { ...FAST, mutants: options.mutants ?? FAST.mutants };
    const { snapshotEntries, compactionMargin } = this.plan;
    const { past } = options;
    this.hosts = past === undefined ? 0 : past.generation * IDS_OF_A_GENERATION;
    this.cluster = new Cluster(this.world, { clusterId: CLUSTER_ID, generation: past?.generation ?? 1, settings, snapshotEntries, compactionMargin, snapshotBandwidth: this.plan.isBulky ? 0.15 : 1 }, (host) => this.scheduleRestart(host), past === undefined ? null : { cluster: past.cluster, network: null });
    this.calls = new Calls(this.cluster);
    this.checks = new ClientChecks(this.cluster.truth, this.cluster.model, this.counters);
    const voters = Array.from({ length: this.plan.voters }, (_, at) => `n${at + 1}`);
    this.history = new HistoryRecorder({ v: 1, t: 'header', model: 'kv', seed: options.seed, nodes: voters, unit: 'ns', version: '0.1.0' });
    this.nemesis = new Nemesis(this.cluster, this.plan, this.prng.split('nemesis'), this.history);
    this.operator = new Operator(
      this.cluster,
      this.calls,
      this.prng.split('operator'),
      { hasChurn: classes.has('churn'), hasTransfers: classes.has('transfer'), votersWanted: this.plan.voters, addsOften: this.plan.isBulky },
      () => this.newHost(),
    );
  }

  async run(): Promise<SimulationResult> {
    const { world } = this;
    crc32c(new Uint8Array(65_536)); // loads its native part, which no run may do
    // Refusals are errors with a stack, thousands of them; a replay, which keeps lines, shows the stacks.
    const stackDepth = Error.stackTraceLimit;
    if ((this.options.keepLines ?? 0) === 0) Error.stackTraceLimit = 0;
    const allow = forbidTheRealWorld((error) => world.violate('determinism', 'run', error.stack ?? error.message));
    try {
      await this.setUp();
      await this.phaseOne();
      if (this.options.stopAtUs === undefined) await this.afterTrouble();
    } finally {
      allow();
      Error.stackTraceLimit = stackDepth;
      for (const { hosts } of [this.cluster, ...(this.cluster.guests === null ? [] : [this.cluster.guests])]) for (const host of hosts.values()) host.process?.kill('end of run');
    }
    return {
      seed: this.options.seed,
      plan: this.plan,
      events: world.events,
      virtualUs: world.nowUs,
      traceHash: world.trace.digest(),
      violations: world.violations,
      counters: this.counters.toRecord(),
      fired: world.faults.fired,
      history: this.history,
      lines: world.trace.lines,
      cluster: this.cluster,
    };
  }

  private async setUp(): Promise<void> {
    const { past } = this.options;
    if (past !== undefined) await past.begin(this.cluster, { prng: this.prng.split('past'), prepare: (host) => this.prepare(host), settle: async (promise) => this.settle(promise) });
    const ids = Array.from({ length: past === undefined ? this.plan.voters : 0 }, () => this.nextId());
    const configuration: Configuration = { members: ids.map((id) => ({ id, name: id, address: `${id}:7000`, role: 'voter' })), tombstones: [], changes: [] };
    if (past === undefined) this.cluster.truth.begin(configuration);
    for (const id of ids) await this.setUpHost(this.cluster.addHost(id), configuration);
    this.world.faults.isSuspended = false;
    for (const host of this.cluster.hosts.values()) host.boot();
    for (let at = 0; at < this.plan.clients; at += 1) {
      const name = `c${at + 1}`;
      const options = { keyPrefix: this.keyPrefix, generation: past?.generation ?? 1, keys: this.plan.keys, meanThinkUs: this.plan.meanThinkUs * (this.plan.isBulky ? 2 : 1), valueBytes: this.plan.isBulky ? 250_000 : 0 };
      this.clients.push(new Client(name, this.cluster, this.calls, this.history, this.checks, this.prng.split(`client ${name}`), options, () => (this.processes += 1)));
    }
    for (const client of this.clients) client.start();
    this.operator.start();
    this.nemesis.start();
    this.watchQuorum(true);
    for (let at = 0; at < this.plan.learners; at += 1) this.world.after(200_000 * (at + 1), null, () => this.addLearner());
  }

  private async setUpHost(host: Host, configuration: Configuration | null): Promise<void> {
    this.prepare(host);
    await this.settle(host.initialise(configuration));
  }

  private prepare(host: Host): void {
    this.options.prepare?.(host);
    host.onRole = (changed, role, term) => this.noteRole(changed, role, term);
    host.onReceiving = () => this.interruptTransfer();
  }

  private get keyPrefix(): string {
    return this.options.past === undefined ? 'k' : 'r';
  }

  private async settle(promise: Promise<void>): Promise<void> {
    let isDone = false;
    promise.then(
      () => (isDone = true),
      (error: unknown) => this.world.violate('set-up', 'run', error instanceof Error ? (error.stack ?? error.message) : String(error)),
    );
    // A machine is set up before it counts: other things go on meanwhile only where the run waits anyway.
    await this.drain();
    while (!isDone && this.world.violations.length === 0 && this.world.next(Number.POSITIVE_INFINITY)) await this.drain();
  }

  private addLearner(): void {
    if (!this.isHealed) this.operator.addLearner();
  }

  /** A machine that joins: started as soon as its identity is written. */
  private newHost(): Host {
    const host = this.cluster.addHost(this.nextId());
    this.prepare(host);
    host.initialise(null).then(
      () => host.boot(),
      () => host.retire('could not be set up'),
    );
    return host;
  }

  private nextId(): string {
    this.hosts += 1;
    return `n${this.hosts}`;
  }

  private scheduleRestart(host: Host): void {
    if (host.hasOldImage) return host.retire('pulled');
    const delay = this.isHealed ? this.prng.between(0, 500_000) : Math.round(5_000_000 * this.prng.unit() ** 3);
    this.world.after(delay, null, () => host.boot());
  }

  /** Nobody may ever count the vote of a disk that went back in time: at the first sign of an election it is taken out. */
  private pullOldImages(): void {
    for (const host of this.cluster.hosts.values()) {
      if (!host.hasOldImage || host.status === 'gone') continue;
      this.world.after(0, null, () => host.retire('pulled before an election'));
    }
  }

  private noteRole(host: Host, role: Role, term: number): void {
    if (role === 'candidate') {
      const candidates = this.candidates.get(term) ?? new Set<string>();
      this.candidates.set(term, candidates.add(host.id));
      if (candidates.size === 2) this.counters.hit('election-contested');
    }
    if (role === 'candidate' || role === 'pre-candidate') this.pullOldImages();
    if (role === 'leader' && this.plan.cutsAtElection) this.isolatePerhaps(host);
  }

  /** Some leaders are cut off the moment they are elected, before their first message leaves: so logs part over several terms. */
  private isolatePerhaps(host: Host): void {
    const { world } = this;
    const stream = world.faults.stream(`${host.id}/elected`);
    const holdUs = stream.prng.magnitude(50_000, 1_500_000);
        // One that brings uncommitted entries of an earlier term along is worth more.
    const { view } = host.truth;
    const isLoaded = view.last > (host.truth.state?.commit ?? 0);
    if (!world.faults.fires('isolate', stream, isLoaded ? 0.5 : 0.1, 'isolated-when-elected')) return;
    this.isolate(host, 'elected', holdUs);
  }

  /** While a snapshot of several chunks is on its way, its sender is cut off: the next leader goes on where it ended. */
  private interruptTransfer(): void {
    const { world, cluster } = this;
    const stream = world.faults.stream('transfers of snapshots');
    const [delayUs, holdUs] = [stream.prng.magnitude(20_000, 700_000), stream.prng.magnitude(350_000, 900_000)];
    if (!this.plan.isBulky || !world.faults.fires('isolate', stream, 0.9, 'isolated-while-sending')) return;
    world.after(delayUs, null, () => {
      const leader = cluster.leader();
      if (leader !== null && !this.isHealed) this.isolate(leader, 'sending', holdUs);
    });
  }

  private isolate(host: Host, reason: string, holdUs: number): void {
    const { world, cluster } = this;
    for (const other of cluster.hosts.keys()) {
      if (other === host.id) continue;
      cluster.network.cut(host.id, other, reason);
      cluster.network.cut(other, host.id, reason);
      world.after(holdUs, null, () => {
        cluster.network.restore(host.id, other, reason);
        cluster.network.restore(other, host.id, reason);
      });
    }
  }

  /** Looks now and then whether a quorum of the members in force runs. */
  private watchQuorum(wasThere: boolean): void {
    this.world.after(100_000, null, () => {
      const { cluster } = this;
      const voters = votersOf(cluster.configuration());
      const isThere = voters.filter((id) => cluster.hosts.get(id)?.node != null).length > voters.length / 2;
      if (isThere && !wasThere) this.counters.hit('quorum-lost-and-regained');
      if (!this.isHealed) this.watchQuorum(isThere);
    });
  }

  private async phaseOne(): Promise<void> {
    await this.runUntil(Math.min(this.world.nowUs + this.plan.troubleUs, this.options.stopAtUs ?? Number.POSITIVE_INFINITY), () => false);
  }

  private async afterTrouble(): Promise<void> {
    const { world } = this;
    if (this.plan.endsInQuorumLoss) for (const host of this.cluster.running()) host.kill('the end of all power');
    else if (world.violations.length === 0 && this.isStuckByDesign()) this.counters.hit('run-without-quorum-of-whole-disks');
    else if (world.violations.length === 0) await this.phaseTwo();
    if (world.violations.length === 0) this.phaseThree();
  }

  private isStuckByDesign(): boolean {
    const { past } = this.options;
    // Until a recovered member has committed, the old configuration counts in the truth, and none of its members ever comes.
    if (past !== undefined && this.cluster.truth.commitIndex === past.cluster.truth.commitIndex) return false;
    return !this.operator.hasWholeQuorum();
  }

  private async phaseTwo(): Promise<void> {
    const { world, cluster } = this;
    this.isHealed = true;
    this.nemesis.stop();
    world.faults.heal();
    cluster.network.heal();
    this.operator.stop();
    for (const client of this.clients) client.stop();
    for (const host of cluster.hosts.values()) {
      host.process?.resume();
      host.setClockRate(1);
      if (host.status === 'down') world.after(this.prng.between(0, 500_000), null, () => host.boot());
    }
    this.counters.hit('run-healed');
    world.note('run', 'healed', 0, 0);
    const recovery = new Recovery(cluster, this.clients, () => this.operator.isIdle, FAST.electionMaxTicks * 10, this.cutMinorityOff());
    await this.runUntil(Number.POSITIVE_INFINITY, () => recovery.isOver);
    if (world.violations.length === 0) this.compareMembers(recovery.members());
  }

  /**
   * In some runs a minority stays away for good, cut in one direction or in both, with the leader in it where possible: the others must go
   * on without it (I22 asks for a connected quorum, no more), and a leader among those away must notice (CheckQuorum).
   */
  private cutMinorityOff(): ReadonlySet<string> {
    const { cluster } = this;
    const prng = this.prng.split('minority');
    const voters = votersOf(cluster.configuration());
    const whole = prng.shuffled(voters.filter((id) => cluster.hosts.get(id)?.status !== 'gone' && !cluster.truth.member(id).isLost));
    const spare = whole.length - quorumOf(voters.length);
    const leader = cluster.leader()?.id;
    if (spare < 1 || whole.length < voters.length || !prng.chance(0.35)) return new Set();
    const away = new Set([...whole].sort((a, b) => Number(b === leader) - Number(a === leader)).slice(0, prng.between(1, spare + 1)));
    if (!cluster.isQuorum((id) => !away.has(id) && cluster.hosts.get(id)?.status !== 'gone' && !cluster.truth.member(id).isLost)) return new Set();
    const direction = prng.pick(['both', 'both', 'in', 'out']);
    for (const from of cluster.hosts.keys()) {
      for (const to of cluster.hosts.keys()) {
        if (away.has(from) === away.has(to)) continue;
        if (direction === 'both' || away.has(from) === (direction === 'out')) cluster.network.cut(from, to, 'minority');
      }
    }
    this.counters.hit('run-healed-without-a-minority');
    return away;
  }

  /** The durability scan: every member in force has the same state, and it is the one the committed commands make. */
  private compareMembers(members: readonly Host[]): void {
    const { truth, model } = this.cluster;
    const [first] = members;
    for (const host of members) {
      if (host.machine === null || first?.machine == null) continue;
      if (host.machine.stateHash() !== first.machine.stateHash()) truth.violate('I5', host.id, `its final state differs from that of ${first.id}`);
      for (let key = 0; key < this.plan.keys; key += 1) {
        const name = `${this.keyPrefix}${key}`;
        const [mine, expected] = [host.read(name), model.at(name, truth.commitIndex)];
        if (mine !== expected) truth.violate('I10', host.id, `${name} holds ${JSON.stringify(mine)}, the committed commands give ${JSON.stringify(expected)}`);
      }
    }
  }

  /** Whatever the cluster came to: what was acknowledged is there, and the history is one that a single copy could have given. */
  private phaseThree(): void {
    const { truth } = this.cluster;
    this.checks.finish();
    for (const [id, places] of [...truth.committedOperations].sort(([, a], [, b]) => (a[0] ?? 0) - (b[0] ?? 0))) {
      for (const index of places) this.history.add({ t: 'applied', index, id });
    }
    const byLog = checkLogOrder(this.history);
    const bySearch = checkBySearch(this.history);
    for (const complaint of byLog) truth.violate('history-by-log', 'cluster', complaint);
    for (const complaint of bySearch) truth.violate('history-by-search', 'cluster', complaint);
  }

  private async runUntil(untilUs: number, isOver: () => boolean): Promise<void> {
    const { world } = this;
    const maxEvents = this.options.maxEvents ?? MAX_EVENTS;
    while (world.violations.length === 0 && !isOver() && world.events < maxEvents) {
      if (!world.next(untilUs)) break;
      await this.drain();
    }
  }

  private async drain(): Promise<void> {
    await new Promise<void>((resolve) => void nextTurn(resolve));
  }
}

export async function runSeed(options: SimulationOptions): Promise<SimulationResult> {
  return new Simulation(options).run();
}
