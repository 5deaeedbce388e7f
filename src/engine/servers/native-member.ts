import fs from 'node:fs';
import path from 'node:path';
import { ChildServer } from './child-server.ts';
import { freePorts } from '../adapters/free-ports.ts';
import type { StartedServer } from './server.ts';

const READY_MS = 30_000;

export interface NativeMemberOptions {
  /** How to run the tool: `[node, run.js]`. */
  readonly program: readonly [file: string, ...args: string[]];
  readonly dataDir: string;
  /** Where its configuration and ready file go; the caller removes it. */
  readonly scratch: string;
  readonly clusterId: string;
  readonly generation: number;
  readonly member: { readonly id: string; readonly name?: string | undefined };
  /** Default: a free one. */
  readonly port?: number | undefined;
  readonly timing?: 'fast' | 'calm' | undefined;
  readonly readyMs?: number | undefined;
}

/**
 * Starts a real member process of our own engine on a directory that holds its data already, on loopback and without certificates.
 * @throws {UnreachableError} When it does not come up: with its last words.
 */
export async function startNativeMember(options: NativeMemberOptions): Promise<StartedServer & { readonly port: number }> {
  const { scratch, dataDir, member } = options;
  const [port = 0] = options.port === undefined ? await freePorts(1) : [options.port];
  const address = `127.0.0.1:${port}`;
  const { dump } = await import('js-yaml');
  const config = {
    clusterId: options.clusterId,
    ...(options.generation > 1 ? { generation: options.generation } : { initialMembers: [{ id: member.id, address }] }),
    member: { id: member.id, ...(member.name === undefined ? {} : { name: member.name }) },
    dataDir: path.resolve(dataDir),
    listen: address,
    insecureLoopback: true,
    timing: options.timing ?? 'fast',
    ballastBytes: 0,
  };
  const [configFile, readyFile] = [path.join(scratch, `${member.id}.yaml`), path.join(scratch, `${member.id}.ready`)];
  fs.writeFileSync(configFile, dump(config), { mode: 0o600 });
  fs.rmSync(readyFile, { force: true });
  const [file, ...args] = options.program;
  const child = ChildServer.start('the member', file, [...args, 'node', 'start', '--config', configFile, '--ready-file', readyFile]);
  await child.ready(async () => fs.existsSync(readyFile), options.readyMs ?? READY_MS);
  return { software: 'embedded engine', endpoints: [address], port, pid: child.pid, stop: () => child.stop(), kill: () => child.kill(), lastWords: () => child.lastWords() };
}
