import fs from 'node:fs';
import path from 'node:path';
import { openEtcdCluster } from '../live/etcd/etcd-cluster.ts';
import { openNativeCluster } from '../live/native/native-cluster.ts';
import type { LiveCluster } from '../live/cluster.ts';
import type { CheckLine } from '../model/check-line.ts';
import type { RecoveryPlan } from '../model/plan.ts';
import { detectReader } from '../readers/index.ts';
import { findConsul, startConsul } from '../servers/consul.ts';
import { findEtcd, startEtcd } from '../servers/etcd.ts';
import { startNativeMember } from '../servers/native-member.ts';
import type { StartedServer } from '../servers/server.ts';
import { verifyConsul } from './verify-consul.ts';
import { verifyRecovery } from './verify.ts';

export interface StartOptions {
  /** How to run the tool: `[node, run.js]`. */
  readonly program: readonly [file: string, ...args: string[]];
  /** The server's own program; default: from its variable (`ETCD_BINARY`), else PATH. */
  readonly binary?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly startMs?: number | undefined;
  /** For configuration files. */
  readonly scratch: string;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What was found out about the running result. */
export interface ResultChecks {
  readonly checks: readonly CheckLine[];
  readonly stateHash: number | string | null;
  readonly revision: number | null;
}

/** A server on the result of a plan, and how it is looked at. */
export interface StartedResult {
  readonly server: StartedServer;
  verify(timeoutMs: number): Promise<ResultChecks>;
  /** Ends the conversation and the server. */
  stop(): Promise<void>;
}

/** Who can start a directory: a function that does, or why nobody can. */
export type Starter = { readonly software: string; start(): Promise<StartedResult> } | { readonly why: string };

/**
 * What would start the result of this plan: our own engine, or the server's own program where it is there and fits the data. A program of
 * another minor is none: it would change the data's format, and say nothing of how the right one takes it.
 */
export async function starterFor(plan: RecoveryPlan, directory: string, options: StartOptions): Promise<Starter> {
  if (plan.store === 'native') return nativeStarter(plan, directory, options);
  if (plan.store === 'etcd') return etcdStarter(plan, directory, options);
  if (plan.product === 'consul') return consulStarter(plan, directory, options);
  return { why: `nothing here can start ${plan.product ?? `a ${plan.store} store`}: only the offline check was made` };
}

function nativeStarter(plan: RecoveryPlan, dataDir: string, options: StartOptions): Starter {
  const { outcome } = plan;
  const [clusterId, memberId] = [outcome.clusterId ?? plan.cluster.clusterId, outcome.memberId];
  if (clusterId === null || memberId === null) return { why: 'the plan names no cluster and member to start' };
  return {
    software: 'embedded engine',
    start: async () => {
      const server = await startNativeMember({ program: options.program, dataDir, scratch: options.scratch, clusterId, generation: outcome.generation ?? 1, member: { id: memberId }, readyMs: options.startMs });
      const [endpoint = ''] = server.endpoints;
      // Its configuration names an address of the real host: everything is dialled here.
      return overCluster(plan, server, await openNativeCluster({ endpoints: server.endpoints, clusterId, tls: null, dial: () => endpoint }));
    },
  };
}

async function etcdStarter(plan: RecoveryPlan, directory: string, options: StartOptions): Promise<Starter> {
  const data = versionOf(directory);
  const found = await findEtcd(options.binary, options.env);
  if (found === null) return { why: `${options.binary ?? 'etcd'} cannot be run here: only the offline check was made` };
  if (data === null) return { why: `the data does not tell which etcd wrote it: ${found.version} was not tried` };
  if (minorOf(data) !== minorOf(found.version)) return { why: `the data is of etcd ${minorOf(data)}, ${found.binary} is ${found.version}: another minor would change it` };
  const name = plan.cluster.members.find((one) => one.id === plan.outcome.memberId)?.name ?? 'default';
  const isSplit = !fs.existsSync(path.join(directory, 'member')) && fs.existsSync(path.join(directory, 'wal'));
  return {
    software: `etcd ${found.version}`,
    start: async () => {
      const server = await startEtcd({
        binary: found.binary,
        version: found.version,
        dataDir: isSplit ? path.join(directory, 'data') : directory,
        name,
        extra: isSplit ? ['--wal-dir', path.join(directory, 'wal')] : [],
        readyMs: options.startMs,
      });
      // Only this endpoint: the addresses in its data are those of the real hosts.
      return overCluster(plan, server, await openEtcdCluster({ endpoints: server.endpoints, clusterId: null, tls: null, onlyEndpoints: true, peerUrl: server.peerUrl }));
    },
  };
}

async function consulStarter(plan: RecoveryPlan, directory: string, options: StartOptions): Promise<Starter> {
  const found = await findConsul(options.binary, options.env);
  if (found === null) return { why: `${options.binary ?? 'consul'} cannot be run here: only the offline check was made` };
  if (!fs.existsSync(path.join(directory, 'raft'))) return { why: 'the plan is about a Raft directory alone: Consul starts from the whole data directory' };
  return {
    software: `Consul ${found.version}`,
    start: async () => {
      // What it remembers of other nodes: it would look for them.
      fs.rmSync(path.join(directory, 'serf'), { recursive: true, force: true });
      const server = await startConsul({ ...found, dataDir: directory, name: plan.source, id: UUID.test(plan.outcome.memberId ?? '') ? (plan.outcome.memberId ?? undefined) : undefined, readyMs: options.startMs });
      return { server, verify: async () => ({ checks: await verifyConsul(plan, server.url), stateHash: null, revision: null }), stop: () => server.stop() };
    },
  };
}

/** Checks of the operator's own are for the real thing: they may reach anywhere. */
function overCluster(plan: RecoveryPlan, server: StartedServer, cluster: LiveCluster): StartedResult {
  return {
    server,
    verify: (timeoutMs) => verifyRecovery({ ...plan, checks: [] }, cluster, { timeoutMs, endpoints: server.endpoints }),
    stop: async () => {
      await cluster.close();
      await server.stop();
    },
  };
}

/** The version that the data tells; null where it does not. */
function versionOf(directory: string): string | null {
  const reader = detectReader(directory);
  return reader === null ? null : (reader.read(directory, { depth: 'log' }).report.software?.version ?? null);
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}
