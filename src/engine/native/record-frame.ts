import { asBuffer } from './counter.ts';
import { crc32c } from './crc32c.ts';
import { decoded, undecodable, type Decoded } from './decoded.ts';

/** Version of the records this software writes. */
export const RECORD_VERSION = 1;
/** Key id of a record that is not encrypted. Others are reserved for encryption at rest. */
export const NO_KEY = 0;
/** Largest body of a record, in bytes: what a decoder believes at most. */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

const HEADER_BYTES = 8;
const CRC_BYTES = 4;
/** What a frame adds to its body. */
export const FRAME_BYTES = HEADER_BYTES + CRC_BYTES;

/** What a record is. Numbers are part of the format and are never used again for something else. */
export const RECORD_TYPE = {
  format: 1,
  identity: 2,
  hardState: 3,
  tail: 4,
  incarnation: 5,
  snapshots: 6,
  base: 7,
  batch: 8,
  chunk: 9,
  manifest: 10,
  // 11 to 31 are kept for the feature level, sessions and increments, 33 and above for what a recovery leaves behind.
  recoveries: 32,
} as const;

export type RecordType = keyof typeof RECORD_TYPE;

/**
 * Frames a record: every value in the store, every piece of a snapshot file. Numbers are big-endian.
 *
 * ```text
 *  0         1         2         4            8              8+n         12+n
 *  | version |  type   | key id  |  length n  | body         | crc32c    |
 *  |   u8    |   u8    |   u16   |    u32     | n bytes      | u32       |
 * ```
 *
 * The checksum covers everything before it. The first eight bytes and the place of the checksum are the same in every version, so
 * that damage is told from a record that is merely newer. With a key id the body is encrypted, and the checksum is over what lies
 * on the disk: it can be checked without the key.
 */
export function frameRecord(type: RecordType, body: Uint8Array): Buffer {
  if (body.length > MAX_BODY_BYTES) throw new RangeError(`record body of ${body.length} bytes, limit ${MAX_BODY_BYTES}`);
  const record = Buffer.allocUnsafe(FRAME_BYTES + body.length);
  record.set(body, HEADER_BYTES);
  return sealFrame(type, record);
}

/** Room for a record whose body the caller writes in place, from byte 8 on; then `sealFrame`. */
export function emptyFrame(bodyBytes: number): Buffer {
  if (bodyBytes > MAX_BODY_BYTES) throw new RangeError(`record body of ${bodyBytes} bytes, limit ${MAX_BODY_BYTES}`);
  return Buffer.allocUnsafe(FRAME_BYTES + bodyBytes);
}

/** Offset of the body in a frame, in bytes. */
export const BODY_OFFSET = HEADER_BYTES;

/** Writes header and checksum around a body that is in place. */
export function sealFrame(type: RecordType, record: Buffer): Buffer {
  const bodyBytes = record.length - FRAME_BYTES;
  record.writeUInt8(RECORD_VERSION, 0);
  record.writeUInt8(RECORD_TYPE[type], 1);
  record.writeUInt16BE(NO_KEY, 2);
  record.writeUInt32BE(bodyBytes, 4);
  record.writeUInt32BE(crc32c(record.subarray(0, HEADER_BYTES + bodyBytes)), HEADER_BYTES + bodyBytes);
  return record;
}

/** The body of a frame that is exactly `bytes`; a view, not a copy. */
export function unframeRecord(type: RecordType, bytes: Uint8Array): Decoded<Buffer> {
  const record = asBuffer(bytes);
  if (record.length < FRAME_BYTES) return undecodable('record-damaged', `${type} record of ${record.length} bytes is shorter than its frame`);
  const bodyBytes = record.readUInt32BE(4);
  if (bodyBytes !== record.length - FRAME_BYTES) return undecodable('record-damaged', `${type} record says ${bodyBytes} bytes and holds ${record.length - FRAME_BYTES}`);
  if (bodyBytes > MAX_BODY_BYTES) return undecodable('record-damaged', `${type} record of ${bodyBytes} bytes, limit ${MAX_BODY_BYTES}`);
  const end = HEADER_BYTES + bodyBytes;
  const stored = record.readUInt32BE(end);
  const computed = crc32c(record.subarray(0, end));
  if (stored !== computed) return undecodable('record-damaged', `${type} record has checksum ${hex(stored)}, its bytes give ${hex(computed)}`);
  const version = record.readUInt8(0);
  if (version > RECORD_VERSION) return undecodable('record-newer', `${type} record has version ${version}, this software reads up to ${RECORD_VERSION}`);
  if (version === 0) return undecodable('record-invalid', `${type} record has version 0`);
  if (record.readUInt8(1) !== RECORD_TYPE[type]) return undecodable('record-invalid', `a record of type ${record.readUInt8(1)} lies where a ${type} record (type ${RECORD_TYPE[type]}) belongs`);
  const keyId = record.readUInt16BE(2);
  if (keyId !== NO_KEY) return undecodable('record-encrypted', `${type} record is encrypted with key ${keyId}`);
  return decoded(record.subarray(HEADER_BYTES, end));
}

/** Length of the whole frame whose first eight bytes are given; null when they promise more than `maxBodyBytes`. */
export function frameLength(header: Uint8Array, maxBodyBytes: number): number | null {
  if (header.length < HEADER_BYTES) return null;
  const bodyBytes = asBuffer(header).readUInt32BE(4);
  return bodyBytes > maxBodyBytes ? null : FRAME_BYTES + bodyBytes;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
