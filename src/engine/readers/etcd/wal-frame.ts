import type { FileSource } from '../file-source.ts';

/**
 * What lies at a position of a WAL segment. `end`: a zero length field or the exact end of the file; `short`: fewer than 8 bytes
 * left; `beyond`: a body that runs past the end of the file (or past any sane size); `malformed`: a body that is no record.
 */
export type FrameStatus = 'record' | 'end' | 'short' | 'beyond' | 'malformed';

/** Record types of walpb (etcd v3.6.14, server/storage/wal/wal.go). */
export const RECORD = { metadata: 1, entry: 2, state: 3, crc: 4, snapshot: 5 } as const;

/** Before 3.5.5 etcd refused a log with a record of this size or more. */
export const SERVER_MAX_RECORD_BYTES = 10 << 20;
/** No record is believed to be larger: etcd's own limit was 10 MiB before 3.5.5, requests are bounded by 1.5 MiB by default. */
export const MAX_RECORD_BYTES = 64 << 20;

const WINDOW_BYTES = 1 << 20;
const HEADER_BYTES = 8;
const NO_BYTES = Buffer.alloc(0);

/**
 * Reads the frames of one WAL segment one after another: a length field of 8 bytes, a walpb.Record, zeros up to the next multiple
 * of 8. The fields describe the last frame read; their bytes lie in `buffer` until the next call, so that nothing is allocated
 * per record.
 * @see etcd v3.6.14, server/storage/wal/decoder.go and walpb/record.proto
 */
export class WalFrameReader {
  /** Start of the frame in the file. */
  offset = 0;
  /** Start of the next frame; meaningful after `record` and `malformed`. */
  nextOffset = 0;
  type = 0;
  storedCrc = 0;
  /** The record's data: `buffer[dataFrom, dataTo)`. Empty where it has none. */
  dataFrom = 0;
  dataTo = 0;
  buffer: Buffer = NO_BYTES;
  /** The frame's body and padding in `buffer`. */
  bodyFrom = 0;
  bodyTo = 0;
  /** Size of the body as the length field says, believable or not. */
  claimedBytes = 0;
  readonly size: number;
  private window: Buffer;
  private windowStart = 0;
  private windowEnd = 0;
  private cursor = 0;

  constructor(
    private readonly source: FileSource,
    /** Read no further than this: the end as it was when the file was read first. */
    limit = source.size,
  ) {
    this.size = Math.min(source.size, limit);
    this.window = Buffer.allocUnsafe(Math.max(HEADER_BYTES, Math.min(WINDOW_BYTES, this.size)));
  }

  get data(): Buffer {
    return this.buffer.subarray(this.dataFrom, this.dataTo);
  }

  /** Reads the frame at `offset` (a multiple of 8). */
  at(offset: number): FrameStatus {
    this.offset = offset;
    this.nextOffset = offset;
    const left = this.size - offset;
    if (left <= 0) return 'end';
    if (left < HEADER_BYTES) return 'short';
    if (!this.load(offset, HEADER_BYTES)) return 'short';
    const { window } = this;
    const low = window.readUInt32LE(this.cursor);
    const high = window.readUInt32LE(this.cursor + 4);
    if (low === 0 && high === 0) return 'end';
    const padding = high >>> 31 === 1 ? (high >>> 24) & 7 : 0;
    this.bodyFrom = 0;
    this.bodyTo = 0;
    this.claimedBytes = (high & 0xff_ffff) * 2 ** 32 + low;
    // Frames always end on a multiple of 8, and bits 59 to 62 are never set: anything else is no length field.
    if ((high & 0x7800_0000) !== 0 || (low + padding) % HEADER_BYTES !== 0) return 'malformed';
    if ((high & 0xff_ffff) !== 0 || low > MAX_RECORD_BYTES || low + padding > left - HEADER_BYTES) return 'beyond';
    if (!this.load(offset, HEADER_BYTES + low + padding)) return 'beyond';
    this.nextOffset = offset + HEADER_BYTES + low + padding;
    this.buffer = this.window;
    this.bodyFrom = this.cursor + HEADER_BYTES;
    this.bodyTo = this.bodyFrom + low + padding;
    return this.decodeRecord(this.bodyFrom + low) ? 'record' : 'malformed';
  }

  /** Whether the frame's length field alone is believable, so that its end may be where the next frame starts. */
  get hasPlausibleEnd(): boolean {
    return this.nextOffset > this.offset && this.nextOffset % HEADER_BYTES === 0;
  }

  /**
   * Splits body and padding at the file's 512-byte sectors; true when one piece is all zero, which is how a write looks that did
   * not reach the disk as a whole (isTornEntry, decoder.go).
   */
  hasZeroSector(): boolean {
    const { buffer, bodyTo } = this;
    let fileAt = this.offset + HEADER_BYTES;
    for (let at = this.bodyFrom; at < bodyTo; ) {
      const end = Math.min(bodyTo, at + 512 - (fileAt % 512));
      let allZero = true;
      for (let i = at; i < end && allZero; i++) allZero = buffer[i] === 0;
      if (allZero) return true;
      fileAt += end - at;
      at = end;
    }
    return false;
  }

  /**
   * Compares the frame last read with the file once more. A server that writes meanwhile fills in what was still zero or half written
   * when it was buffered: then the buffer is dropped, and `at` sees the file anew.
   * @returns Whether the bytes of the frame changed.
   */
  hasChanged(): boolean {
    const from = this.offset - this.windowStart;
    const length = Math.min(Math.max(HEADER_BYTES, this.nextOffset - this.offset), this.windowEnd - this.offset);
    if (from < 0 || length <= 0) return false;
    const fresh = this.source.read(this.offset, length);
    if (fresh.equals(this.window.subarray(from, from + length))) return false;
    this.windowEnd = this.windowStart;
    return true;
  }

  /** Makes `[offset, offset + length)` available at `this.cursor`; false when the file has become shorter. */
  private load(offset: number, length: number): boolean {
    if (offset >= this.windowStart && offset + length <= this.windowEnd) {
      this.cursor = offset - this.windowStart;
      return true;
    }
    if (length > this.window.length) this.window = Buffer.allocUnsafe(length + WINDOW_BYTES);
    const wanted = Math.min(this.window.length, this.size - offset);
    this.windowStart = offset;
    this.windowEnd = offset + this.source.readInto(this.window.subarray(0, wanted), offset);
    this.cursor = 0;
    return offset + length <= this.windowEnd;
  }

  /** walpb.Record {1 V type, 2 V crc, 3 L data}, by hand: this runs once per record. Unknown fields make it malformed. */
  private decodeRecord(end: number): boolean {
    const { buffer } = this;
    let at = this.bodyFrom;
    this.type = 0;
    this.storedCrc = 0;
    this.dataFrom = end;
    this.dataTo = end;
    while (at < end) {
      const tag = buffer[at++] as number;
      let value = 0;
      let scale = 1;
      let byte: number;
      do {
        if (at >= end || scale > 0x8_0000_0000) return false;
        byte = buffer[at++] as number;
        value += (byte & 0x7f) * scale;
        scale *= 128;
      } while (byte >= 0x80);
      if (tag === 0x08) this.type = value;
      else if (tag === 0x10) this.storedCrc = value;
      else if (tag === 0x1a) {
        if (value > end - at) return false;
        this.dataFrom = at;
        at += value;
        this.dataTo = at;
      } else return false;
    }
    return this.type >= RECORD.metadata && this.type <= RECORD.snapshot && this.storedCrc <= 0xffff_ffff;
  }
}
