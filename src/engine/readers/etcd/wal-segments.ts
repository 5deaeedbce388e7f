import path from 'node:path';
import { listDirectory } from '../file-source.ts';

/** One WAL segment by its name: `<seq:16hex>-<index:16hex>.wal`. */
export interface WalSegment {
  path: string;
  /** Path below the member's directory, for people. */
  name: string;
  seq: number;
  /** Index of the first entry it was expected to hold when it was made. */
  firstIndex: number;
  /** Place in the list of segments present. */
  ordinal: number;
}

/**
 * Where etcd ends a segment and begins the next, before it acknowledges what crossed it (SegmentSizeBytes and Save, wal.go, the same
 * in 3.3 to 3.6). A build with larger ones preallocates larger files, which then do not end with their last record.
 */
export const SEGMENT_BYTES = 64 * 1000 * 1000;

const SEGMENT_NAME = /^([0-9a-f]{16})-([0-9a-f]{16})\.wal$/;

/** The segments of a WAL directory in order of sequence; files of other names (`0.tmp`) are no part of the log, and see `listBroken`. */
export function listSegments(directory: string, namePrefix: string): WalSegment[] {
  const segments: WalSegment[] = [];
  for (const file of listDirectory(directory)) {
    const parsed = parseSegmentName(file);
    if (!parsed) continue;
    segments.push({ path: path.join(directory, file), name: namePrefix + file, ...parsed, ordinal: segments.length });
  }
  return segments;
}

const BROKEN = '.broken';

/** The copies that etcd made of segments before it cut them, oldest first (Repair, etcd v3.6.14, server/storage/wal/repair.go). */
export function listBroken(segments: readonly WalSegment[]): WalSegment[] {
  const [oldest] = segments;
  if (!oldest) return [];
  const directory = path.dirname(oldest.path);
  const prefix = oldest.name.slice(0, -path.basename(oldest.path).length);
  const copies: WalSegment[] = [];
  for (const file of listDirectory(directory)) {
    const parsed = file.endsWith(BROKEN) ? parseSegmentName(file.slice(0, -BROKEN.length)) : null;
    // What a purged segment held has long been applied.
    if (parsed && parsed.seq >= oldest.seq) copies.push({ path: path.join(directory, file), name: prefix + file, ...parsed, ordinal: 0 });
  }
  return copies;
}

/** A lone segment file, wherever it lies and whatever it is called. */
export function loneSegment(file: string): WalSegment {
  const name = path.basename(file);
  return { path: file, name, ...(parseSegmentName(name) ?? { seq: 0, firstIndex: 0 }), ordinal: 0 };
}

export function parseSegmentName(file: string): { seq: number; firstIndex: number } | null {
  const match = SEGMENT_NAME.exec(file);
  if (!match) return null;
  const [seq, firstIndex] = [Number.parseInt(match[1] as string, 16), Number.parseInt(match[2] as string, 16)];
  return Number.isSafeInteger(seq) && Number.isSafeInteger(firstIndex) ? { seq, firstIndex } : null;
}

/** Sequence number and index, spelled as in a segment's name. */
export function segmentName(seq: number, firstIndex: number): string {
  return `${seq.toString(16).padStart(16, '0')}-${firstIndex.toString(16).padStart(16, '0')}.wal`;
}
