import fs from 'node:fs';
import path from 'node:path';
import { InspectorError } from '../errors.ts';
import { giveOrder } from '../lab/control.ts';
import { labConnection, type LabConnection, labPaths, readLabFile } from '../lab/lab-file.ts';
import type { LabMemberStatus, LabStatus, Order } from '../lab/orders.ts';
import { labUp } from '../lab/up.ts';
import type { LaneState } from '../model/drill-record.ts';
import type { DrillFile } from './drill-file.ts';
import { type HistoryFile } from './history-file.ts';
import { nativePort } from './native-port.ts';
import { pickOne } from './random.ts';
import type { Recorder } from './recorder.ts';
import { Traffic } from './traffic.ts';

const SAMPLE_MS = 150;
const POLL_MS = 25;
const LIFETIME_MS = 3_600_000;
const UP_DEADLINE_MS = 60_000;
const ORDER_MS = 60_000;
/** Operations a second. Below this a run says nothing. */
export const MIN_RATE = 100;

/** The run says nothing about the cluster: something it needs is not there. */
export class CouldNotRunError extends Error {}

/** The operator ended the run. */
export class InterruptedError extends Error {}

/** How the tool is started, for the processes of the practice cluster. */
export interface ToolPlace {
  readonly program: readonly [file: string, ...args: string[]];
  readonly supervisor: string;
  readonly version: string;
}

export interface WorldOptions {
  readonly file: DrillFile & { readonly nodes: number; readonly timing: 'fast' | 'calm'; readonly seed: string };
  /** A directory of the run's own. */
  readonly scratch: string;
  readonly tool: ToolPlace;
  readonly recorder: Recorder;
  readonly history: HistoryFile;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Entries after which members take snapshots; undefined: the usual. */
  readonly snapshotEntries?: number | undefined;
}

/** The practice cluster of a run, its clients, and everything that is done to it, timed and written down. */
export class DrillWorld {
  readonly dir: string;
  readonly traffic: Traffic;
  /** Members that take part; those that are gone for good are not in it. */
  members: string[];
  /** Those of them that vote. */
  readonly voting: Set<string>;
  /** Shown as rebuilding, whatever its process does. */
  readonly rebuilding = new Set<string>();
  private sampler: NodeJS.Timeout | null = null;
  private sampleFailure: Error | null = null;
  private isSampling = false;

  constructor(readonly options: WorldOptions) {
    this.dir = path.join(options.scratch, 'lab');
    this.members = Array.from({ length: options.file.nodes }, (_, at) => `n${at + 1}`);
    this.voting = new Set(this.members);
    this.traffic = new Traffic(options.file.load, options.history, options.recorder.nowMs, options.random);
  }

  get recorder(): Recorder {
    return this.options.recorder;
  }

  get file(): WorldOptions['file'] {
    return this.options.file;
  }

  get nowMs(): () => number {
    return this.recorder.nowMs;
  }

