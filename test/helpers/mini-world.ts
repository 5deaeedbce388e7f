import { KvMachine, type KvMachineOptions } from '../../src/engine/machines/kv/kv-machine.ts';
import { FAST, type Settings } from '../../src/engine/core/settings.ts';
import type { Configuration } from '../../src/engine/core/configuration.ts';
import type { Clock, Timer } from '../../src/engine/ports/clock.ts';
import type { KvOperation, KvRange, KvReader, KvStore, KvView } from '../../src/engine/ports/kv-store.ts';
import type { Envelope, Transport } from '../../src/engine/ports/transport.ts';
import { decodeKvResult, encodeKvCommand, type KvResult } from '../../src/engine/native/kv-command.ts';
import { decodeKvAnswer, encodeKvQuery } from '../../src/engine/native/kv-query.ts';
import type { ReadLevel } from '../../src/engine/ports/node-api.ts';
import type { NodeObserver, NodeOptions } from '../../src/engine/runtime/contract.ts';
import { RaftNode } from '../../src/engine/runtime/node.ts';
import { type NativeBootstrap, planNativeBootstrap } from '../../src/engine/storage/bootstrap.ts';
import { initialise } from '../../src/engine/storage/initialise.ts';
import { LogStorage } from '../../src/engine/storage/log-storage.ts';
import { SnapshotFileStore } from '../../src/engine/storage/snapshot-files.ts';
import { MemoryDisk } from './memory-disk.ts';
import { MemoryKvStore } from './memory-kv-store.ts';

/** Time that passes only when told to. Events at one time run in the order they were made. */
export class VirtualTime {
  nowMs = 0;
  private made = 0;
  private readonly queue: { at: number; order: number; run: () => void }[] = [];

  at(ms: number, run: () => void): () => void {
    const event = { at: ms, order: this.made++, run };
    let place = this.queue.length;
    while (place > 0 && (this.queue[place - 1]?.at ?? 0) > ms) place--;
    this.queue.splice(place, 0, event);
    return () => {
      const index = this.queue.indexOf(event);
      if (index >= 0) this.queue.splice(index, 1);
    };
  }

  /** Runs what is due within `ms`, promises included. */
  async run(ms: number): Promise<void> {
    const end = this.nowMs + ms;
    await settled();
    for (let next = this.queue[0]; next !== undefined && next.at <= end; next = this.queue[0]) {
      this.queue.shift();
      this.nowMs = Math.max(this.nowMs, next.at);
      next.run();
      await settled();
    }
    this.nowMs = end;
  }

  /** Runs until `test` holds. @throws {Error} When it does not within `ms`. */
  async until(what: string, test: () => boolean, ms = 5000): Promise<void> {
    const end = this.nowMs + ms;
    while (!test()) {
      if (this.nowMs >= end) throw new Error(`not within ${ms} ms: ${what}`);
      await this.run(5);
    }
  }

  /** The outcome of a promise that needs time to pass. */
  async outcome<T>(promise: Promise<T>, ms = 10_000): Promise<T> {
    let done = false;
    promise.then(
      () => void (done = true),
      () => void (done = true),
    );
    await this.until('the call ends', () => done, ms);
    return await promise;
  }
}

/** All promises that can go on without time passing have. */
async function settled(): Promise<void> {
  await new Promise<void>((resolve) => void setImmediate(resolve));
}

/** A process's clock: it dies with the process. `stallUntil` holds timers back, as a blocked event loop does. */
export class HostClock implements Clock {
  isAlive = true;
  stalledUntilMs = 0;

  constructor(private readonly time: VirtualTime) {}

  nowMs(): number {
    return this.time.nowMs;
  }

  wallClockMs(): number {
    return 1_700_000_000_000 + this.time.nowMs;
  }

  after(ms: number, run: () => void): Timer {
    return { cancel: this.time.at(this.time.nowMs + ms, () => this.fire(run)) };
  }

  soon(run: () => void): void {
    this.time.at(this.time.nowMs, () => this.fire(run));
  }

  /** Runs once the event loop moves again. */
  fire(run: () => void): void {
    if (!this.isAlive) return;
    if (this.time.nowMs < this.stalledUntilMs) this.time.at(this.stalledUntilMs, () => this.fire(run));
    else run();
  }
}

/** A store whose commits take time, and can be made to fail. What is under way when the process dies is lost. */
export class SlowKvStore implements KvStore {
  delayMs = 0;
  failure: Error | null = null;
  readonly commits: { readonly startedMs: number; readonly operations: number }[] = [];
  private last: Promise<void> = Promise.resolve();

  constructor(
    readonly inner: MemoryKvStore,
    private readonly clock: HostClock,
  ) {}

