import fs from 'node:fs';
import path from 'node:path';
import { crc32c } from '../../src/engine/native/crc32c.ts';
import { segmentName } from '../../src/engine/readers/etcd/wal-segments.ts';

const FLUSH_BYTES = 1 << 20;

/** Unsigned varint of a number or 64-bit identity. */
export function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  for (let rest = BigInt(value); ; rest >>= 7n) {
    if (rest < 0x80n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
}

export function varintField(field: number, value: number | bigint): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

export function bytesField(field: number, value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
}

export function hexId(id: string): bigint {
  return BigInt(`0x${id}`);
}

export interface EntryToWrite {
  term: number;
  index: number;
  /** 0 normal, 1 configuration change. */
  type?: number;
  data?: Uint8Array;
}

/** A put as etcd logs it, without a header. */
export function putRequest(key: string, value: Uint8Array | string): Buffer {
  return bytesField(4, Buffer.concat([bytesField(1, key), bytesField(2, value)]));
}

/** raftpb.ConfChange {1 id, 2 type, 3 node_id, 4 context}. Types: 0 add, 1 remove, 2 update, 3 add learner. */
export function confChange(type: number, id: string, context?: object): Buffer {
  const body = [varintField(1, 0), varintField(2, type), varintField(3, hexId(id))];
  // etcd writes the id as a bare 64-bit number, which JSON.stringify cannot.
  if (context) body.push(bytesField(4, `{"id":${hexId(id)},${JSON.stringify(context).slice(1)}`));
  return Buffer.concat(body);
}

/**
 * Writes a write-ahead log as etcd does: segments, chained checksums, metadata, snapshot, hard state and entry records. Streams, so
 * that a benchmark can write gigabytes. Segments are cut where `cut()` is called.
 */
export class EtcdWalWriter {
  /** Offset of the next frame in the current segment. */
  offset = 0;
  file = '';
  private fd = -1;
  private crc = 0;
  private seq = -1;
  private held: Buffer[] = [];
  private heldBytes = 0;
  private readonly metadata: Buffer;
  private lastState: Buffer | null = null;

  constructor(
    readonly directory: string,
    ids: { memberId: string; clusterId: string } = { memberId: '1', clusterId: '2' },
  ) {
    fs.mkdirSync(directory, { recursive: true });
    this.metadata = Buffer.concat([varintField(1, hexId(ids.memberId)), varintField(2, hexId(ids.clusterId))]);
    this.cut(0);
    this.snapshot(0, 0);
  }

  /** Starts the next segment, named after the first entry it will hold. */
  cut(firstIndex: number): void {
    this.flush();
    if (this.fd >= 0) fs.closeSync(this.fd);
    this.seq++;
    this.file = path.join(this.directory, segmentName(this.seq, firstIndex));
    this.fd = fs.openSync(this.file, 'w');
    this.offset = 0;
    this.frame(Buffer.concat([varintField(1, 4), varintField(2, this.crc)]));
    this.record(1, this.metadata);
    if (this.lastState) this.record(3, this.lastState);
  }

  snapshot(term: number, index: number): number {
    return this.record(5, Buffer.concat([varintField(1, index), varintField(2, term)]));
  }

  state(term: number, vote: string, commit: number): number {
    this.lastState = Buffer.concat([varintField(1, term), varintField(2, hexId(vote)), varintField(3, commit)]);
    return this.record(3, this.lastState);
  }

  entry({ term, index, type = 0, data }: EntryToWrite): number {
    const head = [varintField(1, type), varintField(2, term), varintField(3, index)];
    return this.record(2, Buffer.concat(data ? [...head, bytesField(4, data)] : head));
  }

  /** Any record, checksum chained; returns where its frame starts. */
  record(type: number, data: Buffer): number {
    this.crc = crc32c(data, this.crc);
    return this.frame(Buffer.concat([varintField(1, type), varintField(2, this.crc), bytesField(3, data)]));
  }

  /** Ends the log: like etcd's preallocated tail, with `zeros` bytes behind the last record. */
  close(zeros = 0): void {
    this.flush();
    if (zeros > 0) fs.ftruncateSync(this.fd, this.offset + zeros);
    fs.closeSync(this.fd);
  }

  private frame(body: Buffer): number {
    const start = this.offset;
    const padding = (8 - (body.length % 8)) % 8;
    const frame = Buffer.alloc(8 + body.length + padding);
    frame.writeUInt32LE(body.length, 0);
    if (padding > 0) frame[7] = 0x80 | padding;
    body.copy(frame, 8);
    this.held.push(frame);
    this.heldBytes += frame.length;
    this.offset += frame.length;
    if (this.heldBytes >= FLUSH_BYTES) this.flush();
    return start;
  }

  private flush(): void {
    if (this.heldBytes > 0) fs.writeSync(this.fd, Buffer.concat(this.held));
    this.held = [];
    this.heldBytes = 0;
  }
}
