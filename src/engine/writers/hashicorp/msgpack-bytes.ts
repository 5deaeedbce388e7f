import type { RaftServer } from '../../readers/hashicorp/configuration.ts';
import type { RaftLog } from '../../readers/hashicorp/raft-log.ts';
import { goBinaryTime, msgpackTimestamp } from './go-time-bytes.ts';

/**
 * How a store spells `AppendedAt` (hashicorp/raft from 1.3.0 on has it): not at all, as Go's own binary time, as a msgpack timestamp
 * without or with its extension header, or as nil. All members of a cluster must be able to decode it, so a new entry takes the
 * form of the entries beside it.
 */
export type AppendedAtForm = 'absent' | 'binary' | 'timestamp' | 'timestamp-ext' | 'nil';

const APPENDED_AT = raw('AppendedAt');
const FIVE_KEYS = 0x85;
const SIX_KEYS = 0x86;
const NIL = Buffer.of(0xc0);
const TIMESTAMP_64 = Buffer.of(0xd7, 0xff);

/** The form in a stored `logs` value. Keys are written in alphabetical order, so it is the first or it is not there. */
export function appendedAtForm(value: Uint8Array): AppendedAtForm {
  if (value[0] !== SIX_KEYS || Buffer.compare(value.subarray(1, 1 + APPENDED_AT.length), APPENDED_AT) !== 0) return 'absent';
  const tag = value[1 + APPENDED_AT.length] ?? 0;
  if (tag === 0xc0) return 'nil';
  if ((tag >= 0xd4 && tag <= 0xd8) || (tag >= 0xc7 && tag <= 0xc9)) return 'timestamp-ext';
  const isShort = tag === 0xa4 || tag === 0xa8 || tag === 0xac;
  return isShort ? 'timestamp' : 'binary';
}

/**
 * A `raft.Log` as raft-boltdb stores it: the old msgpack spec, where texts and bytes are both raw and no `str8` or `bin` is known;
 * keys in alphabetical order (readers/hashicorp/msgpack-log.ts).
 */
export function encodeMsgpackLog(log: Pick<RaftLog, 'index' | 'term' | 'type' | 'data'>, form: AppendedAtForm, unixMs: number): Buffer {
  const time = form === 'absent' ? [] : [APPENDED_AT, appendedAt(form, unixMs)];
  return Buffer.concat([
    Buffer.of(form === 'absent' ? FIVE_KEYS : SIX_KEYS),
    ...time,
    raw('Data'),
    raw(log.data),
    raw('Extensions'),
    NIL,
    raw('Index'),
    uint(log.index),
    raw('Term'),
    uint(log.term),
    raw('Type'),
    uint(log.type),
  ]);
}

function appendedAt(form: Exclude<AppendedAtForm, 'absent'>, unixMs: number): Buffer {
  switch (form) {
    case 'binary':
      return raw(goBinaryTime(unixMs));
    case 'timestamp':
      return raw(msgpackTimestamp(unixMs));
    case 'timestamp-ext':
      return Buffer.concat([TIMESTAMP_64, msgpackTimestamp(unixMs)]);
    case 'nil':
      return NIL;
  }
}

/** The data of a `LogConfiguration` entry (hashicorp/raft configuration.go `EncodeConfiguration`). */
export function encodeConfiguration(servers: readonly RaftServer[]): Buffer {
  const rows = servers.map(({ address, id, suffrage }) =>
    Buffer.concat([Buffer.of(0x83), raw('Address'), raw(address), raw('ID'), raw(id), raw('Suffrage'), uint(suffrage)]),
  );
  return Buffer.concat([Buffer.of(0x81), raw('Servers'), arrayHeader(servers.length), ...rows]);
}

/** The voters' addresses as `Peers` of meta.json has them (hashicorp/raft configuration.go `EncodePeers`). */
export function encodePeers(servers: readonly RaftServer[]): Buffer {
  const voters = servers.filter(({ suffrage }) => suffrage === 0);
  return Buffer.concat([arrayHeader(voters.length), ...voters.map(({ address }) => raw(address))]);
}

function arrayHeader(count: number): Buffer {
  if (count < 16) return Buffer.of(0x90 | count);
  const bytes = Buffer.alloc(3);
  bytes.writeUInt8(0xdc, 0);
  bytes.writeUInt16BE(count, 1);
  return bytes;
}

/** Raw of the old spec: fixraw below 32 bytes, then two or four bytes of length. */
function raw(value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  if (bytes.length < 32) return Buffer.concat([Buffer.of(0xa0 | bytes.length), bytes]);
  const header = Buffer.alloc(bytes.length < 0x1_0000 ? 3 : 5);
  if (header.length === 3) {
    header.writeUInt8(0xda, 0);
    header.writeUInt16BE(bytes.length, 1);
  } else {
    header.writeUInt8(0xdb, 0);
    header.writeUInt32BE(bytes.length, 1);
  }
  return Buffer.concat([header, bytes]);
}

/** The shortest unsigned form, which every version of go-msgpack reads into any integer field. */
function uint(value: number): Buffer {
  if (value < 0x80) return Buffer.of(value);
  const bytes = Buffer.alloc(9);
  if (value < 0x100) return Buffer.of(0xcc, value);
  if (value < 0x1_0000) {
    bytes.writeUInt8(0xcd, 0);
    bytes.writeUInt16BE(value, 1);
    return bytes.subarray(0, 3);
  }
  if (value < 0x1_0000_0000) {
    bytes.writeUInt8(0xce, 0);
    bytes.writeUInt32BE(value, 1);
    return bytes.subarray(0, 5);
  }
  bytes.writeUInt8(0xcf, 0);
  bytes.writeBigUInt64BE(BigInt(value), 1);
  return bytes;
}
