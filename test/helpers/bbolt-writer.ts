import fs from 'node:fs';
import { fnv1a64 } from '../../src/engine/readers/bbolt/bytes.ts';
import { FREELIST_FLAG, LEAF_FLAG } from '../../src/engine/readers/bbolt/page.ts';
import { pageImage, PageWriter, writeTree, type PageRow } from '../../src/engine/writers/bbolt/fresh-pages.ts';

// Writes bbolt files over the pages of the product's own writer (writers/bbolt/fresh-file.ts), with what only tests want: a bucket inside
// the root page or not, as they say, and files over files.

export interface BucketToWrite {
  name: string;
  /** Ascending by key; read once, so any number of items will do. */
  items: Iterable<readonly [Uint8Array, Uint8Array]>;
  /** Keeps the bucket inside the root page, as bbolt does with small ones. */
  inline?: boolean;
}

export interface BoltWriteOptions {
  pageSize?: number;
  /** Transaction of the newest meta, at least 1; the other meta has the one before. */
  txid?: number;
  freelist?: 'synced' | 'none';
}

/** Writes `file` and returns its size in pages. */
export function writeBolt(file: string, buckets: readonly BucketToWrite[], options: BoltWriteOptions = {}): { pages: number; rootPage: number } {
  const fd = fs.openSync(file, 'w', 0o600);
  try {
    const writer = new PageWriter(fd, options.pageSize ?? 4096);
    const freelistPage = options.freelist === 'none' ? null : writer.write(FREELIST_FLAG, []);
    const rows = [...buckets]
      .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
      .map((bucket) => ({ key: Buffer.from(bucket.name), value: bucketValue(writer, bucket), child: 0, isBucket: true }));
    const rootPage = writeTree(writer, rows);
    writer.finish(rootPage, freelistPage, options.txid ?? 1);
    return { pages: writer.nextPage, rootPage };
  } finally {
    fs.closeSync(fd);
  }
}

function bucketValue(writer: PageWriter, bucket: BucketToWrite): Buffer {
  const rows = rowsOf(bucket.items);
  const header = Buffer.alloc(16);
  if (bucket.inline) return Buffer.concat([header, pageImage(0, LEAF_FLAG, [...rows])]);
  header.writeBigUInt64LE(BigInt(writeTree(writer, rows)), 0);
  return header;
}

function* rowsOf(items: BucketToWrite['items']): Generator<PageRow> {
  for (const [key, value] of items) yield { key, value, child: 0, isBucket: false };
}

/** Puts the checksum on a meta page that a test has changed. */
export function resealMeta(page: Buffer): void {
  const sum = fnv1a64(page.subarray(16, 72));
  page.writeUInt32LE(sum.low, 72);
  page.writeUInt32LE(sum.high, 76);
}
