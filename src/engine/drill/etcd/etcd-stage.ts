import path from 'node:path';
import type { LaneState } from '../../model/drill-record.ts';
import { EtcdCallError, EtcdClient } from '../../live/etcd/etcd-client.ts';
import { METHODS } from '../../live/etcd/methods.ts';
import { findEtcd, startEtcd, type StartedEtcd } from '../../servers/etcd.ts';
import { freePorts } from '../../adapters/free-ports.ts';
import { Traffic } from '../traffic.ts';
import { CouldNotRunError, InterruptedError, MIN_RATE, type WorldOptions } from '../world.ts';
import { etcdPort } from './etcd-port.ts';

const SAMPLE_MS = 250;
const POLL_MS = 50;
const ASK_MS = 500;

interface Server {
  readonly name: string;
  readonly dataDir: string;
  ports: { readonly client: number; readonly peer: number };
  /** Null: it does not run. */
  running: StartedEtcd | null;
  votes: boolean;
}

/** Real etcd servers on loopback, their clients, and what is done to them, timed and written down. */
export class EtcdStage {
  readonly servers: Server[] = [];
  readonly traffic: Traffic;
  version = '';
  private binary = '';
  private sampler: NodeJS.Timeout | null = null;
  private readonly client = new EtcdClient({ tls: null, user: null });

  constructor(readonly options: WorldOptions) {
    // Ranges of many keys are no part of what is measured here.
    this.traffic = new Traffic({ ...options.file.load, readPercent: 0 }, options.history, options.recorder.nowMs, options.random);
  }

  get recorder(): WorldOptions['recorder'] {
    return this.options.recorder;
  }

  get file(): WorldOptions['file'] {
    return this.options.file;
  }

  get endpoints(): string[] {
    return this.servers.flatMap((one) => (one.running === null ? [] : [one.running.clientUrl]));
  }

  server(name: string): Server {
    const found = this.servers.find((one) => one.name === name);
    if (found === undefined) throw new Error(`${name} is no member of the drill`);
    return found;
  }

