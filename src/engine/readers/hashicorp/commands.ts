import { decode } from '@msgpack/msgpack';
import type { DecodedEntry, EntryDecoder } from '../../model/reading.ts';
import { ProtobufError, ProtobufReader, WIRE } from '../protobuf.ts';
import { decodeServers, learnersOf, votersOf } from './configuration.ts';
import { consulTypeName, IGNORE_UNKNOWN_FLAG } from './consul-types.ts';

const MAX_NESTED = 128;

function plain(op: string, detail = ''): DecodedEntry {
  return { op, key: null, valueBytes: null, detail };
}

function undecodable(op: string, detail: string): DecodedEntry {
  return { ...plain(op, detail), undecodable: true };
}

/** Raft's own entries: configurations with their servers, barriers and no-ops; null for a command of the program. */
export function decodeOwnEntry(entry: { kind: string; data: Uint8Array }): DecodedEntry | null {
  if (entry.kind === 'command') return null;
  if (entry.kind !== 'confChange') return plain(entry.kind);
  const servers = decodeServers(entry.data);
  if (servers === null) return undecodable('configuration', 'not a configuration');
  const learners = learnersOf(servers);
  return plain('configuration', `voters ${votersOf(servers).join(' ')}${learners.length > 0 ? `, learners ${learners.join(' ')}` : ''}`);
}

/** For programs whose commands are not known: raft's own entries, and sizes of the rest. */
export const decodeRaftEntry: EntryDecoder = (entry) => decodeOwnEntry(entry) ?? { ...plain('command'), valueBytes: entry.bytes };

type Fields = Record<string, unknown>;

function fields(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array) ? (value as Fields) : null;
}

