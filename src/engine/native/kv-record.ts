import { createHash } from 'node:crypto';
import { ByteBuilder, ByteCursor } from './byte-cursor.ts';
import { crc32c } from './crc32c.ts';
import { KV_MAX_KEY_BYTES, KV_MAX_VALUE_BYTES, type KvFound } from './kv-command.ts';
import { StorageDamagedError } from '../ports/damage.ts';

/** Longest key that is its own place in the store: the environment takes keys of less than 2 KB. */
export const PLAIN_KEY_BYTES = 1024;
/** Longest place: that much of a key, and a sha256. */
export const MAX_PLACE_BYTES = PLAIN_KEY_BYTES + 32;

const VERSION = 1;
const PLAIN = 0; // id of the encryption key: none
const CRC_BYTES = 4;
const HEX_SHOWN = 64;

export interface KvRecord extends KvFound {
  readonly key: Uint8Array;
}

/**
 * Where a key lies in the store. A longer key gives its first 1,024 bytes and its sha256, so that keys stand in byte order, but for
 * long ones that agree in those bytes: they stand in the order of their digests, the same on every member.
 */
export function placeOf(key: Uint8Array): Uint8Array {
  if (key.length <= PLAIN_KEY_BYTES) return key;
  return new ByteBuilder().raw(key.subarray(0, PLAIN_KEY_BYTES)).raw(createHash('sha256').update(key).digest()).build();
}

/**
 * A pair as stored, big-endian:
 *
 *     u8 version 1, u8 encryption key 0, u64 revision
 *     u32 length, key      u32 length, value      u32 crc32c of all before it
 */
export function encodeRecord(record: KvRecord): Uint8Array {
  const body = new ByteBuilder().u8(VERSION).u8(PLAIN).u64(record.revision).bytes(record.key).bytes(record.value).build();
  return new ByteBuilder().raw(body).u32(crc32c(body)).build();
}

/** @throws {StorageDamagedError} `kv-record`, when the checksum or a length does not fit. */
export function decodeRecord(database: string, place: Uint8Array, bytes: Uint8Array): KvRecord {
  const where = `state/${database}, key ${hexOf(place)}`;
  try {
    if (bytes.length < CRC_BYTES) throw new RangeError(`${bytes.length} bytes`);
    const body = bytes.subarray(0, bytes.length - CRC_BYTES);
    const expected = new ByteCursor(bytes.subarray(body.length)).u32();
    if (crc32c(body) !== expected) throw new RangeError('checksum does not match');
    const from = new ByteCursor(body);
    const version = from.u8();
    const encryption = from.u8();
    if (version !== VERSION || encryption !== PLAIN) throw new RangeError(`version ${version}, encryption key ${encryption}`);
    const revision = from.u64();
    const key = from.bytes(KV_MAX_KEY_BYTES);
    const value = from.bytes(KV_MAX_VALUE_BYTES);
    from.end();
    return { key, value, revision };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new StorageDamagedError('kv-record', where, error.message, { cause: error });
  }
}

/** Orders byte strings as the store does. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && compareBytes(bytes.subarray(0, prefix.length), prefix) === 0;
}

/** The least byte string above all that start with `prefix`; undefined when there is none. */
export function afterPrefix(prefix: Uint8Array): Uint8Array | undefined {
  let end = prefix.length;
  while (end > 0 && prefix[end - 1] === 0xff) end--;
  if (end === 0) return undefined;
  const next = prefix.slice(0, end);
  next[end - 1] = (next[end - 1] ?? 0) + 1;
  return next;
}

function hexOf(bytes: Uint8Array): string {
  const hex = [...bytes.subarray(0, HEX_SHOWN / 2)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return bytes.length > HEX_SHOWN / 2 ? `${hex}…` : hex;
}
