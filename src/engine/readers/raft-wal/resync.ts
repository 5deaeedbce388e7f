import { crc32c } from '../../native/crc32c.ts';
import type { FileSource } from '../file-source.ts';
import { FRAME, FRAME_HEADER_BYTES, FrameWalker } from './frames.ts';

/** A torn write leaves sectors of zeros; entries of text, JSON or msgpack do not hold this many in a row. */
const TORN_ZEROS_BYTES = 32;
const MAX_CANDIDATES = 2048;
const MAX_WALKED_BYTES = 256 << 20;
const PROBE_WINDOW_BYTES = 16 << 10;

/** Whether bytes [from, to) hold a run of zeros as only an unfinished write leaves. */
export function looksTorn(source: FileSource, from: number, to: number): boolean {
  let run = 0;
  for (const chunk of source.chunks(from, to)) {
    for (let i = 0; i < chunk.length; i++) {
      run = chunk[i] === 0 ? run + 1 : 0;
      if (run >= TORN_ZEROS_BYTES) return true;
    }
  }
  return false;
}

/**
 * The first batch behind `offset` whose checksum holds. A batch begins behind a commit frame, so every aligned word that
 * could be a commit frame is tried; a wrong guess is told by the CRC. Bounded, as bytes may imitate commit frames.
 */
export function findNextBatch(source: FileSource, offset: number): { from: number } | null {
  const budget = { candidates: MAX_CANDIDATES, bytes: MAX_WALKED_BYTES };
  let at = offset + (8 - (offset % 8)) * Number(offset % 8 !== 0);
  for (const chunk of source.chunks(at, source.size)) {
    for (let i = 0; i + FRAME_HEADER_BYTES <= chunk.length; i += 8) {
      if (chunk[i] !== FRAME.commit || chunk[i + 1] !== 0 || chunk[i + 2] !== 0 || chunk[i + 3] !== 0) continue;
      const from = at + i + FRAME_HEADER_BYTES;
      if (isWholeBatch(source, from, budget)) return { from };
      if (--budget.candidates <= 0 || budget.bytes <= 0) return null;
    }
    at += chunk.length;
  }
  return null;
}

function isWholeBatch(source: FileSource, from: number, budget: { bytes: number }): boolean {
  const walker = new FrameWalker(source, from, PROBE_WINDOW_BYTES);
  let crc = 0;
  let entries = 0;
  for (let frame = walker.next(); frame !== null && budget.bytes > 0; frame = walker.next()) {
    budget.bytes -= frame.bytes.length;
    if (frame.type === FRAME.commit) return entries > 0 && frame.crc === crc;
    crc = crc32c(frame.bytes, crc);
    if (frame.type === FRAME.entry) entries++;
  }
  return false;
}

/**
 * Whether the last thing written behind `offset` is a commit frame: then the batch was written whole, and a frame that
 * claims to reach past the end of the file has a damaged length.
 */
export function endsInCommit(source: FileSource, offset: number): boolean {
  let ends = false;
  for (const chunk of source.chunks(offset, source.size)) {
    for (let i = 0; i + FRAME_HEADER_BYTES <= chunk.length; i += 8) {
      const low = chunk.readUInt32LE(i);
      if (low !== 0 || chunk.readUInt32LE(i + 4) !== 0) ends = low === FRAME.commit;
    }
  }
  return ends;
}