  async transact(operations: readonly KvOperation[]): Promise<void> {
    const done = this.last.then(async () => {
      this.commits.push({ startedMs: this.clock.nowMs(), operations: operations.length });
      if (this.delayMs > 0) await new Promise<void>((resolve) => void this.clock.after(this.delayMs, resolve));
      if (this.failure !== null) throw this.failure;
      await this.inner.transact(operations);
    });
    this.last = done.catch(() => undefined);
    await done;
  }

  get(database: string, key: Uint8Array): Uint8Array | undefined {
    return this.inner.get(database, key);
  }

  range(database: string, range?: KvRange): Iterable<readonly [Uint8Array, Uint8Array]> {
    return this.inner.range(database, range);
  }

  databases(): string[] {
    return this.inner.databases();
  }

  view(): KvView {
    return this.inner.view();
  }

  async close(): Promise<void> {
    await this.last;
  }
}

/** One member: its disks, and its process when it runs. */
export interface Host {
  readonly id: string;
  clock: HostClock;
  raft: SlowKvStore;
  state: SlowKvStore;
  disk: MemoryDisk;
  node: RaftNode | null;
  receive: ((envelope: Envelope) => void) | null;
  fatal: Error | null;
  readonly sent: Envelope[];
  refused: string[];
}

export interface WorldOptions {
  readonly ids?: readonly string[];
  readonly settings?: Settings;
  readonly node?: Partial<NodeOptions>;
  readonly kv?: Partial<KvMachineOptions>;
  readonly observer?: NodeObserver;
}

const CLUSTER = 'cluster-1';
const encoder = new TextEncoder();

/** A few members with the shipped runtime, storage and state machine over memory, in virtual time. */
export class MiniWorld {
  readonly time = new VirtualTime();
  readonly hosts = new Map<string, Host>();
  /** Entry and result applied at each index, by whoever was first: the others must say the same (I5). */
  readonly applied = new Map<number, string>();
  readonly violations: string[] = [];
  delayMs = 1;
  /** Lost envelopes: decides by envelope. */
  isLost: (envelope: Envelope) => boolean = () => false;
  private seed = 12345;

  constructor(private readonly options: WorldOptions = {}) {}

  static async start(options: WorldOptions = {}): Promise<MiniWorld> {
    const world = new MiniWorld(options);
    const ids = options.ids ?? ['a', 'b', 'c'];
    const configuration: Configuration = { members: ids.map((id) => ({ id, name: id, address: `${id}:1`, role: 'voter' })), tombstones: [], changes: [] };
    for (const id of ids) await world.create(id, configuration);
    for (const id of ids) await world.boot(id);
    return world;
  }

  host(id: string): Host {
    const host = this.hosts.get(id);
    if (host === undefined) throw new Error(`no host ${id}`);
    return host;
  }

  node(id: string): RaftNode {
    const { node } = this.host(id);
    if (node === null) throw new Error(`${id} does not run`);
    return node;
  }

  /** A new member's disks; `null`: it joins. */
  async create(id: string, configuration: Configuration | null, generation = 1): Promise<Host> {
    const clock = new HostClock(this.time);
    const store = new MemoryKvStore();
    await initialise(store, { clusterId: CLUSTER, generation, memberId: id, name: id, machine: 'kv' }, configuration);
    const disk = new MemoryDisk();
    await disk.makeDirectory('snapshots');
    const host: Host = { id, clock, raft: new SlowKvStore(store, clock), state: new SlowKvStore(new MemoryKvStore(), clock), disk, node: null, receive: null, fatal: null, sent: [], refused: [] };
    this.hosts.set(id, host);
    return host;
  }

  /** What a forced recovery makes of a crashed member's disks: the same under another id. */
  async recover(id: string, bootstrap: (store: KvReader) => NativeBootstrap): Promise<Host> {
    const old = this.host(id);
    const store = old.raft.inner;
    const plan = bootstrap(store);
    await store.transact(planNativeBootstrap(store, plan));
    this.hosts.delete(id);
    const host: Host = { ...old, id: plan.to.memberId, sent: [], refused: [] };
    this.hosts.set(host.id, host);
    return host;
  }

  async boot(id: string, observer: NodeObserver = this.options.observer ?? {}): Promise<RaftNode> {
    const host = this.host(id);
    const { clock } = host;
    const options: NodeOptions = {
      settings: this.options.settings ?? FAST,
      version: '0.0.0-test',
      maxFeatureLevel: 1,
      snapshotEntries: 1_000_000,
      snapshotBytes: 1024 ** 3,
      compactionMargin: 0,
      maxCommandBytes: 1024 * 1024,
      ...this.options.node,
    };
    const ports = {
      clock,
      rng: { nextU32: () => this.random() },
      proc: { fatal: (error: Error) => this.die(host, error) },
      storage: new LogStorage(host.raft),
      snapshots: new SnapshotFileStore(host.disk),
      machine: new KvMachine(host.state, { flushCommands: 16, ...this.options.kv }),
      transport: this.transport(host, clock),
    };
    const starting = RaftNode.start(ports, options, {
      ...observer,
      applied: (entry, result) => {
        this.checkApplied(id, entry.index, `${entry.term} ${entry.kind} ${Buffer.from(entry.payload).toString('hex')} ${result === null ? '' : Buffer.from(result).toString('hex')}`);
        observer.applied?.(entry, result);
      },
      refused: (rule, from) => void host.refused.push(`${rule} ${from}`),
    });
    const node = await this.time.outcome(starting);
    if (!clock.isAlive) throw new Error(`${id} died while starting`);
    host.node = node;
    return node;
  }

