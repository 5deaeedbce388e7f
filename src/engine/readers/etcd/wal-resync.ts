import { crc32c } from '../../native/crc32c.ts';
import type { FileSource } from '../file-source.ts';
import { WalFrameReader } from './wal-frame.ts';

/** Where reading may go on behind a damaged place: the next record's frame, and the running checksum before it. */
export interface Resumption {
  offset: number;
  crc: number;
}

const CHUNK_BYTES = 1 << 20;
const ZEROS = Buffer.alloc(CHUNK_BYTES);
/** A frame's length field and the first three bytes of its record, rounded up to the frame alignment. */
const OVERLAP_BYTES = 16;
/** Hostile files can look like frames at every step; past these the search gives up. */
const MAX_CANDIDATES = 20_000;
const MAX_HASHED_BYTES = 512 << 20;

/**
 * Looks behind a damaged place for records that are provably whole. The checksum of a record continues that of the record before
 * it, so a record can be checked against the checksum that its predecessor stores. The first frame found is therefore never
 * returned itself (its own predecessor is lost): it only vouches for the next.
 */
export function findResumption(source: FileSource, from: number, limit: number): Resumption | null {
  const probe = new WalFrameReader(source, limit);
  const budget = { candidates: MAX_CANDIDATES, bytes: MAX_HASHED_BYTES };
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let start = from; start + OVERLAP_BYTES <= limit; start += CHUNK_BYTES - OVERLAP_BYTES) {
    const read = source.readInto(buffer.subarray(0, Math.min(CHUNK_BYTES, limit - start)), start);
    const chunk = buffer.subarray(0, read);
    if (chunk.equals(ZEROS.subarray(0, read))) continue;
    for (let at = 0; at + OVERLAP_BYTES <= read; at += 8) {
      if (!looksLikeFrame(chunk, at)) continue;
      const found = vouchedBy(probe, start + at, budget);
      if (found) return found;
      if (budget.candidates <= 0 || budget.bytes <= 0) return null;
    }
  }
  return null;
}

/** Whether the record at `offset` has the checksum that continues `crc`. */
export function continuesAt(source: FileSource, offset: number, crc: number, limit: number): boolean {
  const probe = new WalFrameReader(source, limit);
  return probe.at(offset) === 'record' && probe.dataTo > probe.dataFrom && crc32c(probe.data, crc) === probe.storedCrc;
}

/** Cheap test first: record type 1 to 5 in field 1, then field 2, behind a length field whose upper bytes are sane. */
function looksLikeFrame(chunk: Buffer, at: number): boolean {
  const type = chunk[at + 9] as number;
  return chunk[at + 8] === 0x08 && type >= 1 && type <= 5 && chunk[at + 10] === 0x10 && chunk[at + 4] === 0 && chunk[at + 5] === 0 && chunk[at + 6] === 0;
}

function vouchedBy(probe: WalFrameReader, offset: number, budget: { candidates: number; bytes: number }): Resumption | null {
  budget.candidates--;
  if (probe.at(offset) !== 'record' || !probe.hasPlausibleEnd) return null;
  const crc = probe.storedCrc;
  const next = probe.nextOffset;
  if (probe.at(next) !== 'record' || probe.dataTo === probe.dataFrom) return null;
  budget.bytes -= probe.dataTo - probe.dataFrom;
  return crc32c(probe.data, crc) === probe.storedCrc ? { offset: next, crc } : null;
}
