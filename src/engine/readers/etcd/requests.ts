import type { DecodedEntry, EntryDecoder } from '../../model/reading.ts';
import { ProtobufError, ProtobufReader, WIRE } from '../protobuf.ts';
import { isV2 } from './member-writes.ts';
import { decodeConfChange } from './raft-messages.ts';

/** A transaction may hold transactions; no client nests this deep. */
const MAX_DEPTH = 16;
const MAX_NESTED = 10_000;

/**
 * Turns an etcd payload into what an operator may see: operation, key, sizes. Values only in `value`, secrets (passwords, hashes,
 * tokens) nowhere.
 * @see etcd v3.6.14, api/etcdserverpb/raft_internal.proto and rpc.proto; v2 requests: api/etcdserverpb/etcdserver.proto
 */
export const decodeEtcdEntry: EntryDecoder = ({ kind, data }) => {
  try {
    if (kind === 'noop') return decoded('noop');
    if (kind === 'confChange') return decodeConf(data);
    return isV2(data, 0, data.length) ? decodeV2(data) : decodeV3(data);
  } catch (error) {
    if (error instanceof ProtobufError) return { ...decoded('undecodable', null, error.message), undecodable: true };
    throw error;
  }
};

function decoded(op: string, key: string | null = null, detail = ''): DecodedEntry {
  return { op, key, valueBytes: null, detail };
}

function decodeConf(data: Uint8Array): DecodedEntry {
  const change = decodeConfChange(data);
  if (!change) return { ...decoded('conf-change', null, 'unknown kind of change'), undecodable: true };
  const ops = { 'add-voter': change.isPromote ? 'promote' : 'add voter', 'add-learner': 'add learner', remove: 'remove', update: 'update' };
  const detail = [change.name ?? '', ...change.peerUrls].filter((part) => part !== '').join(' ');
  return decoded(ops[change.type], change.id, detail);
}

/** A bare etcdserverpb.Request: member attributes and the cluster version up to 3.5, v2 user keys up to 3.4. */
function decodeV2(data: Uint8Array): DecodedEntry {
  const entry = decoded('v2 request');
  for (const reader = new ProtobufReader(data); reader.next(); ) {
    if (reader.field === 2) entry.op = `v2 ${reader.text}`;
    else if (reader.field === 3) entry.key = reader.text;
    else if (reader.field === 4 && reader.to > reader.from) withValue(entry, reader.bytes);
    else if (reader.field === 5 && reader.boolean) entry.detail = 'directory';
  }
  // The v2 auth store keeps password hashes below this path.
  if (entry.key?.startsWith('/2/')) delete entry.value;
  return entry;
}

type Decode = (message: ProtobufReader, depth: number) => DecodedEntry;

/** Operations of InternalRaftRequest by field number. Those not listed show their number and size. */
const OPERATIONS: Record<number, Decode> = {
  3: keyed('range'),
  4: decodePut,
  5: keyed('delete-range'),
  6: decodeTxn,
  7: counters('compaction', [[1, 'revision']]),
  8: (message) => {
    const fields = numbers(message);
    return decoded('lease-grant', null, `lease ${hexOf(fields, 2)}, ttl ${fields.get(1) ?? 0n} s`);
  },
  9: (message) => decoded('lease-revoke', null, `lease ${hexOf(numbers(message), 1)}`),
  10: decodeAlarm,
  11: (message) => decoded('lease-checkpoint', null, `${countOf(message, 1)} leases`),
  1000: plain('auth-enable'),
  1011: plain('auth-disable'),
  1012: named('authenticate'),
  1013: plain('auth-status'),
  1100: named('auth-user-add'),
  1101: named('auth-user-delete'),
  1102: named('auth-user-get'),
  1103: named('auth-user-change-password'),
  1104: named('auth-user-grant-role', 2),
  1105: named('auth-user-revoke-role', 2),
  1106: plain('auth-user-list'),
  1107: plain('auth-role-list'),
  1200: named('auth-role-add'),
  1201: named('auth-role-delete'),
  1202: named('auth-role-get'),
  1203: named('auth-role-grant-permission'),
  1204: named('auth-role-revoke-permission', 2),
  1300: named('cluster-version-set'),
  1301: decodeMemberAttributes,
  1302: (message) => decoded('downgrade-info-set', null, textOf(message, 2)),
  9900: named('downgrade-version-test'),
};

function decodeV3(data: Uint8Array): DecodedEntry {
  let entry: DecodedEntry | null = null;
  const unknown: string[] = [];
  let user = '';
  for (const reader = new ProtobufReader(data); reader.next(); ) {
    if (reader.field === 1) continue; // request id
    if (reader.wire !== WIRE.bytes) throw new ProtobufError(`field ${reader.field} has wire type ${reader.wire}`);
    if (reader.field === 100) user = textOf(reader.message, 2);
    else if (reader.field === 2) entry ??= decodeV2(reader.bytes);
    else {
      const decode = OPERATIONS[reader.field];
      if (decode) entry ??= decode(reader.message, 0);
      else unknown.push(`field ${reader.field}, ${reader.to - reader.from} bytes`);
    }
  }
  if (!entry) return { ...decoded('unknown', null, unknown.join('; ') || 'no operation'), undecodable: true };
  const detail = [entry.detail, user && `user ${user}`, ...unknown].filter((part) => part !== '').join(', ');
  return { ...entry, detail };
}

