import type { HardState } from '../core/entry.ts';
import type { LogIndex, Term } from '../core/types.ts';
import { CHAIN_BYTES } from './chain-hash.ts';
import { readCounter, writeCounter } from './counter.ts';
import { decoded, undecodable, type Decoded } from './decoded.ts';
import { frameRecord, unframeRecord } from './record-frame.ts';

/** Longest id or name, in bytes of UTF-8: 255 characters of any kind fit. */
export const MAX_ID_BYTES = 1024;

/** A position of the log and the chain hash there: where the log begins (`base`) or ends (`tail`). */
export interface ChainPosition {
  readonly index: LogIndex;
  readonly term: Term;
  readonly chainHash: Uint8Array;
}

const POSITION_BYTES = 16 + CHAIN_BYTES;

/**
 * Base (type 7): the position before the first entry held. Tail descriptor (type 4): the last entry, or the base of an empty log.
 *
 * ```text
 *  0        8      16           32
 *  | index  | term | chain hash |
 *  |  u64   | u64  | 16 bytes   |
 * ```
 */
export function encodePosition(type: 'base' | 'tail', position: ChainPosition): Buffer {
  const body = Buffer.alloc(POSITION_BYTES);
  writeCounter(body, 0, position.index, 'index');
  writeCounter(body, 8, position.term, 'term');
  if (position.chainHash.length !== CHAIN_BYTES) throw new RangeError(`chain hash of ${position.chainHash.length} bytes`);
  body.set(position.chainHash, 16);
  return frameRecord(type, body);
}

export function decodePosition(type: 'base' | 'tail', bytes: Uint8Array): Decoded<ChainPosition> {
  const body = unframeRecord(type, bytes);
  if (!body.ok) return body;
  if (body.value.length !== POSITION_BYTES) return undecodable('record-invalid', `${type} record of ${body.value.length} bytes instead of ${POSITION_BYTES}`);
  const index = readCounter(body.value, 0);
  const term = readCounter(body.value, 8);
  if (index === null || term === null) return undecodable('record-invalid', `${type} record with an index or term above 2^53-1`);
  return decoded({ index, term, chainHash: Uint8Array.from(body.value.subarray(16)) });
}

/**
 * Hard state (type 3): term, commit index and vote are one record, so they can never be two writes. An empty vote: none in `term`.
 *
 * ```text
 *  0      8        16         18          18+n
 *  | term | commit | length n | vote      |
 *  | u64  |  u64   |   u16    | UTF-8     |
 * ```
 */
export function encodeHardState(hardState: HardState): Buffer {
  const vote = Buffer.from(hardState.vote, 'utf8');
  if (vote.length > MAX_ID_BYTES) throw new RangeError(`vote of ${vote.length} bytes, limit ${MAX_ID_BYTES}`);
  const body = Buffer.alloc(18 + vote.length);
  writeCounter(body, 0, hardState.term, 'term');
  writeCounter(body, 8, hardState.commit, 'commit index');
  body.writeUInt16BE(vote.length, 16);
  body.set(vote, 18);
  return frameRecord('hardState', body);
}

export function decodeHardState(bytes: Uint8Array): Decoded<HardState> {
  const body = unframeRecord('hardState', bytes);
  if (!body.ok) return body;
  if (body.value.length < 18 || body.value.readUInt16BE(16) !== body.value.length - 18 || body.value.length > 18 + MAX_ID_BYTES) {
    return undecodable('record-invalid', `hard state of ${body.value.length} bytes`);
  }
  const term = readCounter(body.value, 0);
  const commit = readCounter(body.value, 8);
  if (term === null || commit === null) return undecodable('record-invalid', 'hard state with a term or commit index above 2^53-1');
  return decoded({ term, commit, vote: body.value.toString('utf8', 18) });
}

/** Incarnation (type 5): starts of this member's process, one u64. */
export function encodeIncarnation(incarnation: number): Buffer {
  const body = Buffer.alloc(8);
  writeCounter(body, 0, incarnation, 'incarnation');
  return frameRecord('incarnation', body);
}

export function decodeIncarnation(bytes: Uint8Array): Decoded<number> {
  const body = unframeRecord('incarnation', bytes);
  if (!body.ok) return body;
  const value = body.value.length === 8 ? readCounter(body.value, 0) : null;
  return value === null ? undecodable('record-invalid', `incarnation of ${body.value.length} bytes, or above 2^53-1`) : decoded(value);
}
