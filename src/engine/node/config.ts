import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { load } from 'js-yaml';
import type { z } from 'zod';
import { CALM, FAST, type Settings, TICK_MS } from '../core/settings.ts';
import { ConfigError } from './config-error.ts';
import { nodeConfigSchema, type RawNodeConfig } from './config-schema.ts';

const MAX_FILE_BYTES = 1024 * 1024;

/** A member as the configuration of a new cluster lists it. */
export interface InitialMember {
  readonly id: string;
  readonly name: string;
  readonly address: string;
}

/** What a member runs with: the file, with defaults filled in, paths made absolute and names resolved. */
export interface NodeConfig {
  readonly file: string;
  readonly clusterId: string;
  /** Null: whatever the data directory says; 1 where one is made. */
  readonly generation: number | null;
  readonly member: { readonly id: string; readonly name: string };
  readonly dataDir: string;
  readonly listen: string;
  readonly advertise: string;
  /** Empty for a member that joins or was recovered. */
  readonly initialMembers: readonly InitialMember[];
  /** PEM files; null with `insecureLoopback`. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | null;
  readonly settings: Settings;
  readonly machine: 'kv';
  readonly snapshot: { readonly entries: number; readonly bytes: number };
  readonly limits: { readonly maxCommandBytes: number; readonly compactionMargin: number };
  readonly ballastBytes: number;
  readonly isLab: boolean;
}

/**
 * Reads and checks a member's YAML (or JSON) configuration. Relative paths in it are meant from the file's own directory.
 * @throws {ConfigError} With the file, the place in it, the reason and what to do.
 */
export function readNodeConfig(file: string, hostname = os.hostname()): NodeConfig {
  return parseNodeConfig(path.resolve(file), readText(file), hostname);
}

/** The same from text. `file` is for messages and relative paths. */
export function parseNodeConfig(file: string, text: string, hostname = os.hostname()): NodeConfig {
  const parsed = nodeConfigSchema.safeParse(parseYaml(file, text));
  if (!parsed.success) throw toConfigError(file, parsed.error.issues);
  const raw = parsed.data;
  const initialMembers = toInitialMembers(raw);
  checkUnique(file, initialMembers);
  const member = toMember(file, raw, initialMembers, hostname);
  const listed = initialMembers.find((one) => one.id === member.id);
  if (raw.initialMembers !== undefined && listed === undefined) {
    throw new ConfigError(file, 'member.id', `${member.id} is not among initialMembers (${initialMembers.map(({ id }) => id).join(', ')})`, 'List it there, or set join: true for a member that is added to a running cluster');
  }
  const advertise = raw.advertise ?? listed?.address ?? raw.listen;
  if (listed !== undefined && listed.address !== advertise) {
    throw new ConfigError(file, 'advertise', `${advertise} differs from the address of ${member.id} in initialMembers, ${listed.address}`, 'Give both the same address: the other members dial the one of initialMembers');
  }
  if (/^(0\.0\.0\.0|\[::\]):/.test(advertise)) {
    throw new ConfigError(file, 'advertise', `nobody can dial ${advertise}`, 'Name the address by which the other members and clients reach this one: advertise: host:port');
  }
  const from = path.dirname(file);
  return {
    file,
    clusterId: raw.clusterId,
    generation: raw.generation ?? null,
    member,
    dataDir: path.resolve(from, raw.dataDir),
    listen: raw.listen,
    advertise,
    initialMembers,
    tls: raw.tls === undefined ? null : { ca: path.resolve(from, raw.tls.ca), cert: path.resolve(from, raw.tls.cert), key: path.resolve(from, raw.tls.key) },
    settings: toSettings(raw),
    machine: raw.machine,
    snapshot: raw.snapshot,
    limits: raw.limits,
    ballastBytes: raw.ballastBytes,
    isLab: raw.lab !== undefined,
  };
}

function toSettings({ timing, limits }: RawNodeConfig): Settings {
  const own = { maxUncommittedBytes: limits.maxUncommittedBytes, maxPendingReads: limits.maxPendingReads };
  if (typeof timing === 'string') return { ...(timing === 'fast' ? FAST : CALM), ...own };
  return { ...FAST, ...own, heartbeatTicks: timing.heartbeatMs / TICK_MS, electionMinTicks: timing.electionMinMs / TICK_MS, electionMaxTicks: timing.electionMaxMs / TICK_MS };
}

function toInitialMembers({ initialMembers }: RawNodeConfig): InitialMember[] {
  if (initialMembers === undefined) return [];
  if (Array.isArray(initialMembers)) return initialMembers.map(({ id, name, address }) => ({ id, name: name ?? id, address }));
  const { service, name, port, replicas } = initialMembers.dns;
  return Array.from({ length: replicas }, (_, at) => ({ id: `${name}-${at}`, name: `${name}-${at}`, address: `${name}-${at}.${service}:${port}` }));
}

function toMember(file: string, raw: RawNodeConfig, initial: readonly InitialMember[], hostname: string): { id: string; name: string } {
  if (raw.member !== 'hostname') return { id: raw.member.id, name: raw.member.name ?? initial.find((one) => raw.member !== 'hostname' && one.id === raw.member.id)?.name ?? raw.member.id };
  const id = hostname.split('.')[0] ?? '';
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(id)) return { id, name: id };
  throw new ConfigError(file, 'member', `the host name "${hostname}" is no member id`, 'Name the member: member: {id: n1}');
}