function decodePut(message: ProtobufReader): DecodedEntry {
  const entry = { ...decoded('put'), valueBytes: 0 };
  for (; message.next(); ) {
    if (message.field === 1) entry.key = message.text;
    else if (message.field === 2) withValue(entry, message.bytes);
    else if (message.field === 3 && message.bigint !== 0n) entry.detail = `lease ${message.hex}`;
  }
  entry.key ??= '';
  return entry;
}

/** Messages of the shape {1 L key, 2 L range_end}. */
function keyed(op: string): Decode {
  return (message) => {
    const entry = decoded(op, '');
    for (; message.next(); ) {
      if (message.field === 1) entry.key = message.text;
      else if (message.field === 2 && message.to > message.from) entry.detail = rangeDetail(message.bytes);
    }
    return entry;
  };
}

function rangeDetail(end: Uint8Array): string {
  return end.length === 1 && end[0] === 0 ? 'and all keys behind it' : `up to ${Buffer.from(end).toString('utf8')}`;
}

/** TxnRequest {1* compare, 2* success, 3* failure}; a RequestOp is one of 1 range, 2 put, 3 delete_range, 4 txn. */
function decodeTxn(message: ProtobufReader, depth: number): DecodedEntry {
  if (depth >= MAX_DEPTH) throw new ProtobufError('transactions are nested too deep');
  let compares = 0;
  const nested: DecodedEntry[] = [];
  const counts = [0, 0];
  for (; message.next(); ) {
    if (message.field === 1) compares++;
    if (message.field !== 2 && message.field !== 3) continue;
    counts[message.field - 2] = (counts[message.field - 2] ?? 0) + 1;
    if (nested.length >= MAX_NESTED) continue;
    const op = decodeRequestOp(message.message, depth);
    nested.push(message.field === 3 ? { ...op, detail: `${op.detail === '' ? '' : `${op.detail}, `}else` } : op);
  }
  return { ...decoded('txn', null, `${compares} compares, ${counts[0]} + ${counts[1]} ops`), nested };
}

function decodeRequestOp(message: ProtobufReader, depth: number): DecodedEntry {
  while (message.next()) {
    if (message.field === 1) return keyed('range')(message.message, depth);
    if (message.field === 2) return decodePut(message.message);
    if (message.field === 3) return keyed('delete-range')(message.message, depth);
    if (message.field === 4) return decodeTxn(message.message, depth + 1);
  }
  return decoded('empty');
}

function decodeAlarm(message: ProtobufReader): DecodedEntry {
  const fields = numbers(message);
  const action = ['get', 'activate', 'deactivate'][Number(fields.get(1) ?? 0n)] ?? 'unknown action';
  const alarm = ['none', 'NOSPACE', 'CORRUPT'][Number(fields.get(3) ?? 0n)] ?? 'unknown alarm';
  return decoded('alarm', null, `${action} ${alarm}, member ${hexOf(fields, 2)}`);
}

function decodeMemberAttributes(message: ProtobufReader): DecodedEntry {
  const entry = decoded('cluster-member-attr-set');
  for (; message.next(); ) {
    if (message.field === 1) entry.key = message.hex;
    else if (message.field === 2) entry.detail = textOf(message.message, 1);
  }
  return entry;
}

function plain(op: string): Decode {
  return () => decoded(op);
}

/** The name in field 1 and, where asked for, one more harmless text; passwords and tokens lie in the other fields. */
function named(op: string, second?: number): Decode {
  return (message) => {
    const entry = decoded(op, '');
    for (; message.next(); ) {
      if (message.field === 1) entry.key = message.text;
      else if (message.field === second) entry.detail = message.text;
    }
    return entry;
  };
}

function counters(op: string, shown: [number, string][]): Decode {
  return (message) => {
    const fields = numbers(message);
    return decoded(op, null, shown.map(([field, name]) => `${name} ${fields.get(field) ?? 0n}`).join(', '));
  };
}

function numbers(message: ProtobufReader): Map<number, bigint> {
  const fields = new Map<number, bigint>();
  while (message.next()) if (message.wire === WIRE.varint) fields.set(message.field, message.bigint);
  return fields;
}

function hexOf(fields: Map<number, bigint>, field: number): string {
  return (fields.get(field) ?? 0n).toString(16);
}

function countOf(message: ProtobufReader, field: number): number {
  let count = 0;
  while (message.next()) if (message.field === field) count++;
  return count;
}

function textOf(message: ProtobufReader, field: number): string {
  while (message.next()) if (message.field === field && message.wire === WIRE.bytes) return message.text;
  return '';
}

function withValue(entry: DecodedEntry, value: Uint8Array): void {
  entry.valueBytes = value.length;
  entry.value = value;
}
