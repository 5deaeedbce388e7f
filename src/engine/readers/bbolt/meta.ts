import { CorruptDataError } from '../../errors.ts';
import type { FileSource } from '../file-source.ts';
import { fnv1a64, u64, u64Text } from './bytes.ts';
import type { BoltMeta } from './types.ts';

// The meta struct behind the 16-byte page header (bbolt 1.3.11 db.go, 1.4.3 internal/common/meta.go), little-endian:
//
//   0 u32 magic    4 u32 version   8 u32 pageSize  12 u32 flags      16 u64 root page   24 u64 root sequence
//  32 u64 freelist page (all ones: not synced)     40 u64 high-water page id            48 u64 txid
//  56 u64 checksum: FNV-1a 64 over bytes 0..55
const META_AT = 16;
const META_BYTES = 80;
const MAGIC = 0xed0cdaed;
const MAGIC_SWAPPED = 0xedda0ced;
const VERSION = 2;
const META_FLAG = 0x04;
const MIN_PAGE_BYTES = 1024;
const MAX_PAGE_BYTES = MIN_PAGE_BYTES << 14;
const USUAL_PAGE_BYTES = 4096;
const FREELIST_NOT_SYNCED = 2 ** 64;

/** Both meta pages, and the one in use: the higher txid among those that pass their checks. */
export interface Metas {
  metas: BoltMeta[];
  current: BoltMeta;
}

/**
 * Reads both meta pages. When meta 0 is damaged the page size is unknown, so a valid meta 1 is looked for at 1024·2^i as
 * bbolt itself does (db.go getPageSize).
 * @throws {CorruptDataError} When neither can be used.
 */
export function readMetas(source: FileSource): Metas {
  const first = metaAt(source, 0, 0);
  const second = first.problem === null ? metaAt(source, 1, first.pageSize) : probeSecond(source, first);
  if (first.problem === null && second.problem === null && first.pageSize !== second.pageSize) {
    second.problem = `page size ${second.pageSize} differs from meta 0 (${first.pageSize})`;
  }
  const current = [first, second].filter((meta) => meta.problem === null).sort((a, b) => b.txid - a.txid)[0];
  if (!current) throw bothBad(source, first, second);
  return { metas: [first, second], current };
}

function bothBad(source: FileSource, first: BoltMeta, second: BoltMeta): CorruptDataError {
  if (source.size === 0) return new CorruptDataError(source.name, 0, 'the file is empty, a bbolt database was expected');
  const problem = first.problem === second.problem ? `both say: ${first.problem}` : `meta 0: ${first.problem}; meta 1: ${second.problem}`;
  return new CorruptDataError(source.name, 0, `both meta pages of the bbolt file are bad (${problem})`);
}

function probeSecond(source: FileSource, first: BoltMeta): BoltMeta {
  for (let size = MIN_PAGE_BYTES; size <= MAX_PAGE_BYTES; size *= 2) {
    const meta = metaAt(source, 1, size);
    if (meta.problem === null) return meta;
  }
  return metaAt(source, 1, isPageSize(first.pageSize) ? first.pageSize : USUAL_PAGE_BYTES);
}

function isPageSize(size: number): boolean {
  return size >= MIN_PAGE_BYTES && size <= MAX_PAGE_BYTES && (size & (size - 1)) === 0;
}

function metaAt(source: FileSource, page: 0 | 1, pageSize: number): BoltMeta {
  const offset = page * pageSize;
  const bytes = source.read(offset, META_BYTES);
  if (bytes.length < META_BYTES) {
    return { page, problem: `the file ends before it (${source.size} bytes)`, txid: 0, pageSize: 0, rootPage: 0, freelistPage: null, highWater: 0 };
  }
  const freelist = u64(bytes, META_AT + 32);
  const meta: BoltMeta = {
    page,
    problem: null,
    pageSize: bytes.readUInt32LE(META_AT + 8),
    rootPage: u64(bytes, META_AT + 16),
    freelistPage: freelist === FREELIST_NOT_SYNCED ? null : freelist,
    highWater: u64(bytes, META_AT + 40),
    txid: u64(bytes, META_AT + 48),
  };
  meta.problem = frameProblem(bytes) ?? fieldProblem(bytes, meta, page === 1 ? pageSize : null);
  return meta;
}

function frameProblem(bytes: Buffer): string | null {
  const magic = bytes.readUInt32LE(META_AT);
  if (magic === MAGIC_SWAPPED) return 'written by a big-endian machine (s390x), which this reader does not read';
  if (magic !== MAGIC) return `magic is 0x${magic.toString(16).padStart(8, '0')}, not 0xed0cdaed`;
  const version = bytes.readUInt32LE(META_AT + 4);
  if (version !== VERSION) return `version is ${version}, not ${VERSION}`;
  const sum = fnv1a64(bytes.subarray(META_AT, META_AT + 56));
  const sumHolds = bytes.readUInt32LE(META_AT + 60) === sum.high && bytes.readUInt32LE(META_AT + 56) === sum.low;
  if (!sumHolds) return 'checksum does not match';
  const flags = bytes.readUInt16LE(8);
  return (flags & META_FLAG) === 0 ? `page flags are 0x${flags.toString(16)}, not a meta page` : null;
}

/** A checksum guards against damage, not against a hostile writer: the values are bounded too. */
function fieldProblem(bytes: Buffer, meta: BoltMeta, expectedPageSize: number | null): string | null {
  if (!isPageSize(meta.pageSize)) return `page size ${meta.pageSize} is not a power of two from ${MIN_PAGE_BYTES} to ${MAX_PAGE_BYTES}`;
  if (expectedPageSize !== null && meta.pageSize !== expectedPageSize) return `page size is ${meta.pageSize}, but the page lies at byte ${expectedPageSize}`;
  if (!Number.isSafeInteger(meta.txid)) return `txid ${u64Text(bytes, META_AT + 48)} is out of range`;
  if (!Number.isSafeInteger(meta.highWater * meta.pageSize)) return `high-water page ${u64Text(bytes, META_AT + 40)} is out of range`;
  if (meta.rootPage < 2 || meta.rootPage >= meta.highWater) {
    return `root page ${u64Text(bytes, META_AT + 16)} lies outside 2..${meta.highWater - 1}`;
  }
  return null;
}