  /**
   * Makes and starts the cluster.
   * @param clusterId Of a backup that is to be taken in: then one member makes the beginning, and is ended again.
   * @throws {CouldNotRunError}
   */
  async up(clusterId?: string): Promise<void> {
    const { timing } = this.file;
    const nodes = clusterId === undefined ? this.file.nodes : 1;
    try {
      await this.recorder.step(`raft-inspector lab up --dir lab --nodes ${nodes} --timing ${timing}`, () =>
        labUp({ dir: this.dir, nodes, timing, machine: 'kv', program: this.options.tool.program, supervisor: this.options.tool.supervisor, lifetimeMs: LIFETIME_MS, deadlineMs: UP_DEADLINE_MS, ...(this.options.snapshotEntries === undefined ? {} : { snapshotEntries: this.options.snapshotEntries }), ...(clusterId === undefined ? {} : { clusterId }) }),
      );
      if (clusterId !== undefined) await this.order({ kind: 'kill', ids: ['n1'], signal: 'SIGTERM' });
    } catch (error) {
      throw new CouldNotRunError(`the practice cluster did not come up: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    this.startSampling();
  }

  /** Lets clients in and waits until they are at work. @throws {CouldNotRunError} Below the least rate that says something. */
  async load(): Promise<void> {
    this.openTraffic();
    await this.pause(this.file.load.warmupMs);
    const isBusy = await this.until('traffic', () => Promise.resolve(this.traffic.rate(1000) >= MIN_RATE), 10_000).catch(() => false);
    if (isBusy === false) throw new CouldNotRunError(`${Math.round(this.traffic.rate(1000))} operations a second before the fault, and below ${MIN_RATE} a run says nothing: more rate or clients in load, or an idler machine`);
  }

  openTraffic(): void {
    this.traffic.open(nativePort(this.connection(), this.file.load.timeoutMs));
  }

  /** Of the members that take part, and of those alone. */
  connection(): LabConnection {
    const all = labConnection(this.dir, readLabFile(this.dir));
    const members = all.members.filter((one) => this.members.includes(one.id));
    return { ...all, members, endpoints: members.map((one) => one.address) };
  }

  order(order: Order): Promise<LabStatus> {
    return giveOrder(this.dir, order, ORDER_MS);
  }

  status(): Promise<LabStatus> {
    return this.order({ kind: 'status' });
  }

  async member(id: string): Promise<LabMemberStatus> {
    const found = (await this.status()).members.find((one) => one.id === id);
    if (found === undefined) throw new CouldNotRunError(`${id} is no member of the practice cluster`);
    return found;
  }

  dataOf(id: string): string {
    return labPaths.data(this.dir, id);
  }

  /** kill -9, noted with the command that does the same; gives when it was done. */
  async kill(ids: readonly string[], signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT' = 'SIGKILL', label?: string): Promise<number> {
    const words = { SIGKILL: 'kill -9', SIGTERM: 'stop', SIGSTOP: 'pause', SIGCONT: 'go on' }[signal];
    const atMs = this.recorder.fault(label ?? `${words} ${ids.join(', ')}`);
    this.options.history.fault(words, ids.join(','), 'start');
    await this.order({ kind: 'kill', ids: [...ids], signal });
    return atMs;
  }

  /** Starts a member again, or for the first time. */
  start(id: string): Promise<LabStatus> {
    return this.recorder.step(`raft-inspector lab start ${id} --dir lab`, () => this.order({ kind: 'start', id }));
  }

  /** The leader that a majority of the voters follows. */
  leader(deadlineMs = 20_000): Promise<string> {
    return this.until('a leader that a majority follows', async () => {
      const { members } = await this.status();
      const mine = members.filter((one) => this.members.includes(one.id));
      const leader = mine.filter((one) => one.role === 'leader').sort((a, b) => (b.term ?? 0) - (a.term ?? 0))[0]?.id;
      return leader !== undefined && mine.filter((one) => one.leader === leader && this.voting.has(one.id)).length > this.voting.size / 2 ? leader : null;
    }, deadlineMs);
  }

  async follower(): Promise<string> {
    const leader = await this.leader();
    return pickOne(this.members.filter((id) => id !== leader), this.options.random);
  }

  /** All members that take part run, follow one leader, and hold the same state at the same index. */
  settled(deadlineMs = 30_000): Promise<LabStatus> {
    return this.until('all members equal', async () => {
      const status = await this.status();
      const mine = status.members.filter((one) => this.members.includes(one.id));
      const shown = new Set(mine.map((one) => `${one.appliedIndex} ${one.stateHash} ${one.leader}`));
      return shown.size === 1 && mine.every((one) => one.state === 'running') && mine[0]?.leader !== null ? status : null;
    }, deadlineMs);
  }

  /** The first write acknowledged after this moment. */
  acknowledgedAfter(atMs: number, deadlineMs = 30_000): Promise<number> {
    return this.until('an acknowledged write', () => Promise.resolve(this.traffic.firstAckAfter(atMs)), deadlineMs);
  }

  /** Polls until `look` gives something. @throws {Error} Not within the deadline; {InterruptedError} When the operator ends it. */
  async until<T>(what: string, look: () => Promise<T | null | false>, deadlineMs = 20_000): Promise<T> {
    const endsAt = this.nowMs() + deadlineMs;
    let problem: unknown;
    for (;;) {
      this.checkSignal();
      try {
        const found = await look();
        if (found !== null && found !== false) return found;
      } catch (error) {
        if (!(error instanceof InspectorError)) throw error;
        problem = error;
      }
      if (this.nowMs() > endsAt) throw new Error(`not within ${(deadlineMs / 1000).toFixed(1)} s: ${what}${problem instanceof Error ? ` (${problem.message})` : ''}`);
      await this.pause(POLL_MS);
    }
  }

  async pause(ms: number): Promise<void> {
    const endsAt = this.nowMs() + ms;
    for (let left = ms; left > 0; left = endsAt - this.nowMs()) {
      this.checkSignal();
      await new Promise((resolve) => setTimeout(resolve, Math.min(left, 200)));
    }
    this.checkSignal();
  }

  /** Ends whatever runs; the directory stays for whoever owns the scratch. */
  async down(): Promise<void> {
    this.stopSampling();
    this.traffic.close();
    if (!fs.existsSync(labPaths.file(this.dir))) return;
    const { labDown } = await import('../lab/down.ts');
    await labDown(this.dir, 'purge');
  }

  stopSampling(): void {
    if (this.sampler !== null) clearInterval(this.sampler);
    this.sampler = null;
  }

  private checkSignal(): void {
    if (this.options.signal.aborted) throw new InterruptedError('interrupted');
    // Looked at between steps: an exception that nobody waits for would end the run without its members.
    if (this.sampleFailure !== null) throw this.sampleFailure;
  }

  private startSampling(): void {
    this.sampler = setInterval(() => void this.sample(), SAMPLE_MS);
  }

  private async sample(): Promise<void> {
    if (this.isSampling) return;
    this.isSampling = true;
    try {
      const status = await giveOrder(this.dir, { kind: 'status' }, 2000);
      const lanes = new Map(status.members.map((one) => [one.id, this.laneOf(one)] as const));
      const leaders = status.members.filter((one) => one.role === 'leader' && this.members.includes(one.id)).sort((a, b) => (b.term ?? 0) - (a.term ?? 0));
      const following = status.members.filter((one) => leaders[0] !== undefined && one.leader === leaders[0].id && this.voting.has(one.id)).length;
      this.recorder.samples.push({ atMs: this.nowMs(), lanes, hasMargin: following - (Math.floor(this.voting.size / 2) + 1) >= 1 });
    } catch (error) {
      // A lab that is busy is looked at again.
      if (!(error instanceof InspectorError)) this.sampleFailure ??= error instanceof Error ? error : new Error(String(error));
    } finally {
      this.isSampling = false;
    }
  }

  private laneOf(one: LabMemberStatus): LaneState {
    if (this.rebuilding.has(one.id)) return 'rebuilding';
    // Whoever runs and does not belong to the cluster is of no use to it.
    if (one.state !== 'running' || one.role === null || one.role === 'removed' || !this.members.includes(one.id)) return 'down';
    if (!this.voting.has(one.id)) return 'learner';
    return one.role === 'leader' ? 'leader' : 'voter';
  }
}