function checkUnique(file: string, members: readonly InitialMember[]): void {
  for (const key of ['id', 'address'] as const) {
    const seen = new Set<string>();
    members.forEach((one, at) => {
      if (seen.has(one[key])) throw new ConfigError(file, `initialMembers.${at}.${key}`, `${one[key]} is listed twice`, 'Every member has an id and an address of its own');
      seen.add(one[key]);
    });
  }
}

function readText(file: string): string {
  try {
    const { size } = fs.statSync(file);
    if (size <= MAX_FILE_BYTES) return fs.readFileSync(file, 'utf8');
    throw new ConfigError(file, '', `${size} bytes, limit ${MAX_FILE_BYTES}`, 'This is not the configuration of a member');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(file, '', `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`, 'Name the configuration of a member: --config <file.yaml>', { cause: error });
  }
}

function parseYaml(file: string, text: string): unknown {
  try {
    return load(text, { filename: file });
  } catch (error) {
    const mark = (error as { mark?: { line?: number; column?: number } }).mark;
    const place = mark?.line === undefined ? '' : `line ${mark.line + 1}, column ${(mark.column ?? 0) + 1}`;
    throw new ConfigError(file, place, `is not YAML: ${(error as { reason?: string }).reason ?? (error as Error).message}`, 'Correct the line', { cause: error });
  }
}

/** The first thing wrong; of a union the alternative that came furthest. */
function toConfigError(file: string, issues: readonly z.core.$ZodIssue[]): ConfigError {
  const [issue] = issues;
  if (issue === undefined) return new ConfigError(file, '', 'is not a configuration', 'See: raft-inspector node init --help');
  if (issue.code === 'invalid_union') {
    const nested = issue.errors.map((one) => one.map((deep) => ({ ...deep, path: [...issue.path, ...deep.path] }))).sort((a, b) => depth(b) - depth(a));
    if (nested[0] !== undefined && depth(nested[0]) > issue.path.length) return toConfigError(file, nested[0] as z.core.$ZodIssue[]);
  }
  const place = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return new ConfigError(file, place, `unknown ${issue.keys.length > 1 ? 'keys' : 'key'} ${issue.keys.join(', ')}`, 'Correct the spelling, or remove it: an unknown key is never ignored');
  }
  return new ConfigError(file, place, issue.message, HINTS[place] ?? 'Correct it; raft-inspector node init --help shows a whole configuration');
}

function depth(issues: readonly { path: readonly PropertyKey[] }[]): number {
  return Math.max(0, ...issues.map((one) => one.path.length));
}

const HINTS: Readonly<Record<string, string>> = {
  tls: 'Members speak mutual TLS: tls: {ca: ca.crt, cert: member.crt, key: member.key}. For a trial on this machine alone: insecureLoopback: true',
  initialMembers: 'In the first generation: list every first member the same way in each file, or set join: true for a member that is added later',
  'timing.electionMinMs': 'The paper asks that heartbeats come several times in an election timeout: heartbeat * 3 <= min, min * 2 <= max',
  'timing.electionMaxMs': 'Timeouts need room to differ, or elections collide: heartbeat * 3 <= min, min * 2 <= max',
};
