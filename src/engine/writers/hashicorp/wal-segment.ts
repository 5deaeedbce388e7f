import fs from 'node:fs';
import type { LogIndex } from '../../core/types.ts';
import { CorruptDataError } from '../../errors.ts';
import { crc32c } from '../../native/crc32c.ts';
import { FileSource } from '../../readers/file-source.ts';
import type { RaftLog } from '../../readers/hashicorp/raft-log.ts';
import { FILE_HEADER_BYTES, FRAME, FRAME_HEADER_BYTES, FrameWalker, SEGMENT_MAGIC } from '../../readers/raft-wal/frames.ts';
import { goBinaryTime } from './go-time-bytes.ts';

const BATCH_BYTES = 1 << 20;
const ALIGNMENT = 8;

/** An entry in the library's own codec (raft-wal v0.4.2 codec.go `BinaryCodec`, readers/raft-wal/codec.ts); no extensions. */
export function encodeBinaryLog(log: Pick<RaftLog, 'index' | 'term' | 'type' | 'data'>, unixMs: number): Buffer {
  return Buffer.concat([uvarint(log.index), uvarint(log.term), uvarint(log.type), uvarint(log.data.length), log.data, uvarint(0), goBinaryTime(unixMs)]);
}

function uvarint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}

/** A new segment file. `keep`: entries of an older one that go before `entry`. */
export interface SegmentToWrite {
  baseIndex: LogIndex;
  id: number;
  codec: number;
  /** Size it is made with, in bytes: the library makes room in advance. */
  sizeLimit: number;
  keep: { file: string; name: string; to: LogIndex } | null;
  entry: Uint8Array | null;
}

/**
 * Writes a segment file (layout: readers/raft-wal/frames.ts): the kept entries' frames as they are, in batches of about a megabyte, the
 * new entry in a batch of its own, and an index behind them when the size limit is reached, which tells the library that the segment is
 * sealed although its list does not say so yet. Synced; the directory is the caller's to sync.
 * @throws {CorruptDataError} When the kept entries are not all there.
 */
export function writeSegment(file: string, segment: SegmentToWrite): void {
  const fd = fs.openSync(file, 'wx', 0o644);
  try {
    const frames = new FrameWriter(fd, segment);
    if (segment.keep !== null) copyEntries(frames, segment.baseIndex, segment.keep);
    if (segment.entry !== null) frames.entry(segment.entry);
    frames.finish();
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function copyEntries(frames: FrameWriter, baseIndex: LogIndex, { file, name, to }: { file: string; name: string; to: LogIndex }): void {
  using source = FileSource.open(file, name);
  const walker = new FrameWalker(source);
  let next = baseIndex;
  for (let frame = walker.next(); frame !== null && next <= to; frame = walker.next()) {
    if (frame.type !== FRAME.entry) continue;
    frames.frame(frame.bytes);
    next++;
  }
  if (next <= to) throw new CorruptDataError(name, walker.offset, `the segment ends before entry ${next}, entries up to ${to} were to be kept`);
  frames.commit();
}

/** Appends frames and keeps the running checksum; the first commit covers the file header too. */
class FrameWriter {
  private readonly offsets: number[] = [];
  private readonly pending: Buffer[] = [];
  private pendingBytes = 0;
  private written = 0;
  private crc = 0;

  constructor(
    private readonly fd: number,
    private readonly segment: SegmentToWrite,
  ) {
    const header = Buffer.alloc(FILE_HEADER_BYTES);
    header.writeUInt32LE(SEGMENT_MAGIC, 0);
    header.writeBigUInt64LE(BigInt(segment.baseIndex), 8);
    header.writeBigUInt64LE(BigInt(segment.id), 16);
    header.writeBigUInt64LE(BigInt(segment.codec), 24);
    this.add(header);
  }

  /** A whole entry frame, padding included. */
  frame(bytes: Uint8Array): void {
    this.offsets.push(this.offset);
    this.add(Buffer.from(bytes));
    if (this.pendingBytes >= BATCH_BYTES) this.commit();
  }

  /** One entry, committed at once. */
  entry(payload: Uint8Array): void {
    this.frame(frameOf(FRAME.entry, payload.length, payload));
    const reserve = FRAME_HEADER_BYTES + padded(this.offsets.length * 4);
    if (this.offset + reserve + FRAME_HEADER_BYTES > this.segment.sizeLimit) this.index();
    this.commit();
  }

  commit(): void {
    if (this.pendingBytes === 0) return;
    this.add(frameOf(FRAME.commit, this.crc));
    this.crc = 0;
    this.flush();
  }

  finish(): void {
    // A header alone is nothing committed: the library writes its own when it appends.
    this.flush();
    if (this.written < this.segment.sizeLimit) fs.ftruncateSync(this.fd, this.segment.sizeLimit);
  }

  private index(): void {
    const array = Buffer.alloc(this.offsets.length * 4);
    for (const [at, offset] of this.offsets.entries()) array.writeUInt32LE(offset, at * 4);
    this.add(frameOf(FRAME.index, array.length, array));
  }

  private get offset(): number {
    return this.written + this.pendingBytes;
  }

  private add(bytes: Buffer): void {
    this.pending.push(bytes);
    this.pendingBytes += bytes.length;
    this.crc = crc32c(bytes, this.crc);
  }

  private flush(): void {
    const bytes = Buffer.concat(this.pending.splice(0));
    this.pendingBytes = 0;
    for (let done = 0; done < bytes.length; ) done += fs.writeSync(this.fd, bytes, done, bytes.length - done, this.written + done);
    this.written += bytes.length;
  }
}

function padded(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function frameOf(type: number, word: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES + padded(payload.length));
  bytes.writeUInt8(type, 0);
  bytes.writeUInt32LE(word, 4);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}
