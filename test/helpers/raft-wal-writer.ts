import fs from 'node:fs';
import path from 'node:path';
import { crc32c } from '../../src/engine/native/crc32c.ts';
import { writeBolt } from './bbolt-writer.ts';

/** An entry for the writers of this family; `type` is the raft log type, 0 (command) by default. */
export interface EntryToWrite {
  index: number;
  term: number;
  type?: number;
  data?: Uint8Array;
}

export interface SegmentToWrite {
  baseIndex: number;
  id: number;
  /** One commit frame per batch. */
  batches: EntryToWrite[][];
  sealed?: boolean;
  minIndex?: number;
  maxIndex?: number;
  /** Zeros behind the last commit, as preallocation leaves them. */
  sizeLimit?: number;
}

export interface RaftWalToWrite {
  segments: SegmentToWrite[];
  /** Stable keys; a missing one is not written. */
  currentTerm?: number;
  lastVoteTerm?: number;
  lastVoteCandidate?: string;
}

// Go's zero time in its binary form: version 1, twelve zero bytes, UTC.
const ZERO_TIME = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);

function uvarint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}

function encodeEntry({ index, term, type = 0, data = Buffer.from('data') }: EntryToWrite): Buffer {
  return Buffer.concat([uvarint(index), uvarint(term), uvarint(type), uvarint(data.length), data, uvarint(0), ZERO_TIME]);
}

function frame(type: number, word: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(8 + Math.ceil(payload.length / 8) * 8);
  bytes[0] = type;
  bytes.writeUInt32LE(word, 4);
  bytes.set(payload, 8);
  return bytes;
}

/** The bytes of a segment file and where its index array lies (0 when unsealed). */
export function segmentBytes(segment: SegmentToWrite): { bytes: Buffer; indexStart: number } {
  const header = Buffer.alloc(32);
  header.writeUInt32LE(0x58eb6b0d, 0);
  header.writeBigUInt64LE(BigInt(segment.baseIndex), 8);
  header.writeBigUInt64LE(BigInt(segment.id), 16);
  header.writeBigUInt64LE(1n, 24);
  const parts: Buffer[] = [header];
  const offsets: number[] = [];
  let [length, indexStart, crc] = [32, 0, crc32c(header)];
  const add = (bytes: Buffer): void => {
    parts.push(bytes);
    length += bytes.length;
    crc = crc32c(bytes, crc);
  };
  const commit = (): void => {
    add(frame(3, crc));
    crc = 0;
  };
  for (const [at, batch] of segment.batches.entries()) {
    for (const entry of batch) {
      offsets.push(length);
      const payload = encodeEntry(entry);
      add(frame(1, payload.length, payload));
    }
    if (segment.sealed && at === segment.batches.length - 1) {
      const index = Buffer.alloc(offsets.length * 4);
      offsets.forEach((offset, n) => index.writeUInt32LE(offset, n * 4));
      indexStart = length + 8;
      add(frame(2, index.length, index));
    }
    commit();
  }
  const rest = Math.max(0, (segment.sizeLimit ?? 0) - length);
  return { bytes: Buffer.concat([...parts, Buffer.alloc(rest)]), indexStart };
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

export function segmentName({ baseIndex, id }: { baseIndex: number; id: number }): string {
  return `${String(baseIndex).padStart(20, '0')}-${id.toString(16).padStart(16, '0')}.wal`;
}

/** Writes `<directory>/wal-meta.db` and the segments: a valid raft-wal 0.4.2 log. */
export function writeRaftWal(directory: string, wal: RaftWalToWrite): void {
  fs.mkdirSync(directory, { recursive: true });
  const infos = wal.segments.map((segment) => {
    const { bytes, indexStart } = segmentBytes(segment);
    fs.writeFileSync(path.join(directory, segmentName(segment)), bytes);
    const last = segment.baseIndex + segment.batches.flat().length - 1;
    return {
      ID: segment.id,
      BaseIndex: segment.baseIndex,
      MinIndex: segment.minIndex ?? segment.baseIndex,
      MaxIndex: segment.sealed ? (segment.maxIndex ?? last) : 0,
      Codec: 1,
      IndexStart: indexStart,
      CreateTime: '2026-01-01T00:00:00Z',
      SealTime: segment.sealed ? '2026-01-01T00:00:01Z' : '0001-01-01T00:00:00Z',
      SizeLimit: segment.sizeLimit ?? 65536,
    };
  });
  const meta = Buffer.from(JSON.stringify({ NextSegmentID: wal.segments.length, Segments: infos }));
  const stable = [
    ...(wal.currentTerm === undefined ? [] : [[Buffer.from('CurrentTerm'), u64(wal.currentTerm)] as const]),
    ...(wal.lastVoteCandidate === undefined ? [] : [[Buffer.from('LastVoteCand'), Buffer.from(wal.lastVoteCandidate)] as const]),
    ...(wal.lastVoteTerm === undefined ? [] : [[Buffer.from('LastVoteTerm'), u64(wal.lastVoteTerm)] as const]),
  ];
  writeMeta(path.join(directory, 'wal-meta.db'), meta, stable);
}

function writeMeta(file: string, meta: Buffer, stable: readonly (readonly [Buffer, Buffer])[]): void {
  writeBolt(file, [
    { name: 'stable', items: stable },
    { name: 'wal-meta', items: [[Buffer.from('m'), meta]] },
  ]);
}