function text(value: unknown): string | null {
  if (value instanceof Uint8Array) return value.length > 0 ? Buffer.from(value).toString('utf8') : null;
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Consul: one type byte (0x80 = skip when unknown) and a msgpack map (consul agent/consul/fsm/commands_oss.go, 1.8.7). */
export const decodeConsulEntry: EntryDecoder = (entry) => {
  const own = decodeOwnEntry(entry);
  if (own !== null) return own;
  const first = entry.data[0];
  if (first === undefined) return undecodable('empty', 'no bytes');
  const type = first & ~IGNORE_UNKNOWN_FLAG;
  const name = consulTypeName(type);
  if (name === null) return undecodable(`unknown(${type})`, `message type ${type}`);
  const body = unpack(entry.data.subarray(1));
  // Batches and chunk states are not maps; large commands come in chunks whose first part alone has the type byte.
  if (body === undefined) return entry.extensions ? { ...plain(name, 'one chunk of a large command'), valueBytes: entry.bytes } : undecodable(name, 'broken msgpack');
  return consulBody(name, fields(body) ?? {}, entry.bytes);
};

function unpack(bytes: Uint8Array): unknown {
  try {
    return decode(bytes, { rawStrings: true, useBigInt64: true });
  } catch {
    return undefined; // broken bytes are told by the caller
  }
}

function consulBody(name: string, body: Fields, bytes: number): DecodedEntry {
  const op = text(body['Op']);
  switch (name) {
    case 'KVS':
      return kvs(op ?? '', body['DirEnt']);
    case 'Tombstone':
      return plain(op === null ? 'Tombstone' : `Tombstone ${op}`);
    case 'Txn':
      return transaction(body);
    case 'Session':
      return { ...plain(op === null ? 'Session' : `Session ${op}`), key: text(fields(body['Session'])?.['ID']) };
    case 'Register':
    case 'Deregister':
      return registration(name, body);
    default:
      return { ...plain(op === null ? name : `${name} ${op}`), valueBytes: bytes - 1 };
  }
}

function kvs(op: string, dirEnt: unknown): DecodedEntry {
  const entry = fields(dirEnt) ?? {};
  const value = entry['Value'];
  const bytes = value instanceof Uint8Array ? value : null;
  const session = text(entry['Session']);
  return {
    op: `KVS ${op}`.trim(),
    key: text(entry['Key']),
    valueBytes: bytes?.length ?? null,
    detail: session === null ? '' : `session ${session}`,
    ...(bytes === null ? {} : { value: bytes }),
  };
}

function transaction(body: Fields): DecodedEntry {
  const ops = Array.isArray(body['Ops']) ? (body['Ops'] as unknown[]) : [];
  const nested = ops.slice(0, MAX_NESTED).map((op) => nestedOperation(fields(op) ?? {}));
  return { ...plain('Txn', `${ops.length} ops`), nested };
}

function nestedOperation(op: Fields): DecodedEntry {
  const kv = fields(op['KV']);
  if (kv !== null) return kvs(text(kv['Verb']) ?? '', kv['DirEnt']);
  for (const kind of ['Node', 'Service', 'Check', 'Session', 'Intention']) {
    const part = fields(op[kind]);
    if (part !== null) return { ...plain(`${kind} ${text(part['Verb']) ?? text(part['Op']) ?? ''}`.trim()), key: nameIn(part[kind] ?? part) };
  }
  return plain('unknown');
}

function nameIn(value: unknown): string | null {
  const part = fields(value) ?? {};
  return text(part['ID']) ?? text(part['CheckID']) ?? text(part['Node']) ?? text(part['Name']);
}

function registration(name: string, body: Fields): DecodedEntry {
  const service = text(fields(body['Service'])?.['ID']) ?? text(body['ServiceID']);
  const check = text(fields(body['Check'])?.['CheckID']) ?? text(body['CheckID']);
  const detail = [service && `service ${service}`, check && `check ${check}`].filter(Boolean).join(', ');
  return { ...plain(name, detail), key: text(body['Node']) };
}

const SIDER_OPS = new Set(['register', 'deregister', 'heartbeat', 'renew_ttl', 'report_check']);

/** Sider-like registries: JSON `{op, data}` (registry/raftcmd.go). */
export const decodeSiderEntry: EntryDecoder = (entry) => {
  const own = decodeOwnEntry(entry);
  if (own !== null) return own;
  let envelope: Fields | null;
  try {
    envelope = fields(JSON.parse(Buffer.from(entry.data.buffer, entry.data.byteOffset, entry.data.byteLength).toString('utf8')));
  } catch {
    return undecodable('command', 'not JSON');
  }
  const op = text(envelope?.['op']);
  if (envelope === null || op === null) return undecodable('command', 'no op');
  const data = fields(envelope['data']) ?? {};
  const service = text(data['service']) ?? text(data['name']);
  const known = { op, key: text(data['id']), valueBytes: entry.bytes, detail: service === null ? '' : `service ${service}`, value: entry.data };
  return SIDER_OPS.has(op) ? known : { ...known, undecodable: true };
};

/** Nomad: as Consul, one type byte and msgpack; the commonest types by name (nomad/structs/structs.go, 1.x). */
const NOMAD_TYPES = (
  'NodeRegister NodeDeregister NodeUpdateStatus NodeUpdateDrain JobRegister JobDeregister EvalUpdate EvalDelete AllocUpdate AllocClientUpdate ' +
  'ReconcileJobSummaries VaultAccessorRegister VaultAccessorDeregister ApplyPlanResults DeploymentStatusUpdate DeploymentPromote ' +
  'DeploymentAllocHealth DeploymentDelete JobStability ACLPolicyUpsert ACLPolicyDelete ACLTokenUpsert ACLTokenDelete ACLTokenBootstrap'
).split(' ');

export const decodeNomadEntry: EntryDecoder = (entry) => {
  const own = decodeOwnEntry(entry);
  if (own !== null) return own;
  const type = (entry.data[0] ?? 0) & ~IGNORE_UNKNOWN_FLAG;
  const body = fields(unpack(entry.data.subarray(1)));
  const name = NOMAD_TYPES[type] ?? `type ${type}`;
  if (body === null) return undecodable(name, 'broken msgpack');
  const key = text(fields(body['Job'])?.['ID']) ?? text(body['JobID']) ?? text(fields(body['Node'])?.['ID']) ?? text(body['NodeID']);
  return { ...plain(name), key, valueBytes: entry.bytes - 1 };
};

const VAULT_OPS = new Map([
  [1, 'delete'],
  [2, 'put'],
  [4, 'restore callback'],
  [8, 'get'],
  [16, 'verifier checkpoint'],
]);

/** Vault: protobuf `LogData` {1 repeated LogOperation {1 op, 3 key, 4 value}}; values are sealed (physical/raft/types.proto). */
export const decodeVaultEntry: EntryDecoder = (entry) => {
  const own = decodeOwnEntry(entry);
  if (own !== null) return own;
  try {
    const nested: DecodedEntry[] = [];
    let count = 0;
    for (const reader = new ProtobufReader(entry.data); reader.next(); ) {
      if (reader.field !== 1 || reader.wire !== WIRE.bytes) continue;
      if (count++ < MAX_NESTED) nested.push(vaultOperation(entry.data.subarray(reader.from, reader.to)));
    }
    return nested.length === 1 ? (nested[0] as DecodedEntry) : { ...plain('batch', `${count} ops`), nested };
  } catch (error) {
    if (error instanceof ProtobufError) return undecodable('command', error.message);
    throw error;
  }
};

function vaultOperation(message: Uint8Array): DecodedEntry {
  const decoded = plain('unknown');
  for (const reader = new ProtobufReader(message); reader.next(); ) {
    if (reader.field === 1 && reader.wire === WIRE.varint) decoded.op = VAULT_OPS.get(reader.low) ?? `op ${reader.low}`;
    if (reader.wire !== WIRE.bytes) continue;
    if (reader.field === 3) decoded.key = Buffer.from(message.subarray(reader.from, reader.to)).toString('utf8');
    if (reader.field === 4) decoded.valueBytes = reader.to - reader.from;
  }
  return decoded;
}