  /** The process is gone at once; what was not durable is lost. */
  crash(id: string): void {
    const host = this.host(id);
    this.kill(host);
    host.clock = new HostClock(this.time);
    host.raft = new SlowKvStore(host.raft.inner.reopen(), host.clock);
    host.state = new SlowKvStore(host.state.inner.reopen(), host.clock);
    host.disk = host.disk.crash('none');
  }

  async stop(id: string): Promise<void> {
    const { node } = this.host(id);
    if (node !== null) await this.time.outcome(node.stop());
    this.crash(id);
  }

  cut(...ids: string[]): void {
    this.isLost = ({ from, to }) => ids.includes(from) !== ids.includes(to);
  }

  heal(): void {
    this.isLost = () => false;
  }

  leader(among: readonly string[] = [...this.hosts.keys()]): string | null {
    const leaders = among.filter((id) => this.host(id).node?.status().role === 'leader');
    leaders.sort((a, b) => this.node(b).status().term - this.node(a).status().term);
    return leaders[0] ?? null;
  }

  /** Waits for a leader that a quorum follows and that has committed in its term. */
  async elect(among?: readonly string[]): Promise<string> {
    const isReady = (id: string | null): boolean => id !== null && this.node(id).status().appliedIndex >= 1 && this.node(id).status().commitIndex >= this.node(id).status().lastEntry.index && this.node(id).status().lastEntry.term === this.node(id).status().term;
    await this.time.until('a leader is elected', () => isReady(this.leader(among)));
    return this.leader(among) ?? '';
  }

  async put(id: string, key: string, value: string | Uint8Array, deadlineMs = 2000): Promise<{ index: number; term: number; result: KvResult }> {
    const command = encodeKvCommand({ op: 'put', key: encoder.encode(key), value: typeof value === 'string' ? encoder.encode(value) : value });
    const { index, term, result } = await this.node(id).propose(command, { deadlineMs });
    return { index, term, result: decodeKvResult(result) };
  }

  async get(id: string, key: string, level: ReadLevel = { kind: 'linearizable' }, deadlineMs = 2000): Promise<{ index: number; value: string | null; leaderContactMs: number | null }> {
    const { index, result, leaderContactMs } = await this.node(id).query(encodeKvQuery({ kind: 'get', key: encoder.encode(key) }), { level, deadlineMs });
    const answer = decodeKvAnswer(result);
    return { index, leaderContactMs, value: answer.kind === 'value' && answer.found !== null ? Buffer.from(answer.found.value).toString() : null };
  }

  /** All that run stand at the same index with the same state. */
  isEven(ids: readonly string[] = [...this.hosts.keys()]): boolean {
    const states = ids.map((id) => this.node(id).status()).map((status) => `${status.appliedIndex} ${status.stateHash} ${status.commitIndex}`);
    return new Set(states).size === 1;
  }

  random(): number {
    this.seed = (Math.imul(this.seed, 1664525) + 1013904223) >>> 0;
    return this.seed;
  }

  private checkApplied(id: string, index: number, what: string): void {
    const known = this.applied.get(index);
    if (known === undefined) this.applied.set(index, what);
    else if (known !== what) this.violations.push(`${id} applied at ${index}: ${what}, another member: ${known}`);
  }

  private die(host: Host, error: Error): void {
    host.fatal = error;
    this.kill(host);
  }

  private kill(host: Host): void {
    host.clock.isAlive = false;
    host.node = null;
    host.receive = null;
  }

  private transport(host: Host, clock: HostClock): Transport {
    return {
      start: async (receive) => {
        host.receive = receive;
        await Promise.resolve();
      },
      send: (envelope) => {
        if (!clock.isAlive) return;
        host.sent.push(envelope);
        if (this.isLost(envelope)) return;
        this.time.at(this.time.nowMs + this.delayMs, () => {
          const target = this.hosts.get(envelope.to);
          target?.clock.fire(() => target.receive?.(envelope));
        });
      },
      setPeers: () => undefined,
      stop: async () => {
        host.receive = null;
        await Promise.resolve();
      },
    };
  }
}
