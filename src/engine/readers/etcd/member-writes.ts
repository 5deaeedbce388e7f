import type { MemberId } from '../../core/types.ts';
import { ProtobufError, ProtobufReader, WIRE } from '../protobuf.ts';
import { memberFacts, parseJson } from './raft-messages.ts';

/** A log entry that changes what is known of the members or the cluster, besides configuration changes. */
export type MemberWrite =
  | { type: 'attributes'; id: MemberId; name: string | null; clientUrls: string[] }
  | { type: 'version'; version: string };

const MEMBER_ATTRIBUTES = /^\/0\/members\/([0-9a-f]{1,16})\/attributes$/;
/** Tags of put, delete_range, txn, compaction, lease_grant, lease_revoke: the first byte of nearly every entry. */
const KEYSPACE_TAGS = new Set([0x22, 0x2a, 0x32, 0x3a, 0x42, 0x4a]);
const REVISION_TAGS = new Set([0x22, 0x2a, 0x32, 0x4a]);

/** Whether applying the entry can make a revision: put, delete_range, txn, or a lease_revoke, which deletes the lease's keys. */
export function makesRevision(buffer: Uint8Array, from: number, to: number): boolean {
  if (to <= from) return false;
  const first = buffer[from] as number;
  if (REVISION_TAGS.has(first)) return true;
  if (first !== 0x08 && first !== 0xa2) return false;
  try {
    // Other encoders may put the header or a request id first.
    for (const reader = new ProtobufReader(buffer, from, to); reader.next(); ) {
      if (reader.wire === WIRE.bytes && [4, 5, 6, 9].includes(reader.field)) return !isV2(buffer, from, to);
    }
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
  }
  return false;
}

/**
 * Reads a member's own name and addresses or the cluster version out of an entry: before 3.6 as a v2 request, since then as
 * fields 1300 and 1301 of InternalRaftRequest. Null for all other entries, decided by the first byte in nearly all cases.
 */
export function readMemberWrite(buffer: Uint8Array, from: number, to: number): MemberWrite | null {
  if (to <= from || KEYSPACE_TAGS.has(buffer[from] as number)) return null;
  try {
    return isV2(buffer, from, to) ? fromV2(buffer, from, to) : fromV3(buffer, from, to);
  } catch (error) {
    if (error instanceof ProtobufError) return null;
    throw error;
  }
}

const V2_METHODS = new Set(['GET', 'PUT', 'POST', 'DELETE', 'QGET', 'SYNC', 'HEAD']);

/**
 * Whether the payload is a bare etcdserverpb.Request of the v2 API: field 2 is then a method in plain letters; in an
 * InternalRaftRequest it is an embedded message.
 */
export function isV2(buffer: Uint8Array, from: number, to: number): boolean {
  let method = '';
  let path = '/';
  try {
    for (const reader = new ProtobufReader(buffer, from, to); reader.next() && reader.field <= 3; ) {
      if (reader.wire !== WIRE.bytes) continue;
      if (reader.field === 2 && reader.to - reader.from <= 6) method = reader.text;
      if (reader.field === 3 && reader.to > reader.from) path = String.fromCharCode(buffer[reader.from] as number);
    }
  } catch (error) {
    if (error instanceof ProtobufError) return false;
    throw error;
  }
  return V2_METHODS.has(method) && path === '/';
}

function fromV2(buffer: Uint8Array, from: number, to: number): MemberWrite | null {
  let [method, path, value] = ['', '', ''];
  for (const reader = new ProtobufReader(buffer, from, to); reader.next(); ) {
    if (reader.field === 2) method = reader.text;
    else if (reader.field === 3) path = reader.text;
    else if (reader.field === 4) value = reader.text;
  }
  if (method !== 'PUT') return null;
  if (path === '/0/version') return { type: 'version', version: value };
  const id = MEMBER_ATTRIBUTES.exec(path)?.[1];
  if (id === undefined) return null;
  const { name, clientUrls } = memberFacts(parseJson(value));
  return { type: 'attributes', id, name, clientUrls };
}

function fromV3(buffer: Uint8Array, from: number, to: number): MemberWrite | null {
  for (const reader = new ProtobufReader(buffer, from, to); reader.next(); ) {
    if (reader.field === 1300) {
      for (const inner = reader.message; inner.next(); ) if (inner.field === 1) return { type: 'version', version: inner.text };
    }
    if (reader.field === 1301) return attributesFrom(reader.message);
  }
  return null;
}

function attributesFrom(reader: ProtobufReader): MemberWrite {
  const write = { type: 'attributes' as const, id: '0', name: null as string | null, clientUrls: [] as string[] };
  while (reader.next()) {
    if (reader.field === 1) write.id = reader.hex;
    if (reader.field !== 2) continue;
    for (const inner = reader.message; inner.next(); ) {
      if (inner.field === 1) write.name = inner.text === '' ? null : inner.text;
      else if (inner.field === 2) write.clientUrls.push(inner.text);
    }
  }
  return write;
}
