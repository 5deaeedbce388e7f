import { execFile } from 'node:child_process';
import { UnreachableError } from '../errors.ts';
import { ChildServer } from './child-server.ts';
import { freePorts } from '../adapters/free-ports.ts';
import type { StartedServer } from './server.ts';

const READY_MS = 60_000;
const VERSION_MS = 5000;
const ASK_MS = 1000;

/** A Consul server that runs, and where its HTTP API is. */
export interface StartedConsul extends StartedServer {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
}

export interface ConsulOptions {
  readonly binary: string;
  /** `1.15.2`. */
  readonly version: string;
  readonly dataDir: string;
  /** Name of the node. */
  readonly name: string;
  /** Its server id, a UUID: what its configuration knows it by. */
  readonly id?: string | undefined;
  readonly readyMs?: number | undefined;
}

/** Which Consul would be started, and its version; null when there is none. `binary`, else `CONSUL_BINARY`, else PATH. */
export async function findConsul(binary?: string, env: NodeJS.ProcessEnv = process.env): Promise<{ binary: string; version: string } | null> {
  const file = binary ?? (env['CONSUL_BINARY'] || 'consul');
  const text = await new Promise<string>((resolve) => execFile(file, ['version'], { timeout: VERSION_MS, maxBuffer: 64 * 1024, env }, (_error, stdout) => resolve(stdout)));
  const version = /Consul v?(\d+\.\d+\.\d+\S*)/.exec(text)?.[1];
  return version === undefined ? null : { binary: file, version };
}

/**
 * Starts a Consul server on loopback, without gossip beyond this machine: it is bound to 127.0.0.1, and the caller has taken what it remembers
 * of other nodes out of the directory.
 * @throws {UnreachableError} When it does not come up with a leader: with its last words.
 */
export async function startConsul({ binary, version, dataDir, name, id, readyMs }: ConsulOptions): Promise<StartedConsul> {
  const [http = 0, server = 0, serf = 0] = await freePorts(3);
  const url = `http://127.0.0.1:${http}`;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const child = ChildServer.start(
    'consul',
    binary,
    [
      'agent', '-server', '-data-dir', dataDir, '-node', name, '-bind', '127.0.0.1', '-client', '127.0.0.1', '-log-level', 'warn',
      '-http-port', String(http), '-server-port', String(server), '-serf-lan-port', String(serf), '-serf-wan-port', '-1', '-dns-port', '-1', '-grpc-port', '-1',
      ...(id === undefined ? [] : ['-node-id', id]),
      ...(major > 1 || minor >= 14 ? ['-grpc-tls-port', '-1'] : []),
    ],
    { env: Object.fromEntries(Object.entries(process.env).filter(([variable]) => !variable.startsWith('CONSUL_'))) },
  );
  await child.ready(async () => {
    try {
      return (await consulGet<string>(url, '/v1/status/leader', ASK_MS)) !== '';
    } catch {
      return false; // not yet; the deadline counts
    }
  }, readyMs ?? READY_MS);
  return { software: `Consul ${version}`, endpoints: [`127.0.0.1:${http}`], url, pid: child.pid, stop: () => child.stop(), kill: () => child.kill(), lastWords: () => child.lastWords() };
}

/** A GET of Consul's HTTP API, as JSON. @throws {UnreachableError} With what it said. */
export async function consulGet<T>(url: string, path: string, timeoutMs: number): Promise<T> {
  try {
    const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(timeoutMs) });
    if (response.ok) return (await response.json()) as T;
    throw new Error(`${response.status} ${(await response.text()).slice(0, 200)}`);
  } catch (cause) {
    throw new UnreachableError(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, 'Look at the log of the server', { cause });
  }
}
