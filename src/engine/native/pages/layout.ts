/**
 * Layout of a data.mdb file, data version 2, little-endian, 64 bit (LMDB 1.0 line as shipped in npm lmdb 3.5.6: liblmdb/mdb.c,
 * MDB_page_header, MDB_meta, MDB_db, MDB_node, MDB_ovpage). docs/formats/lmdb.md shows it byte by byte.
 *
 *     page   | 0 number u64 | 8 transaction u64 | 16 pad u16 | 18 flags u16 | 20 lower u16 | 22 upper u16 |   24 bytes, then content
 *            overflow pages have at 20 the count of pages u32; only the first of them has a header
 *     meta   | 24 magic u32 | 28 version u32 | 32 address u64 | 40 map size u64 | 48 free tree | 96 main tree | 144 last page u64 | 152 transaction u64 | 160 boot id u64 |
 *     tree   | 0 pad u32 | 4 flags u16 | 6 depth u16 | 8 branch pages u64 | 16 leaf pages u64 | 24 overflow pages u64 | 32 entries u64 | 40 root u64 |
 *            the pad of the free tree in a meta page is the page size
 *     node   | 0 value bytes u32 | 4 flags u16 | 6 key bytes u16 | 8 key | value |       branch: bytes 0..5 are the child's page number
 *     big    | 0 page u64 | 8 transaction u64 | 16 pages u64 |                           value of a node with flag 1
 */
export const PAGE_HEADER_BYTES = 24;
export const META_BYTES = 168;
export const TREE_BYTES = 48;
export const NODE_HEADER_BYTES = 8;
export const BIG_VALUE_BYTES = 24;

export const MAGIC = 0xbeefc0de;
export const DATA_VERSION = 2;

export const PAGE = { branch: 0x01, leaf: 0x02, overflow: 0x04, meta: 0x08 } as const;
export const NODE = { bigValue: 0x01, subTree: 0x02, duplicates: 0x04 } as const;

/** mdb.c: MAX_PAGESIZE; the smallest is that of mdb_env_set_pagesize. */
export const MIN_PAGE_BYTES = 256;
export const MAX_PAGE_BYTES = 0x10000;
/** mdb.c: CURSOR_STACK. No tree is deeper. */
export const MAX_DEPTH = 32;
/** lmdb.h: a value's size is 32 bits; more than this is never allocated for one. */
export const MAX_VALUE_BYTES = 256 * 1024 * 1024;

/** An unsigned 64-bit field as a number; Infinity when it is no safe integer (P_INVALID, all ones, is one of those). */
export function u64(bytes: Buffer, at: number): number {
  const high = bytes.readUInt32LE(at + 4);
  return high > 0x1fffff ? Infinity : high * 0x1_0000_0000 + bytes.readUInt32LE(at);
}

/** Root and counts of one B+ tree; `root` null when it is empty. */
export interface TreeHead {
  readonly flags: number;
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  readonly entries: number;
  readonly root: number | null;
}

const INVALID_PAGE = 0xffff_ffff_ffff_ffffn;

/** Decodes 48 bytes from `at`; a root that is neither a page number nor "none" stays Infinity, for the walk to refuse. */
export function decodeTreeHead(bytes: Buffer, at: number): TreeHead {
  return {
    flags: bytes.readUInt16LE(at + 4),
    depth: bytes.readUInt16LE(at + 6),
    branchPages: u64(bytes, at + 8),
    leafPages: u64(bytes, at + 16),
    overflowPages: u64(bytes, at + 24),
    entries: u64(bytes, at + 32),
    root: bytes.readBigUInt64LE(at + 40) === INVALID_PAGE ? null : u64(bytes, at + 40),
  };
}
