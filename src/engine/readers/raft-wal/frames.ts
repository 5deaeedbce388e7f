import type { FileSource } from '../file-source.ts';

/**
 * Layout of a raft-wal segment file (hashicorp/raft-wal v0.4.2 segment/format.go), all little-endian:
 *
 * ```text
 *  0  magic u32 58eb6b0d | reserved 3 | version u8      file header of 32 bytes
 *  8  BaseIndex u64   16  SegmentID u64   24  Codec u64
 * 32  frames, each on an 8-byte boundary:
 *     type u8 | reserved 3 | length or CRC u32 | payload | zeros up to the next boundary
 * ```
 */
export const FILE_HEADER_BYTES = 32;
export const FRAME_HEADER_BYTES = 8;
export const SEGMENT_MAGIC = 0x58eb6b0d;
/** Largest payload the library accepts, in bytes. */
export const MAX_PAYLOAD_BYTES = 64 << 20;
export const FRAME = { none: 0, entry: 1, index: 2, commit: 3 } as const;

const WINDOW_BYTES = 256 << 10;

/** One frame. The object and its bytes are reused by the next step. */
export interface Frame {
  type: number;
  /** Start of the frame in the file. */
  offset: number;
  /** Start of the next frame. */
  end: number;
  /** Payload length; 0 for a commit. */
  length: number;
  /** CRC-32C that a commit frame carries. */
  crc: number;
  /** Header, payload and padding. */
  bytes: Buffer;
}

/** Why a walk ended: the end of the file, zeros (nothing written behind), a frame cut by the end of the file, or an impossible header. */
export type StopReason = 'end of file' | 'zeros' | 'cut' | 'bad header';

/** Walks frames through a sliding window; memory is one window or one frame, whichever is larger. */
export class FrameWalker {
  stopped: StopReason | null = null;
  private window = Buffer.alloc(0);
  private windowStart = 0;
  private spare = Buffer.alloc(0);
  private readonly frame: Frame;

  constructor(
    private readonly source: FileSource,
    /** Start of the frame read next. */
    public offset = FILE_HEADER_BYTES,
    private readonly windowBytes = WINDOW_BYTES,
  ) {
    this.frame = { type: 0, offset, end: offset, length: 0, crc: 0, bytes: this.window };
  }

  /** The next frame; null at the end, and `stopped` says why. */
  next(): Frame | null {
    const { frame, offset } = this;
    const header = this.bytesAt(offset, FRAME_HEADER_BYTES);
    if (header === null) return this.stop(offset >= this.source.size ? 'end of file' : 'cut');
    const word = header.readUInt32LE(4);
    const type = header[0] as number;
    if (type === FRAME.none && word === 0 && header.readUInt32LE(0) === 0) return this.stop('zeros');
    if (type === FRAME.none || type > FRAME.commit) return this.stop('bad header');
    frame.length = type === FRAME.commit ? 0 : word;
    if (frame.length > MAX_PAYLOAD_BYTES || (type === FRAME.index && frame.length % 4 !== 0)) return this.stop('bad header');
    const size = FRAME_HEADER_BYTES + Math.ceil(frame.length / 8) * 8;
    const bytes = this.bytesAt(offset, size);
    if (bytes === null) return this.stop('cut');
    frame.type = type;
    frame.crc = word;
    frame.offset = offset;
    frame.bytes = bytes;
    frame.end = this.offset = offset + size;
    return frame;
  }

  private stop(reason: StopReason): null {
    this.stopped = reason;
    return null;
  }

  private bytesAt(offset: number, length: number): Buffer | null {
    if (offset + length > this.source.size) return null;
    const at = offset - this.windowStart;
    if (at < 0 || at + length > this.window.length) this.fill(offset, length);
    const start = offset - this.windowStart;
    return start + length <= this.window.length ? this.window.subarray(start, start + length) : null;
  }

  private fill(offset: number, length: number): void {
    const wanted = Math.min(Math.max(length, this.windowBytes), this.source.size - offset);
    if (this.spare.length < wanted) this.spare = Buffer.allocUnsafe(wanted);
    this.window = this.spare.subarray(0, this.source.readInto(this.spare.subarray(0, wanted), offset));
    this.windowStart = offset;
  }
}

export interface SegmentHeader {
  baseIndex: number;
  id: string;
  codec: number;
}

/** The file header, or why it is none. */
export function readSegmentHeader(source: FileSource): SegmentHeader | string {
  const bytes = source.read(0, FILE_HEADER_BYTES);
  if (bytes.length < FILE_HEADER_BYTES) return 'it is shorter than its header';
  if (bytes.readUInt32LE(0) !== SEGMENT_MAGIC || bytes.readUInt32LE(4) !== 0) return 'it does not begin with the magic of a raft-wal segment';
  const [base, id, codec] = [bytes.readBigUInt64LE(8), bytes.readBigUInt64LE(16), bytes.readBigUInt64LE(24)];
  if (base > BigInt(Number.MAX_SAFE_INTEGER)) return `its base index is ${base}`;
  return { baseIndex: Number(base), id: id.toString(16).padStart(16, '0'), codec: codec > 0xffff_ffffn ? 0xffff_ffff : Number(codec) };
}
