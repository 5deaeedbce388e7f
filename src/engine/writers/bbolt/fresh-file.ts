import fs from 'node:fs';
import { FREELIST_FLAG, LEAF_FLAG, PAGE_HEADER_BYTES } from '../../readers/bbolt/page.ts';
import { pageImage, PageWriter, rowBytes, writeTree, type PageRow } from './fresh-pages.ts';

const BUCKET_HEADER_BYTES = 16;
const USUAL_PAGE_BYTES = 4096;
/** bbolt keeps a bucket inside its parent while it fits in a quarter of a page (bbolt 1.4.3 bucket.go `inlineable`). */
const INLINE_SHARE = 4;
/** bbolt db.go `MaxKeySize`, `MaxValueSize`. */
const MAX_KEY_BYTES = 32_768;
const MAX_VALUE_BYTES = 2 ** 31 - 2;

export type BoltPair = readonly [key: Uint8Array, value: Uint8Array];

export interface FreshBucket {
  name: string;
  /** Ascending by key. Read once, so any number of items will do; a pair's bytes are only used until the next one is asked for. */
  items: Iterable<BoltPair>;
}

export interface FreshFileOptions {
  /** In bytes; that of the file it replaces. Default 4096. */
  pageSize?: number;
  /** Transaction of the newer meta, at least 1. */
  txid?: number;
  /** `none`: the file says that its freelist is not kept, as with bbolt's `NoFreelistSync`. */
  freelist?: 'synced' | 'none';
  mode?: number;
}

/**
 * Writes a new bbolt file of flat buckets, compact and in key order, as bbolt's own check accepts it: branch levels as needed,
 * overflow pages for large values, small buckets inside the root page, an empty freelist. Memory stays flat: one unfinished page a
 * level. The file is synced; its directory is the caller's to sync.
 * @throws {RangeError} When keys do not ascend or are of no size bbolt takes: a writer's mistake, never what is on a disk.
 */
export function writeFreshBolt(file: string, buckets: readonly FreshBucket[], options: FreshFileOptions = {}): { bytes: number; pages: number } {
  const { pageSize = USUAL_PAGE_BYTES, txid = 1, freelist = 'synced', mode = 0o600 } = options;
  const fd = fs.openSync(file, 'wx', mode);
  try {
    const writer = new PageWriter(fd, pageSize);
    const freelistPage = freelist === 'none' ? null : writer.write(FREELIST_FLAG, []);
    const rows = [...buckets]
      .map((bucket) => ({ key: Buffer.from(bucket.name), bucket }))
      .sort((a, b) => Buffer.compare(a.key, b.key))
      .map(({ key, bucket }) => ({ key, value: bucketValue(writer, bucket), child: 0, isBucket: true }));
    writer.finish(writeTree(writer, rows), freelistPage, txid);
    fs.fsyncSync(fd);
    return { bytes: writer.nextPage * pageSize, pages: writer.nextPage };
  } finally {
    fs.closeSync(fd);
  }
}

/** The value of a bucket's element: u64 root page, u64 sequence 0, and with root 0 the bucket's only page. */
function bucketValue(writer: PageWriter, { items }: FreshBucket): Buffer {
  const rows = rowsOf(items);
  const first: PageRow[] = [];
  let bytes = PAGE_HEADER_BYTES;
  let next = rows.next();
  for (; !next.done && bytes + rowBytes(next.value) <= writer.pageSize / INLINE_SHARE; next = rows.next()) {
    const { key, value } = next.value;
    first.push({ ...next.value, key: Buffer.from(key), value: Buffer.from(value) });
    bytes += rowBytes(next.value);
  }
  const header = Buffer.alloc(BUCKET_HEADER_BYTES);
  if (next.done) return Buffer.concat([header, pageImage(0, LEAF_FLAG, first)]);
  header.writeBigUInt64LE(BigInt(writeTree(writer, chain(first, next.value, rows))), 0);
  return header;
}

function* chain(first: readonly PageRow[], row: PageRow, rest: Iterable<PageRow>): Generator<PageRow> {
  yield* first;
  yield held(row);
  for (const one of rest) yield held(one);
}

/** A row waits in its page until that is full, and its source moves on meanwhile. */
function held(row: PageRow): PageRow {
  return { ...row, key: Buffer.from(row.key), value: Buffer.from(row.value) };
}

function* rowsOf(items: Iterable<BoltPair>): Generator<PageRow> {
  let before: Buffer | null = null;
  for (const [key, value] of items) {
    if (key.length === 0 || key.length > MAX_KEY_BYTES || value.length > MAX_VALUE_BYTES) {
      throw new RangeError(`bbolt takes no item with a key of ${key.length} and a value of ${value.length} bytes`);
    }
    if (before !== null && Buffer.compare(before, key) >= 0) throw new RangeError('keys for a bbolt bucket do not ascend');
    before = Buffer.from(key);
    yield { key, value, child: 0, isBucket: false };
  }
}