  /** Starts a new cluster. @throws {CouldNotRunError} Without etcd, or when it does not come up. */
  async up(): Promise<void> {
    const found = await findEtcd();
    if (found === null) throw new CouldNotRunError('no etcd was found: put it on PATH, or name it in ETCD_BINARY');
    [this.binary, this.version] = [found.binary, found.version];
    const names = Array.from({ length: this.file.nodes }, (_, at) => `n${at + 1}`);
    const ports = await freePorts(names.length * 2);
    const spot = (at: number): Server['ports'] => ({ client: ports[at * 2] ?? 0, peer: ports[at * 2 + 1] ?? 0 });
    this.servers.push(...names.map((name, at): Server => ({ name, dataDir: path.join(this.options.scratch, name), ports: spot(at), running: null, votes: true })));
    const initialCluster = this.servers.map(({ name, ports: { peer } }) => `${name}=http://127.0.0.1:${peer}`).join(',');
    try {
      await this.recorder.step(`etcd --name n1 --data-dir n1 --initial-cluster ${initialCluster}   (and the others)`, () => Promise.all(this.servers.map((one) => this.start(one.name, { initialCluster, state: 'new', awaitLeader: false }))));
      await this.until('a leader', () => this.leader(), 30_000);
    } catch (error) {
      throw new CouldNotRunError(`etcd ${this.version} did not come up: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    this.sampler = setInterval(() => void this.sample(), SAMPLE_MS);
  }

  /** @throws {CouldNotRunError} Below the least rate that says something. */
  async load(): Promise<void> {
    await this.openTraffic();
    await this.pause(this.file.load.warmupMs);
    const isBusy = await this.until('traffic', () => Promise.resolve(this.traffic.rate(1000) >= MIN_RATE), 10_000).catch(() => false);
    if (isBusy === false) throw new CouldNotRunError(`${Math.round(this.traffic.rate(1000))} operations a second before the fault, and below ${MIN_RATE} a run says nothing: more rate or clients in load, or an idler machine`);
  }

  async openTraffic(): Promise<void> {
    this.traffic.open(await etcdPort(this.endpoints));
  }

  async start(name: string, more: { readonly initialCluster?: string; readonly state?: 'new' | 'existing'; readonly awaitLeader?: boolean } = {}): Promise<StartedEtcd> {
    const server = this.server(name);
    server.running = await startEtcd({ binary: this.binary, version: this.version, dataDir: server.dataDir, name, ports: server.ports, token: 'raft-inspector-drill', ...more });
    return server.running;
  }

  async kill(names: readonly string[], label?: string): Promise<number> {
    const atMs = this.recorder.fault(label ?? `kill -9 ${names.join(', ')}`);
    this.options.history.fault('kill -9', names.join(','), 'start');
    await Promise.all(
      names.map(async (name) => {
        const server = this.server(name);
        await server.running?.kill();
        server.running = null;
      }),
    );
    return atMs;
  }

  /** The member that says of itself that it leads; null: nobody does. */
  async leader(): Promise<string | null> {
    for (const one of this.servers) {
      const status = await this.statusOf(one);
      if (status !== null && status.leader !== '0' && status.leader === status.header?.memberId) return one.name;
    }
    return null;
  }

  /** Polls until `look` gives something. @throws {InterruptedError} When the operator ends it. */
  async until<T>(what: string, look: () => Promise<T | null | false>, deadlineMs = 20_000): Promise<T> {
    const endsAt = this.recorder.nowMs() + deadlineMs;
    for (;;) {
      const found = await look();
      if (found !== null && found !== false) return found;
      if (this.recorder.nowMs() > endsAt) throw new Error(`not within ${(deadlineMs / 1000).toFixed(1)} s: ${what}`);
      await this.pause(POLL_MS);
    }
  }

  async pause(ms: number): Promise<void> {
    const endsAt = this.recorder.nowMs() + ms;
    for (let left = ms; left > 0; left = endsAt - this.recorder.nowMs()) {
      if (this.options.signal.aborted) throw new InterruptedError('interrupted');
      await new Promise((resolve) => setTimeout(resolve, Math.min(left, 200)));
    }
    if (this.options.signal.aborted) throw new InterruptedError('interrupted');
  }

  stopSampling(): void {
    if (this.sampler !== null) clearInterval(this.sampler);
    this.sampler = null;
  }

  async down(): Promise<void> {
    this.stopSampling();
    this.traffic.close();
    this.client.close();
    await Promise.all(
      this.servers.map(async (one) => {
        await one.running?.kill();
        one.running = null;
      }),
    );
  }

  private async statusOf({ running }: Server) {
    if (running === null) return null;
    try {
      return await this.client.call(running.clientUrl, METHODS.status, {}, ASK_MS);
    } catch (error) {
      if (error instanceof EtcdCallError) return null;
      throw error;
    }
  }

  private async sample(): Promise<void> {
    const statuses = await Promise.all(this.servers.map(async (one) => ({ one, status: await this.statusOf(one).catch(() => null) })));
    const leader = statuses.find(({ status }) => status !== null && status.leader !== '0' && status.leader === status.header?.memberId)?.status?.leader ?? null;
    const lanes = new Map(statuses.map(({ one, status }): [string, LaneState] => [one.name, status === null ? 'down' : status.leader !== '0' && status.leader === status.header?.memberId ? 'leader' : one.votes ? 'voter' : 'learner']));
    const voters = this.servers.filter((one) => one.votes).length;
    const following = statuses.filter(({ one, status }) => one.votes && leader !== null && status?.leader === leader).length;
    this.recorder.samples.push({ atMs: this.recorder.nowMs(), lanes, hasMargin: following - (Math.floor(voters / 2) + 1) >= 1 });
  }
}
