import type { LogIndex, Term } from '../../core/types.ts';
import { CorruptDataError, RefusedError } from '../../errors.ts';
import { BoltFile } from '../../readers/bbolt/file.ts';
import { FileSource } from '../../readers/file-source.ts';
import { BINARY_CODEC } from '../../readers/raft-wal/codec.ts';
import { readSegmentList, segmentFileName, type SegmentInfo } from '../../readers/raft-wal/meta.ts';
import { rewriteBolt, withKey } from '../bbolt/fresh-file-from.ts';

const META_BUCKET = 'wal-meta';
const META_KEY = 'm';
const STABLE_BUCKET = 'stable';
const UNSEALED = '0001-01-01T00:00:00Z';
const USUAL_SEGMENT_BYTES = 64 << 20;

/** The segment list of a `wal-meta.db` as it is stored: the rows as plain objects, so that what we do not know is kept. */
export interface WalList {
  nextSegmentId: number;
  rows: Record<string, unknown>[];
  segments: SegmentInfo[];
}

/** The one segment that is written, and what becomes of the list. All plain: it goes into a plan. */
export interface WalChange {
  segment: { file: string; baseIndex: LogIndex; id: number; codec: number; sizeLimit: number; /** Entries kept from the old file of that name: up to here; null for none. */ keepTo: LogIndex | null };
  /** The new list; null: it stays as it is, and the segment takes the place of the one with its name. */
  list: { NextSegmentID: number; Segments: Record<string, unknown>[] } | null;
  /** Segment files that the new list no longer names. */
  removed: string[];
  /** The oldest entry that is left. */
  firstKept: LogIndex;
}

/** @throws {CorruptDataError} When there is no list. */
export function readWalList(file: string, name: string): WalList {
  using source = FileSource.open(file, name);
  const bolt = BoltFile.open(source);
  const segments = readSegmentList(bolt);
  if (typeof segments === 'string') throw new CorruptDataError(name, 0, segments);
  const stored = JSON.parse(bolt.bucket(META_BUCKET)?.get(META_KEY)?.toString('utf8') ?? '{}') as { NextSegmentID: number; Segments: Record<string, unknown>[] | null };
  return { nextSegmentId: stored.NextSegmentID, rows: stored.Segments ?? [], segments };
}

/** Whether entries of this log are encoded by the application, so that nobody else can write one. */
export function hasOwnCodec(list: WalList): boolean {
  return list.segments.some(({ Codec }) => Codec !== BINARY_CODEC);
}

/**
 * How the log is cut behind `keepTo`, ready for an entry at `keepTo` + 1. An unsealed tail that holds `keepTo`, or begins right behind it,
 * is written anew; a sealed segment ends there by its row in the list, as the library truncates (raft-wal v0.4.2 wal.go
 * `truncateTailLocked`), and a new segment follows; where the log does not reach `keepTo`, the new segment is all there is.
 * @param last The log's last entry, 0 for none.
 * @throws {RefusedError} `application-codec` for a log with an encoding of the application's own.
 */
export function planWalChange(list: WalList, last: LogIndex, keepTo: LogIndex, createTime: string): WalChange {
  if (hasOwnCodec(list)) {
    throw new RefusedError('application-codec', 'the log is encoded by the application itself: nobody else can write an entry', 'The program that wrote it has to recover it');
  }
  const { segments } = list;
  const first = segments[0]?.MinIndex ?? keepTo + 1;
  const tail = segments.at(-1);
  const isInTail = tail !== undefined && !tail.sealed && keepTo + 1 >= Math.max(first, tail.BaseIndex) && (last >= keepTo || tail.BaseIndex === keepTo + 1);
  if (isInTail) {
    const { BaseIndex: baseIndex, ID: id, Codec: codec, SizeLimit: sizeLimit, file } = tail;
    return { segment: { file, baseIndex, id, codec, sizeLimit, keepTo: keepTo >= baseIndex ? keepTo : null }, list: null, removed: [], firstKept: first };
  }
  return newTail(list, keepTo >= first && keepTo <= last ? segments.findIndex(({ MaxIndex, sealed }) => sealed && MaxIndex >= keepTo) : -1, keepTo, createTime);
}

/** How the log is emptied, so that it goes on behind `keepTo`; possible whatever encodes its entries. */
export function planEmptyWal(list: WalList, keepTo: LogIndex, createTime: string): WalChange {
  return newTail(list, -1, keepTo, createTime);
}

/** A list that ends with row `at`, cut at `keepTo`, and a new segment; -1: the new segment alone. */
function newTail({ nextSegmentId: id, rows, segments }: WalList, at: number, keepTo: LogIndex, createTime: string): WalChange {
  const baseIndex = keepTo + 1;
  const sizeLimit = segments.at(-1)?.SizeLimit ?? USUAL_SEGMENT_BYTES;
  const codec = segments.at(-1)?.Codec ?? BINARY_CODEC;
  const row = { ID: id, BaseIndex: baseIndex, MinIndex: baseIndex, MaxIndex: 0, Codec: codec, IndexStart: 0, CreateTime: createTime, SealTime: UNSEALED, SizeLimit: sizeLimit };
  const kept = rows.slice(0, at + 1).map((one, n) => (n === at ? { ...one, MaxIndex: keepTo } : one));
  return {
    segment: { file: segmentFileName(baseIndex, id), baseIndex, id, codec, sizeLimit, keepTo: null },
    list: { NextSegmentID: id + 1, Segments: [...kept, row] },
    removed: segments.slice(at + 1).map(({ file }) => file),
    firstKept: at < 0 ? baseIndex : (segments[0]?.MinIndex ?? baseIndex),
  };
}

/** Writes `wal-meta.db` anew: the list where it changes, the term where it does; everything else as it is. */
export function rewriteWalMeta(from: string, into: string, name: string, list: WalChange['list'], currentTerm: Term | null): void {
  rewriteBolt(from, into, name, {
    [META_BUCKET]: { edit: (items) => (list === null ? items : withKey(items, META_KEY, Buffer.from(JSON.stringify(list)))) },
    [STABLE_BUCKET]: { edit: (items) => (currentTerm === null ? items : withKey(items, 'CurrentTerm', walCounter(currentTerm))) },
  });
}

/** A u64 as raft-wal keeps terms: little-endian, unlike raft-boltdb. */
export function walCounter(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
