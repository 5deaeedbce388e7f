import { crc32c } from '../../native/crc32c.ts';
import type { FileSource } from '../file-source.ts';
import { BINARY_CODEC, decodeBinaryLog } from './codec.ts';
import { FILE_HEADER_BYTES, FRAME, FRAME_HEADER_BYTES, FrameWalker, readSegmentHeader, type Frame, type SegmentHeader, type StopReason } from './frames.ts';
import { endsInCommit, findNextBatch, looksTorn } from './resync.ts';

/** Neighbouring batches whose commit checksums hold. The n-th entry frame from `from` has index `firstIndex` + n. */
export interface WholePart {
  kind: 'whole';
  /** Bytes [from, to) of the file. */
  from: number;
  to: number;
  firstIndex: number;
  entries: number;
}

/**
 * A batch whose checksum does not hold, or bytes that are no frames. `entries` as far as frames tell, null when they do not.
 * `cause`: `torn` is an unfinished last write, which a crash leaves and nobody was answered for.
 */
export interface BrokenPart {
  kind: 'broken';
  from: number;
  to: number;
  firstIndex: number;
  entries: number | null;
  cause: 'checksum' | 'frames' | 'torn';
  reason: string;
}

export type SegmentPart = WholePart | BrokenPart;

/** What a segment file holds, told from its frames and checksums alone. */
export interface SegmentSurvey {
  /** Size of the file. */
  bytes: number;
  header: SegmentHeader | string;
  parts: SegmentPart[];
  commitFrames: number;
  entryFrames: number;
  indexFrames: number;
  /** Commit frames whose CRC-32C is not that of the bytes since the commit before. */
  commitMismatches: number;
  entriesAfterLastCommit: number;
  /** Offset of the index array (a sealed segment), 0 for none. */
  indexStart: number;
  lastCommitOffset: number | null;
  framesStopAt: number;
  stoppedBy: StopReason;
}

const MAX_PARTS = 10_000;
const ZEROS = Buffer.alloc(FRAME_HEADER_BYTES);

/**
 * Reads every frame of a segment and checks every commit, in sealed segments as well. The library checks the last commit of
 * the tail only (raft-wal v0.4.2 segment/writer.go `recoverFile`) and drops what follows the last good one without a word;
 * here a flipped bit, an overwritten header and an unfinished write are told apart.
 */
export function surveySegment(source: FileSource, baseIndex: number): SegmentSurvey {
  return new Surveyor(source, baseIndex).survey();
}

class Surveyor {
  private readonly result: SegmentSurvey;
  private walker: FrameWalker;
  private crc = 0;
  private batchStart = FILE_HEADER_BYTES;
  private batchEntries = 0;
  private nextIndex: number;

  constructor(
    private readonly source: FileSource,
    baseIndex: number,
  ) {
    this.nextIndex = baseIndex;
    this.walker = new FrameWalker(source);
    this.result = {
      bytes: source.size,
      header: readSegmentHeader(source),
      parts: [],
      commitFrames: 0,
      entryFrames: 0,
      indexFrames: 0,
      commitMismatches: 0,
      entriesAfterLastCommit: 0,
      indexStart: 0,
      lastCommitOffset: null,
      framesStopAt: FILE_HEADER_BYTES,
      stoppedBy: 'end of file',
    };
  }

  survey(): SegmentSurvey {
    const { result } = this;
    this.crc = crc32c(this.source.read(0, FILE_HEADER_BYTES)); // the first commit covers the header too
    for (;;) {
      for (let frame = this.walker.next(); frame !== null; frame = this.walker.next()) this.frame(frame);
      result.framesStopAt = this.walker.offset;
      result.stoppedBy = this.walker.stopped as StopReason;
      result.entriesAfterLastCommit = this.batchEntries;
      if (!this.resume()) return result;
    }
  }

