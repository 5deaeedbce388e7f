import { decode } from '@msgpack/msgpack';
import { z } from 'zod';
import type { LogIndex, Term } from '../../core/types.ts';
import type { ConfState, MemberInfo } from '../../model/member-report.ts';
import type { ConfigurationChange } from '../../model/reading.ts';

/** `raft.ServerSuffrage`: 0 Voter, 1 Nonvoter, 2 Staging (deprecated, never votes). */
export type Suffrage = 0 | 1 | 2;

export interface RaftServer {
  id: string;
  address: string;
  suffrage: Suffrage;
}

/** A configuration and where it stands. hashicorp/raft uses it from the moment it is appended (Ongaro thesis 4.1). */
export interface PlacedConfiguration {
  index: LogIndex;
  term: Term;
  source: 'log' | 'snapshot';
  servers: RaftServer[];
}

const MAX_SERVERS = 4096;
const MAX_BYTES = 1 << 20;

const rawText = z.instanceof(Uint8Array).transform((bytes) => Buffer.from(bytes).toString('utf8'));
const suffrage = z.union([z.literal(0), z.literal(1), z.literal(2)]);
const configurationSchema = z.object({
  Servers: z.array(z.object({ Suffrage: suffrage.optional().default(0), ID: rawText, Address: rawText })).max(MAX_SERVERS).nullable(),
});
const peersSchema = z.array(rawText).max(MAX_SERVERS);

/** The same in `meta.json`, where the texts are JSON strings. */
export const jsonConfigurationSchema = z.object({
  Servers: z.array(z.object({ Suffrage: suffrage.default(0), ID: z.string(), Address: z.string() })).max(MAX_SERVERS).nullish(),
});

/**
 * The servers of a `LogConfiguration` entry (msgpack map with `Servers`), or of a legacy peer entry (msgpack array of
 * addresses: every one a voter whose ID is its address; raft protocol 1, hashicorp/raft configuration.go `decodePeers`).
 * Null when the bytes are neither.
 */
export function decodeServers(data: Uint8Array): RaftServer[] | null {
  if (data.length === 0 || data.length > MAX_BYTES) return null;
  let value: unknown;
  try {
    value = decode(data, { rawStrings: true, useBigInt64: false });
  } catch {
    return null; // broken msgpack: the caller reports the entry
  }
  if (Array.isArray(value)) {
    const peers = peersSchema.safeParse(value);
    return peers.success ? peers.data.map((address) => ({ id: address, address, suffrage: 0 })) : null;
  }
  const configuration = configurationSchema.safeParse(value);
  return configuration.success ? toServers(configuration.data.Servers) : null;
}

export function toServers(servers: readonly { Suffrage: Suffrage; ID: string; Address: string }[] | null | undefined): RaftServer[] {
  return (servers ?? []).map((s) => ({ id: s.ID, address: s.Address, suffrage: s.Suffrage }));
}

export function votersOf(servers: readonly RaftServer[]): string[] {
  return servers.filter((s) => s.suffrage === 0).map((s) => s.id);
}

export function learnersOf(servers: readonly RaftServer[]): string[] {
  return servers.filter((s) => s.suffrage !== 0).map((s) => s.id);
}

/** Why raft would refuse the configuration (configuration.go `checkConfiguration`), null when it is sound. */
export function configurationProblem(servers: readonly RaftServer[]): string | null {
  if (servers.some((s) => s.id === '' || s.address === '')) return 'a server has no id or no address';
  if (new Set(servers.map((s) => s.id)).size < servers.length) return 'two servers share one id';
  if (new Set(servers.map((s) => s.address)).size < servers.length) return 'two servers share one address';
  return votersOf(servers).length === 0 ? 'it has no voter' : null;
}

export function toConfState(configuration: PlacedConfiguration, commitFloor: LogIndex): ConfState {
  const { servers, index } = configuration;
  const members = servers.map(
    (s): MemberInfo => ({ id: s.id, name: null, addresses: [s.address], role: s.suffrage === 0 ? 'voter' : 'learner' }),
  );
  return { voters: votersOf(servers), learners: learnersOf(servers), index, pending: index > commitFloor, members };
}

/** The history for people: each configuration with what it changed against the one before. */
export function toChanges(history: readonly PlacedConfiguration[]): ConfigurationChange[] {
  return history.map((now, at) => ({
    index: now.index,
    term: now.term,
    source: now.source,
    change: describeChange(history[at - 1]?.servers ?? null, now.servers),
    voters: votersOf(now.servers),
    learners: learnersOf(now.servers),
    effective: configurationProblem(now.servers) === null,
  }));
}

function describeChange(before: readonly RaftServer[] | null, after: readonly RaftServer[]): string {
  if (before === null) return `configuration of ${after.length}`;
  const old = new Map(before.map((s) => [s.id, s]));
  const words = after.flatMap((s) => serverChange(old.get(s.id), s));
  const kept = new Set(after.map((s) => s.id));
  for (const s of before) if (!kept.has(s.id)) words.push(`remove ${s.id}`);
  return words.length > 0 ? words.join(', ') : `same ${after.length} servers`;
}

function serverChange(before: RaftServer | undefined, now: RaftServer): string[] {
  const role = now.suffrage === 0 ? 'voter' : 'learner';
  if (before === undefined) return [`add ${role} ${now.id}`];
  const words: string[] = [];
  if ((before.suffrage === 0) !== (now.suffrage === 0)) words.push(`${now.suffrage === 0 ? 'promote' : 'demote'} ${now.id}`);
  if (before.address !== now.address) words.push(`move ${now.id} to ${now.address}`);
  return words;
}
