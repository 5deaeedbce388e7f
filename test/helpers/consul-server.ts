import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { ChildServer } from '../../src/engine/servers/child-server.ts';
import { freePorts } from '../../src/engine/adapters/free-ports.ts';
import { ROOT } from './run-cli.ts';

const READY_MS = 40_000;

/** The Consul of Debian 11, unpacked and not installed (scripts/consul-binary.sh); a reason in words when it cannot be had. */
export function consulBinary(): { binary: string } | { missing: string } {
  try {
    return { binary: execFileSync('sh', [path.join(ROOT, 'scripts/consul-binary.sh')], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 }).trim() };
  } catch (error) {
    const words = ((error as { stderr?: string }).stderr ?? '').trim().split('\n').at(-1);
    return { missing: `Consul 1.8 cannot be had (scripts/consul-binary.sh: ${words ?? ''})` };
  }
}

/** Ports of one server, all on loopback. */
export interface ConsulPorts {
  server: number;
  serfLan: number;
  serfWan: number;
  http: number;
}

export async function consulPorts(): Promise<ConsulPorts> {
  const [server = 0, serfLan = 0, serfWan = 0, http = 0] = await freePorts(4);
  return { server, serfLan, serfWan, http };
}

/** A Consul server that runs. End it with `stop`. */
export interface ConsulServer {
  get: <T>(route: string) => Promise<T>;
  put: (route: string, body: string) => Promise<string>;
  stop: () => Promise<void>;
}

export async function startConsul(binary: string, server: { dataDir: string; name: string; id: string; ports: ConsulPorts }): Promise<ConsulServer> {
  const { dataDir, name, id, ports } = server;
  const who = ['agent', '-server', '-bootstrap-expect=1', `-data-dir=${dataDir}`, `-node=${name}`, `-node-id=${id}`, '-bind=127.0.0.1', '-client=127.0.0.1'];
  const where = [`-server-port=${ports.server}`, `-serf-lan-port=${ports.serfLan}`, `-serf-wan-port=${ports.serfWan}`, `-http-port=${ports.http}`, '-dns-port=-1', '-grpc-port=-1'];
  const child = ChildServer.start('consul', binary, [...who, ...where]);
  const at = (route: string): string => `http://127.0.0.1:${ports.http}${route}`;
  const get = async <T>(route: string): Promise<T> => {
    const reply = await fetch(at(route));
    if (!reply.ok) throw new Error(`${route}: ${reply.status} ${await reply.text()}`);
    return (await reply.json()) as T;
  };
  const put = async (route: string, body: string): Promise<string> => {
    const reply = await fetch(at(route), { method: 'PUT', body });
    return reply.text();
  };
  await child.ready(async () => {
    try {
      return (await get<string>('/v1/status/leader')) !== '';
    } catch {
      return false; // not up yet; the deadline counts
    }
  }, READY_MS);
  return { get, put, stop: () => child.stop() };
}
