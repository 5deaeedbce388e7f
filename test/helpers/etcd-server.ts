import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePorts } from '../../src/engine/adapters/free-ports.ts';
import { pause } from './pause.ts';

/** Why no real server can be started here; null when one can. */
export function etcdMissing(): string | null {
  for (const tool of ['etcd', 'etcdctl']) {
    try {
      execFileSync(tool, [tool === 'etcd' ? '--version' : 'version'], { env: { ...process.env, ETCDCTL_API: '3' }, stdio: 'ignore' });
    } catch {
      return `${tool} is not installed (Debian: apt-get install etcd-server etcd-client)`;
    }
  }
  return null;
}

export interface EtcdMember {
  name: string;
  /** Its data directory. */
  directory: string;
  clientUrl: string;
  process: ChildProcess;
}

export interface EndpointStatus {
  memberId: string;
  raftIndex: number;
  raftTerm: number;
  revision: number;
}

/** A cluster of real etcd servers on loopback, its data in a directory of its own. Always end it with `stop`. */
export class EtcdCluster {
  private constructor(
    readonly root: string,
    readonly members: EtcdMember[],
  ) {}

  static async start(size: number): Promise<EtcdCluster> {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-etcd-'));
    const ports = await freePorts(size * 2);
    const names = Array.from({ length: size }, (_, at) => `n${at + 1}`);
    const url = (at: number): string => `http://127.0.0.1:${ports[at]}`;
    const initial = names.map((name, at) => `${name}=${url(size + at)}`).join(',');
    const members = names.map((name, at) => {
      const directory = path.join(root, name);
      const log = fs.openSync(path.join(root, `${name}.log`), 'w');
      const server = spawn(
        'etcd',
        [
          ...['--name', name, '--data-dir', directory, '--initial-cluster', initial, '--initial-cluster-state', 'new', '--initial-cluster-token', path.basename(root)],
          ...['--listen-client-urls', url(at), '--advertise-client-urls', url(at), '--listen-peer-urls', url(size + at), '--initial-advertise-peer-urls', url(size + at)],
          ...['--snapshot-count', '200', '--logger', 'zap', '--log-outputs', 'stderr'],
        ],
        { stdio: ['ignore', log, log] },
      );
      fs.closeSync(log);
      return { name, directory, clientUrl: url(at), process: server };
    });
    const cluster = new EtcdCluster(root, members);
    try {
      await cluster.waitUntilHealthy();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Polls with a deadline: a put must be answered. */
  private async waitUntilHealthy(): Promise<void> {
    const deadline = Date.now() + 30_000;
    for (;;) {
      try {
        await this.put('health', 'probe');
        return;
      } catch (cause) {
        if (Date.now() > deadline) throw new Error(`the etcd servers did not come up: ${this.logTail()}`, { cause });
        await pause(200);
      }
    }
  }

  private logTail(): string {
    return this.members.map(({ name }) => fs.readFileSync(path.join(this.root, `${name}.log`), 'utf8').slice(-400)).join('\n');
  }

  /** One put through the JSON gateway of a member. */
  async put(key: string, value: string, at = 0): Promise<void> {
    const body = JSON.stringify({ key: Buffer.from(key).toString('base64'), value: Buffer.from(value).toString('base64') });
    const response = await fetch(`${this.members[at]?.clientUrl}/v3/kv/put`, { method: 'POST', body, signal: AbortSignal.timeout(5000) });
    const answer = await response.text();
    if (!response.ok) throw new Error(`put ${key}: ${response.status} ${answer}`);
  }

  /** `etcdctl endpoint status` of every member, in order. */
  status(): EndpointStatus[] {
    return this.members.map(({ clientUrl }) => {
      const text = execFileSync('etcdctl', ['--endpoints', clientUrl, 'endpoint', 'status', '-w', 'json'], { encoding: 'utf8', env: { ...process.env, ETCDCTL_API: '3' } });
      // The member id has 64 bits: it is taken from the text, since a double would lose digits.
      const id = /"member_id":(\d+)/.exec(text)?.[1] ?? '0';
      const [{ Status: status }] = JSON.parse(text) as [{ Status: { raftIndex: number; raftTerm: number; header: { revision: number } } }];
      return { memberId: BigInt(id).toString(16), raftIndex: status.raftIndex, raftTerm: status.raftTerm, revision: status.header.revision };
    });
  }

  /** Ends every server at once, the hard way, and waits until each is gone. */
  async kill(): Promise<void> {
    await Promise.all(
      this.members.map(({ process: server }) => {
        if (server.exitCode !== null || server.signalCode !== null) return Promise.resolve();
        const gone = new Promise<void>((resolve) => server.once('exit', () => resolve()));
        server.kill('SIGKILL');
        return gone;
      }),
    );
  }

  async stop(): Promise<void> {
    await this.kill();
    fs.rmSync(this.root, { recursive: true, force: true });
  }
}

/** One real server on a directory that is there, on loopback. Always end it with `stop`. */
export class LoneEtcd {
  private constructor(
    readonly clientUrl: string,
    readonly peerUrl: string,
    private readonly server: ChildProcess,
    private readonly log: string,
    private readonly api: string,
  ) {}

  /**
   * Starts `etcd` (of `binaries`, else of PATH) and waits until it answers a linearizable read; a learner answers none, its version will do.
   * @throws {Error} With the end of its log, when it ends or is not ready in time.
   */
  static async start(directory: string, options: { name: string; binaries?: string; flags?: readonly string[]; api?: 'v3' | 'v3beta'; readyMs?: number; peerUrl?: string; isLearner?: boolean }): Promise<LoneEtcd> {
    const [client, peer] = await freePorts(2);
    const clientUrl = `http://127.0.0.1:${client}`;
    const peerUrl = options.peerUrl ?? `http://127.0.0.1:${peer}`;
    const log = `${directory}.log`;
    const out = fs.openSync(log, 'a');
    const program = options.binaries === undefined ? 'etcd' : path.join(options.binaries, 'etcd');
    const urls = ['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl, '--listen-peer-urls', peerUrl];
    const server = spawn(program, ['--name', options.name, '--data-dir', directory, ...urls, ...(options.flags ?? [])], { stdio: ['ignore', out, out] });
    fs.closeSync(out);
    const lone = new LoneEtcd(clientUrl, peerUrl, server, log, options.api ?? 'v3');
    try {
      await lone.waitUntilReady(options.readyMs ?? 20_000, options.isLearner ?? false);
    } catch (error) {
      await lone.stop();
      throw error;
    }
    return lone;
  }

  private async waitUntilReady(ms: number, isLearner: boolean): Promise<void> {
    const deadline = Date.now() + ms;
    for (;;) {
      try {
        if (isLearner) await fetch(`${this.clientUrl}/version`, { signal: AbortSignal.timeout(1000) });
        else await this.call('kv/range', { key: base64('probe') });
        return;
      } catch (cause) {
        if (this.server.exitCode !== null || this.server.signalCode !== null || Date.now() > deadline) {
          throw new Error(`etcd on ${this.log} did not come up: ${fs.readFileSync(this.log, 'utf8').slice(-1500)}`, { cause });
        }
        await pause(50);
      }
    }
  }

  /** One call of the JSON gateway: 64-bit numbers come as strings. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  async call(method: string, body: object = {}): Promise<any> {
    const response = await fetch(`${this.clientUrl}/${this.api}/${method}`, { method: 'POST', body: JSON.stringify(body), signal: AbortSignal.timeout(10_000) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method}: ${response.status} ${text}`);
    return JSON.parse(text);
  }

  async put(key: string, value: string): Promise<void> {
    await this.call('kv/put', { key: base64(key), value: base64(value) });
  }

  async get(key: string): Promise<string | null> {
    const { kvs } = await this.call('kv/range', { key: base64(key) });
    return kvs === undefined ? null : Buffer.from(kvs[0].value ?? '', 'base64').toString();
  }

  /** Number of keys, and the revision they were counted at. */
  async count(): Promise<{ keys: number; revision: number }> {
    const { count, header } = await this.call('kv/range', { key: 'AA==', range_end: 'AA==', count_only: true });
    return { keys: Number(count ?? 0), revision: Number(header.revision) };
  }

  /** Ends it the hard way. */
  async stop(): Promise<void> {
    if (this.server.exitCode !== null || this.server.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => this.server.once('exit', () => resolve()));
    this.server.kill('SIGKILL');
    await gone;
  }
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** `etcdctl` of `binaries`, else of PATH, with API 3. */
export function etcdctl(endpoints: readonly string[], args: readonly string[], binaries?: string): string {
  const program = binaries === undefined ? 'etcdctl' : path.join(binaries, 'etcdctl');
  return execFileSync(program, ['--endpoints', endpoints.join(','), ...args], { encoding: 'utf8', env: { ...process.env, ETCDCTL_API: '3' }, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** HashKV of each endpoint, at `revision` (0: its own newest). */
export function hashKv(endpoints: readonly string[], revision = 0, binaries?: string): { hash: number; compactRevision: number }[] {
  const text = etcdctl(endpoints, ['endpoint', 'hashkv', '--rev', String(revision), '-w', 'json'], binaries);
  const answers = JSON.parse(text) as { HashKV: { hash: number; compact_revision?: number } }[];
  return answers.map(({ HashKV: { hash, compact_revision } }) => ({ hash, compactRevision: compact_revision ?? 0 }));
}
