import type { Entry } from '../core/entry.ts';
import { readCounter, writeCounter } from './counter.ts';
import { decoded, undecodable, type Decoded } from './decoded.ts';
import { decodeEntry, encodeEntry, ENTRY_OVERHEAD_BYTES, type ChainedEntry } from './entry-record.ts';
import { BODY_OFFSET, emptyFrame, sealFrame, unframeRecord } from './record-frame.ts';

/** First index and count: they stay readable when the entries behind them are encrypted. */
const BATCH_HEADER_BYTES = 12;
/** Most entries of one batch; a segment holds as many. */
export const MAX_BATCH_ENTRIES = 65_536;
/** A batch is closed at this many bytes of entries; it always holds at least one. */
export const BATCH_BYTES = 1024 * 1024;

/** A batch on its way to the disk, and the chain hashes of its entries in order. */
export interface EncodedBatch {
  readonly record: Buffer;
  readonly chain: readonly Buffer[];
}

/** Body of a batch, without the checks of the frame. */
export interface Batch {
  readonly first: number;
  readonly entries: readonly ChainedEntry[];
}

/**
 * A run of neighbouring entries: one value of a segment, under the index of its first entry.
 *
 * ```text
 *  0             8         12                              body of a record frame, type 8
 *  | first index | count c | c entries, one after another |
 *  |     u64     |   u32   | see entry-record.ts          |
 * ```
 */
export function encodeBatch(entries: readonly Entry[], previousChain: Uint8Array): EncodedBatch {
  const first = entries[0];
  if (first === undefined || entries.length > MAX_BATCH_ENTRIES) throw new RangeError(`a batch of ${entries.length} entries`);
  const record = emptyFrame(entries.reduce((sum, entry) => sum + ENTRY_OVERHEAD_BYTES + entry.payload.length, BATCH_HEADER_BYTES));
  writeCounter(record, BODY_OFFSET, first.index, 'index');
  record.writeUInt32BE(entries.length, BODY_OFFSET + 8);
  const chain: Buffer[] = [];
  let [offset, previous, expected] = [BODY_OFFSET + BATCH_HEADER_BYTES, previousChain, first.index];
  for (const entry of entries) {
    if (entry.index !== expected++) throw new RangeError(`entry ${entry.index} follows ${expected - 2} in a batch`);
    const hash = encodeEntry(record, offset, entry, previous);
    chain.push(hash);
    previous = hash;
    offset += ENTRY_OVERHEAD_BYTES + entry.payload.length;
  }
  return { record: sealFrame('batch', record), chain };
}

/** The entries of a batch; payloads and hashes are views of `bytes`. Indexes are checked, the chain is not. */
export function decodeBatch(bytes: Uint8Array): Decoded<Batch> {
  const body = unframeRecord('batch', bytes);
  return body.ok ? decodeBatchBody(body.value) : body;
}

function decodeBatchBody(body: Buffer): Decoded<Batch> {
  if (body.length < BATCH_HEADER_BYTES) return undecodable('record-invalid', `a batch of ${body.length} bytes is shorter than its header`);
  const first = readCounter(body, 0);
  const count = body.readUInt32BE(8);
  if (first === null || first === 0) return undecodable('record-invalid', 'a batch has an impossible first index');
  if (count === 0 || count > MAX_BATCH_ENTRIES || count * ENTRY_OVERHEAD_BYTES > body.length) return undecodable('record-invalid', `a batch of ${body.length} bytes says ${count} entries`);
  const entries: ChainedEntry[] = [];
  let offset = BATCH_HEADER_BYTES;
  for (let n = 0; n < count; n++) {
    const one = decodeEntry(body, offset);
    if (!one.ok) return undecodable(one.rule, `batch ${first}: ${one.problem}`);
    if (one.value.entry.index !== first + n) return undecodable('record-invalid', `batch ${first}: entry ${one.value.entry.index} lies where ${first + n} belongs`);
    entries.push({ entry: one.value.entry, chainHash: one.value.chainHash });
    offset = one.value.end;
  }
  if (offset !== body.length) return undecodable('record-invalid', `batch ${first} has ${body.length - offset} bytes behind its last entry`);
  return decoded({ first, entries });
}

/**
 * Reads as many entries of a damaged batch as hold on their own, in order, for the offline reader: the frame's checksum is not
 * asked. Stops at the first entry that does not hold.
 */
export function salvageBatch(bytes: Uint8Array): readonly ChainedEntry[] {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).subarray(BODY_OFFSET);
  const entries: ChainedEntry[] = [];
  let offset = BATCH_HEADER_BYTES;
  while (entries.length < MAX_BATCH_ENTRIES && offset < body.length) {
    const one = decodeEntry(body, offset);
    const before = entries.at(-1)?.entry.index;
    if (!one.ok || (before !== undefined && one.value.entry.index !== before + 1)) break;
    entries.push({ entry: one.value.entry, chainHash: one.value.chainHash });
    offset = one.value.end;
  }
  return entries;
}
