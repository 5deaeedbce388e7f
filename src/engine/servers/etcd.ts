import { execFile } from 'node:child_process';
import { EtcdClient } from '../live/etcd/etcd-client.ts';
import { METHODS } from '../live/etcd/methods.ts';
import { ChildServer } from './child-server.ts';
import { freePorts } from '../adapters/free-ports.ts';
import type { StartedServer } from './server.ts';

const READY_MS = 30_000;
const VERSION_MS = 5000;
const ASK_MS = 1000;

/** An etcd server that runs. */
export interface StartedEtcd extends StartedServer {
  readonly clientUrl: string;
  readonly peerUrl: string;
  /** To start it again at the same place after a kill. */
  readonly ports: { readonly client: number; readonly peer: number };
}

export interface EtcdOptions {
  /** Default: `etcd` on PATH. */
  readonly binary?: string | undefined;
  /** `3.4.23`, when it was asked already. */
  readonly version?: string | undefined;
  readonly dataDir: string;
  readonly name: string;
  /** Default: free ones. */
  readonly ports?: { readonly client: number; readonly peer: number } | undefined;
  /** `n1=http://127.0.0.1:2380,...`; default: itself alone. A directory that holds a member does not look at it. */
  readonly initialCluster?: string | undefined;
  readonly state?: 'new' | 'existing' | undefined;
  readonly token?: string | undefined;
  /** More of its command line. */
  readonly extra?: readonly string[] | undefined;
  /** False: serving is enough; members of a new cluster have no leader before a majority is up. Default true. */
  readonly awaitLeader?: boolean | undefined;
  readonly readyMs?: number | undefined;
}

/** Which etcd would be started, and its version; null when there is none. `binary`, else `ETCD_BINARY`, else PATH. */
export async function findEtcd(binary?: string, env: NodeJS.ProcessEnv = process.env): Promise<{ binary: string; version: string } | null> {
  const file = binary ?? (env['ETCD_BINARY'] || 'etcd');
  const text = await new Promise<string>((resolve) => execFile(file, ['--version'], { timeout: VERSION_MS, maxBuffer: 64 * 1024, env }, (_error, stdout) => resolve(stdout)));
  const version = /etcd Version: (\d+\.\d+\.\d+\S*)/.exec(text)?.[1];
  return version === undefined ? null : { binary: file, version };
}

/**
 * Starts an etcd server on loopback.
 * @throws {UnreachableError} When it does not come up: with its last words.
 */
export async function startEtcd(options: EtcdOptions): Promise<StartedEtcd> {
  const { dataDir, name } = options;
  const [client = 0, peer = 0] = options.ports === undefined ? await freePorts(2) : [options.ports.client, options.ports.peer];
  const [clientUrl, peerUrl] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`];
  const version = options.version ?? (await findEtcd(options.binary))?.version ?? '';
  const args = [
    '--name', name, '--data-dir', dataDir,
    '--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl,
    '--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl,
    '--initial-cluster', options.initialCluster ?? `${name}=${peerUrl}`, '--initial-cluster-state', options.state ?? 'new',
    ...(options.token === undefined ? [] : ['--initial-cluster-token', options.token]),
    ...(options.extra ?? []),
  ];
  const child = ChildServer.start('etcd', options.binary ?? (process.env['ETCD_BINARY'] || 'etcd'), args, { env: isolated(process.env) });
  const asking = new EtcdClient({ tls: null, user: null });
  try {
    await child.ready(async () => {
      try {
        const { leader } = await asking.call(clientUrl, METHODS.status, {}, ASK_MS);
        return options.awaitLeader === false || leader !== '0';
      } catch {
        return false; // not yet; the deadline counts
      }
    }, options.readyMs ?? READY_MS);
  } finally {
    asking.close();
  }
  return { software: `etcd ${version}`.trim(), endpoints: [clientUrl], pid: child.pid, clientUrl, peerUrl, ports: { client, peer }, stop: () => child.stop(), kill: () => child.kill(), lastWords: () => child.lastWords() };
}

/** A port where nobody listens: a request that is sent there goes nowhere. */
const NOWHERE = 'http://127.0.0.1:1';

/**
 * What is set for the operator's own etcd must not lead this one to his data or into his cluster. And a directory of a cluster names its old
 * members until the entries that remove them are applied: whoever of them still runs must not hear of a copy that calls itself one of
 * them. etcd sends what is not for this machine to the proxy of its environment: to nobody.
 */
function isolated(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = Object.entries(env).filter(([name]) => (!name.startsWith('ETCD_') || name === 'ETCD_UNSUPPORTED_ARCH') && !/^(?:https?|no|all)_proxy$/i.test(name));
  return { ...Object.fromEntries(own), HTTP_PROXY: NOWHERE, HTTPS_PROXY: NOWHERE };
}
