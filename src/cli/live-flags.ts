import fs from 'node:fs';
import { Flags } from '@oclif/core';
import { UnreadableError, UsageError } from '../engine/errors.ts';
import { CLUSTER_KINDS, openLiveCluster, type Connection } from '../engine/live/registry.ts';
import type { ClusterKind, LiveCluster } from '../engine/live/cluster.ts';
import { type EtcdctlEnvironment, etcdctlEnvironment } from './etcdctl-environment.ts';
import { REPEATABLE } from './flags.ts';

const group = 'CLUSTER';
const MAX_PEM_BYTES = 1024 * 1024;

/** How a running cluster is named: the same for every command that speaks to one. */
export const liveFlags = {
  endpoint: Flags.string({ ...REPEATABLE, helpGroup: group, helpValue: '<host:port>', summary: 'A member to ask, or several: repeated or with commas; etcd also as a URL (also RAFT_INSPECTOR_ENDPOINTS, ETCDCTL_ENDPOINTS)' }),
  lab: Flags.string({ helpGroup: group, helpValue: '<dir>', summary: 'A practice cluster: stands for endpoints and certificates' }),
  'cluster-kind': Flags.string({ helpGroup: group, options: [...CLUSTER_KINDS], helpValue: CLUSTER_KINDS.join('|'), summary: 'What runs there (default: asked for)' }),
  cacert: Flags.string({ helpGroup: group, helpValue: '<file>', summary: "Certificate of the authority that signed the members' certificates" }),
  cert: Flags.string({ helpGroup: group, helpValue: '<file>', summary: 'Certificate to show' }),
  key: Flags.string({ helpGroup: group, helpValue: '<file>', summary: 'Its private key' }),
  'token-file': Flags.string({ helpGroup: group, helpValue: '<file>', summary: 'File that holds an access token, for kinds that use one' }),
};

export interface LiveFlagValues {
  endpoint?: string[] | undefined;
  lab?: string | undefined;
  'cluster-kind'?: string | undefined;
  cacert?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  'token-file'?: string | undefined;
}

/** A cluster that was opened, and what the command line said of it. */
export interface OpenedCluster {
  readonly cluster: LiveCluster;
  readonly isLab: boolean;
  /** The same flags as words, for the commands to type next; places of keys, never what they hold. */
  readonly words: readonly string[];
}

/**
 * Opens what the flags name. Nothing is asked of it yet, but what it is, where no flag says so.
 * @throws {UsageError} When nothing is named, or flags exclude each other.
 */
export async function openCluster(flags: LiveFlagValues, env: NodeJS.ProcessEnv = process.env): Promise<OpenedCluster> {
  const { kind, connection } = await connectionFrom(flags, env);
  return { cluster: await openLiveCluster(kind, connection), isLab: flags.lab !== undefined, words: liveWords(flags) };
}

/** The flags as connection, and what runs there: from the flags, from whose variables were used, or by asking. */
export async function connectionFrom(flags: LiveFlagValues, env: NodeJS.ProcessEnv): Promise<{ kind: ClusterKind; connection: Connection }> {
  if (flags['token-file'] !== undefined) throw new UsageError('--token-file is not used: native clusters know their clients by certificate, etcd by certificate or user', 'Leave it out, and give --cacert, --cert and --key');
  const named = (['endpoint', 'cacert', 'cert', 'key'] as const).filter((name) => flags[name] !== undefined);
  if (flags.lab !== undefined) {
    if (named.length > 0) throw new UsageError(`--lab stands for endpoints and certificates: leave out ${named.map((name) => `--${name}`).join(', ')}`, 'Give one or the other');
    if (flags['cluster-kind'] !== undefined && flags['cluster-kind'] !== 'native') throw new UsageError(`a practice cluster is no ${flags['cluster-kind']} cluster`, 'Leave out --cluster-kind');
    const { readLab } = await import('../engine/lab/lab-file.ts');
    const lab = readLab(flags.lab);
    return { kind: 'native', connection: { endpoints: lab.endpoints, clusterId: lab.clusterId, tls: lab.tls } };
  }
  const asked = flags['cluster-kind'] as ClusterKind | undefined;
  const etcdctl = etcdctlEnvironment(env);
  const own = endpointsIn(flags.endpoint ?? [env['RAFT_INSPECTOR_ENDPOINTS'] ?? '']);
  const theirs = own.length > 0 || asked === 'native' ? [] : endpointsIn([etcdctl.endpoints ?? '']);
  const endpoints = [...new Set([...own, ...theirs])];
  if (endpoints.length === 0) throw new UsageError('no cluster was named', 'Give --endpoint <host:port> (or RAFT_INSPECTOR_ENDPOINTS, ETCDCTL_ENDPOINTS), or --lab <dir> for a practice cluster');
  for (const endpoint of endpoints) checkEndpoint(endpoint);
  if (asked === 'native') refuseHalfSet(flags);
  const native: Connection = { endpoints, clusterId: null, tls: tlsFrom(flags, null) };
  const etcd = (): Connection => ({ endpoints, clusterId: null, tls: tlsFrom(flags, etcdctl), user: etcdctl.user });
  const kind = asked ?? (theirs.length > 0 ? 'etcd' : await detect(etcdctl.cacert === null ? native : etcd()));
  return { kind, connection: kind === 'etcd' ? etcd() : native };
}