  private frame(frame: Frame): void {
    const { result } = this;
    if (frame.type === FRAME.commit) return this.commit(frame);
    this.crc = crc32c(frame.bytes, this.crc);
    if (frame.type === FRAME.entry) {
      result.entryFrames++;
      this.batchEntries++;
    } else {
      result.indexFrames++;
      result.indexStart = frame.offset + FRAME_HEADER_BYTES;
    }
  }

  private commit(frame: Frame): void {
    const { result } = this;
    result.commitFrames++;
    result.lastCommitOffset = frame.offset;
    const last = result.parts.at(-1);
    if (frame.crc !== this.crc) this.mismatch(frame);
    else if (last?.kind === 'whole' && last.to === this.batchStart) {
      last.to = frame.end;
      last.entries += this.batchEntries;
    } else this.push({ kind: 'whole', from: this.batchStart, to: frame.end, firstIndex: this.nextIndex, entries: this.batchEntries });
    this.beginBatch(frame.end);
  }

  private mismatch(frame: Frame): void {
    this.result.commitMismatches++;
    const torn = looksTorn(this.source, this.batchStart, frame.offset) && this.isLast(frame.end);
    this.push({
      kind: 'broken',
      from: this.batchStart,
      to: frame.end,
      firstIndex: this.nextIndex,
      entries: this.batchEntries,
      cause: torn ? 'torn' : 'checksum',
      reason: torn
        ? 'part of the last batch was never written, its checksum does not hold'
        : `the checksum of the batch is ${hex(this.crc)}, its commit frame says ${hex(frame.crc)}`,
    });
  }

  /** Whether nothing was written behind `offset`. */
  private isLast(offset: number): boolean {
    return this.source.size <= offset || this.source.read(offset, FRAME_HEADER_BYTES).equals(ZEROS.subarray(0, Math.min(8, this.source.size - offset)));
  }

  private beginBatch(offset: number): void {
    this.nextIndex += this.batchEntries;
    this.batchStart = offset;
    this.batchEntries = 0;
    this.crc = 0;
  }

  /** After the frames broke off: notes what is lost there, and goes on at the next whole batch if there is one. */
  private resume(): boolean {
    const { stopped, offset } = this.walker;
    const found = this.result.parts.length < MAX_PARTS ? findNextBatch(this.source, offset) : null;
    const nothingPending = this.batchStart === offset;
    if (found === null && nothingPending && stopped !== 'bad header' && stopped !== 'cut') return false;
    const index = found && this.indexAt(found.from);
    const torn = found === null && stopped !== 'bad header' && !(stopped === 'cut' && endsInCommit(this.source, offset));
    this.push({
      kind: 'broken',
      from: this.batchStart,
      to: found?.from ?? this.source.size,
      firstIndex: this.nextIndex,
      entries: index !== null ? Math.max(0, index - this.nextIndex) : torn ? Math.max(this.batchEntries, 1) : null,
      cause: torn ? 'torn' : 'frames',
      reason: torn ? `an unfinished last batch (${stopped} at byte ${offset})` : `no frame can be read at byte ${offset} (${stopped})`,
    });
    if (found === null) return false;
    this.batchEntries = 0;
    this.beginBatch(found.from);
    if (index !== null) this.nextIndex = index;
    this.walker = new FrameWalker(this.source, found.from);
    return true;
  }

  /** The index that the entry at `offset` carries in itself, null when it cannot be decoded. */
  private indexAt(offset: number): number | null {
    const header = this.result.header;
    if (typeof header !== 'string' && header.codec !== BINARY_CODEC) return null;
    const frame = new FrameWalker(this.source, offset).next();
    if (frame?.type !== FRAME.entry) return null;
    const log = decodeBinaryLog(payloadOf(frame));
    return typeof log === 'string' || log.index < this.nextIndex ? null : log.index;
  }

  private push(part: SegmentPart): void {
    this.result.parts.push(part);
  }
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}

export function payloadOf(frame: Frame): Buffer {
  return frame.bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + frame.length);
}
