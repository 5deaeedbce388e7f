import type { Entry } from '../core/entry.ts';
import type { EntryKind } from '../core/types.ts';
import { CHAIN_BYTES, chainHash } from './chain-hash.ts';
import { readCounter, writeCounter } from './counter.ts';
import { crc32c } from './crc32c.ts';
import { decoded, undecodable, type Decoded } from './decoded.ts';

/** Largest payload of an entry, in bytes. */
export const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;
/** Bytes of the fields before the payload. */
export const ENTRY_FIELD_BYTES = 32;
/** What an entry takes beside its payload. */
export const ENTRY_OVERHEAD_BYTES = ENTRY_FIELD_BYTES + CHAIN_BYTES + 4;

const KINDS: readonly EntryKind[] = ['command', 'noop', 'confChange'];

/** An entry as it lies in the store, with its place in the chain. */
export interface ChainedEntry {
  readonly entry: Entry;
  readonly chainHash: Uint8Array;
}

/** An entry and where it ends in what was read. */
export interface PlacedEntry extends ChainedEntry {
  readonly end: number;
}

/**
 * Writes an entry at `offset` and gives its chain hash. The caller made room for `ENTRY_OVERHEAD_BYTES` and the payload.
 *
 * ```text
 *  0       8      16     17          20          28         32           32+n         48+n     52+n
 *  | index | term | kind | reserved  | wall clock| length n | payload    | chain hash | crc32c |
 *  |  u64  | u64  |  u8  | 3 x 0     | u64, ms   |   u32    | n bytes    | 16 bytes   |  u32   |
 * ```
 *
 * Kinds: 0 command, 1 no-op, 2 membership change. The checksum covers everything before it. The reserved bytes are the place of
 * flags (a session, compression); a reader of version 1 takes anything but zeros there for invalid.
 */
export function encodeEntry(target: Buffer, offset: number, entry: Entry, previousChain: Uint8Array): Buffer {
  const length = entry.payload.length;
  if (length > MAX_PAYLOAD_BYTES) throw new RangeError(`entry ${entry.index} has a payload of ${length} bytes, limit ${MAX_PAYLOAD_BYTES}`);
  const payloadAt = offset + ENTRY_FIELD_BYTES;
  writeCounter(target, offset, entry.index, 'index');
  writeCounter(target, offset + 8, entry.term, 'term');
  target.writeUInt32BE(KINDS.indexOf(entry.kind) * 0x100_0000, offset + 16);
  writeCounter(target, offset + 20, entry.wallClockMs, 'wall clock');
  target.writeUInt32BE(length, offset + 28);
  target.set(entry.payload, payloadAt);
  const hash = chainHash(previousChain, target.subarray(offset, payloadAt), entry.payload);
  target.set(hash, payloadAt + length);
  const end = payloadAt + length + CHAIN_BYTES;
  target.writeUInt32BE(crc32c(target.subarray(offset, end)), end);
  return hash;
}

/** The entry at `offset`. The payload is a view of `source`. Does not compute the chain: it needs the entry before. */
export function decodeEntry(source: Buffer, offset: number): Decoded<PlacedEntry> {
  if (source.length - offset < ENTRY_OVERHEAD_BYTES) return undecodable('record-damaged', `an entry is cut at byte ${offset}`);
  const length = source.readUInt32BE(offset + 28);
  const end = offset + ENTRY_OVERHEAD_BYTES + length;
  if (length > MAX_PAYLOAD_BYTES || end > source.length) return undecodable('record-damaged', `the entry at byte ${offset} says ${length} bytes of payload, ${source.length - offset - ENTRY_OVERHEAD_BYTES} are there`);
  if (source.readUInt32BE(end - 4) !== crc32c(source.subarray(offset, end - 4))) return undecodable('record-damaged', `the checksum of the entry at byte ${offset} does not hold`);
  const index = readCounter(source, offset);
  const term = readCounter(source, offset + 8);
  const wallClockMs = readCounter(source, offset + 20);
  const kind = KINDS[source.readUInt8(offset + 16)];
  if (index === null || term === null || wallClockMs === null || index === 0) return undecodable('record-invalid', `the entry at byte ${offset} has an impossible index, term or time`);
  if (kind === undefined || source.readUIntBE(offset + 17, 3) !== 0) return undecodable('record-invalid', `entry ${index} has an unknown kind or flags`);
  const payloadAt = offset + ENTRY_FIELD_BYTES;
  return decoded({
    entry: { index, term, kind, wallClockMs, payload: source.subarray(payloadAt, payloadAt + length) },
    chainHash: source.subarray(payloadAt + length, payloadAt + length + CHAIN_BYTES),
    end,
  });
}

/** The chain hash that an entry must have behind `previousChain`. */
export function expectedChain(entry: Entry, previousChain: Uint8Array): Buffer {
  const fields = Buffer.allocUnsafe(ENTRY_FIELD_BYTES);
  writeCounter(fields, 0, entry.index, 'index');
  writeCounter(fields, 8, entry.term, 'term');
  fields.writeUInt32BE(KINDS.indexOf(entry.kind) * 0x100_0000, 16);
  writeCounter(fields, 20, entry.wallClockMs, 'wall clock');
  fields.writeUInt32BE(entry.payload.length, 28);
  return chainHash(previousChain, fields, entry.payload);
}