/** Before the files are read: members and clients of our own engine show each other certificates, or neither does. */
function refuseHalfSet(flags: LiveFlagValues): void {
  const missing = (['cacert', 'cert', 'key'] as const).filter((name) => flags[name] === undefined);
  if (missing.length === 0 || missing.length === 3) return;
  throw new UsageError(`${missing.map((name) => `--${name}`).join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing: members and clients show each other certificates`, 'Give all three: --cacert, --cert, --key');
}

/** Where nobody answers, the calls that follow say so. */
async function detect(connection: Connection): Promise<ClusterKind> {
  const { detectKind } = await import('../engine/live/detect.ts');
  return (await detectKind(connection)) ?? 'native';
}

function endpointsIn(words: readonly string[]): string[] {
  return words.flatMap((one) => one.split(',')).map((one) => one.trim()).filter((one) => one !== '');
}

/** The endpoints that the flags or their variables name, for screens; empty for a practice cluster. */
export function connectionEndpoints(flags: LiveFlagValues, env: NodeJS.ProcessEnv = process.env): string[] {
  if (flags.lab !== undefined) return [];
  const own = endpointsIn(flags.endpoint ?? [env['RAFT_INSPECTOR_ENDPOINTS'] ?? '']);
  return own.length > 0 ? own : endpointsIn([etcdctlEnvironment(env).endpoints ?? '']);
}

/** The flags again, as they have to be typed in the next command. */
export function liveWords(flags: LiveFlagValues): string[] {
  const words: string[] = [];
  if (flags.lab !== undefined) words.push('--lab', flags.lab);
  for (const endpoint of flags.endpoint ?? []) words.push('--endpoint', endpoint);
  for (const name of ['cluster-kind', 'cacert', 'cert', 'key'] as const) {
    const value = flags[name];
    if (value !== undefined) words.push(`--${name}`, value);
  }
  return words;
}

function checkEndpoint(endpoint: string): void {
  const port = /^(?:https?:\/\/)?(?:\[[0-9A-Fa-f:.%]+\]|[^\s:/@[\]]+):(\d{1,5})\/?$/i.exec(endpoint)?.[1];
  if (port === undefined || Number(port) < 1 || Number(port) > 65_535) throw new UsageError(`"${endpoint}" is no endpoint`, 'Write host:port: 10.0.0.11:7001, or [::1]:7001; for etcd also https://10.0.0.11:2379');
}

function tlsFrom(flags: LiveFlagValues, fallback: EtcdctlEnvironment | null): Connection['tls'] {
  const cacert = flags.cacert ?? fallback?.cacert ?? null;
  const cert = flags.cert ?? fallback?.cert ?? null;
  const key = flags.key ?? fallback?.key ?? null;
  if (cacert === null && cert === null && key === null) return null;
  if ((cert === null) !== (key === null)) throw new UsageError(`${cert === null ? '--cert' : '--key'} is missing: a certificate and its private key belong together`, 'Give all three: --cacert, --cert, --key');
  const text = (file: string | null): string | null => (file === null ? null : readPem(file));
  return { ca: text(cacert), certificate: text(cert), key: text(key) };
}

function readPem(file: string): string {
  let text: string;
  try {
    if (fs.statSync(file).size > MAX_PEM_BYTES) throw new UnreadableError(file, `larger than ${MAX_PEM_BYTES} bytes`, 'Name a PEM file');
    text = fs.readFileSync(file, 'utf8');
  } catch (cause) {
    if (cause instanceof UnreadableError) throw cause;
    throw new UnreadableError(file, `cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'})`, 'Check the path and its permissions', { cause });
  }
  if (!text.includes('-----BEGIN ')) throw new UnreadableError(file, 'holds nothing in PEM form', 'Name a PEM file: it begins with -----BEGIN');
  return text;
}
