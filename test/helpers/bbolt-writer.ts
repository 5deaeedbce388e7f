import fs from 'node:fs';
import { fnv1a64 } from '../../src/engine/readers/bbolt/bytes.ts';

// Writes fresh bbolt files of the kind `bbolt check` accepts: two metas with the same root, an empty freelist (or none),
// leaf pages in key order, branch levels above them, and a root leaf with one element a bucket.
const HEADER_BYTES = 16;
const ELEMENT_BYTES = 16;
const BRANCH = 0x01;
const LEAF = 0x02;
const META = 0x04;
const FREELIST = 0x10;
const OUT_BYTES = 1 << 20;

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

interface Row {
  key: Uint8Array;
  /** Leaf: the value. Branch: empty. */
  value: Uint8Array;
  child: number;
  isBucket: boolean;
}

/** Writes `file` and returns its size in pages. */
export function writeBolt(file: string, buckets: readonly BucketToWrite[], options: BoltWriteOptions = {}): { pages: number; rootPage: number } {
  const pageSize = options.pageSize ?? 4096;
  const writer = new PageWriter(file, pageSize);
  const freelistPage = options.freelist === 'none' ? null : writer.write(FREELIST, []);
  const rows = [...buckets]
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
    .map((bucket) => ({ key: Buffer.from(bucket.name), value: bucketValue(writer, bucket), child: 0, isBucket: true }));
  const rootPage = writeTree(writer, rows);
  writer.finish(rootPage, freelistPage, options.txid ?? 1);
  return { pages: writer.nextPage, rootPage };
}

function bucketValue(writer: PageWriter, bucket: BucketToWrite): Buffer {
  const rows = rowsOf(bucket.items);
  const header = Buffer.alloc(16);
  if (bucket.inline) return Buffer.concat([header, pageImage(0, LEAF, [...rows])]);
  header.writeBigUInt64LE(BigInt(writeTree(writer, rows)), 0);
  return header;
}

function* rowsOf(items: BucketToWrite['items']): Generator<Row> {
  for (const [key, value] of items) yield { key, value, child: 0, isBucket: false };
}

/** Writes one tree bottom-up, holding one unfinished page a level; returns its root page. */
function writeTree(writer: PageWriter, rows: Iterable<Row>): number {
  const levels: { rows: Row[]; bytes: number; pages: number }[] = [];
  const levelAt = (depth: number) => (levels[depth] ??= { rows: [], bytes: HEADER_BYTES, pages: 0 });
  const flush = (depth: number): number => {
    const level = levelAt(depth);
    const first = level.rows[0];
    const page = writer.write(depth === 0 ? LEAF : BRANCH, level.rows);
    level.rows = [];
    level.bytes = HEADER_BYTES;
    level.pages += 1;
    if (first) add(depth + 1, { key: Buffer.from(first.key), value: Buffer.alloc(0), child: page, isBucket: false });
    return page;
  };
  const add = (depth: number, row: Row): void => {
    const level = levelAt(depth);
    const bytes = ELEMENT_BYTES + row.key.length + row.value.length;
    if (level.rows.length > 0 && level.bytes + bytes > writer.pageSize) flush(depth);
    level.rows.push(row);
    level.bytes += bytes;
  };
  for (const row of rows) add(0, row);
  for (let depth = 0; ; depth++) {
    const level = levelAt(depth);
    const only = level.rows[0];
    if (depth > 0 && level.pages === 0 && level.rows.length === 1 && only) return only.child;
    if (level.rows.length > 0 || depth === 0) {
      const page = flush(depth);
      if (!only) return page; // an empty tree is one empty leaf
    }
  }
}

function pageImage(id: number, flags: number, rows: readonly Row[]): Buffer {
  const bytes = rows.reduce((sum, { key, value }) => sum + key.length + value.length, HEADER_BYTES + rows.length * ELEMENT_BYTES);
  const image = Buffer.alloc(bytes);
  image.writeBigUInt64LE(BigInt(id), 0);
  image.writeUInt16LE(flags, 8);
  image.writeUInt16LE(rows.length, 10);
  let at = HEADER_BYTES + rows.length * ELEMENT_BYTES;
  rows.forEach(({ key, value, child, isBucket }, i) => {
    const element = HEADER_BYTES + i * ELEMENT_BYTES;
    if (flags === BRANCH) {
      image.writeUInt32LE(at - element, element);
      image.writeUInt32LE(key.length, element + 4);
      image.writeBigUInt64LE(BigInt(child), element + 8);
    } else {
      image.writeUInt32LE(isBucket ? 1 : 0, element);
      image.writeUInt32LE(at - element, element + 4);
      image.writeUInt32LE(key.length, element + 8);
      image.writeUInt32LE(value.length, element + 12);
    }
    image.set(key, at);
    image.set(value, at + key.length);
    at += key.length + value.length;
  });
  return image;
}

class PageWriter {
  nextPage = 2;
  private readonly fd: number;
  private out: Buffer[] = [];
  private outBytes = 0;
  private written: number;

  constructor(
    file: string,
    readonly pageSize: number,
  ) {
    this.fd = fs.openSync(file, 'w', 0o600);
    this.written = 2 * pageSize;
  }

  /** Appends a page with the overflow it needs; returns its id. */
  write(flags: number, rows: readonly Row[]): number {
    const id = this.nextPage;
    const image = pageImage(id, flags, rows);
    const pages = Math.max(1, Math.ceil(image.length / this.pageSize));
    image.writeUInt32LE(pages - 1, 12);
    this.push(image);
    this.push(Buffer.alloc(pages * this.pageSize - image.length));
    this.nextPage += pages;
    return id;
  }

  finish(rootPage: number, freelistPage: number | null, txid: number): void {
    this.flush();
    for (const id of [txid - 1, txid]) {
      const meta = this.meta(id, rootPage, freelistPage);
      fs.writeSync(this.fd, meta, 0, meta.length, (id % 2) * this.pageSize);
    }
    fs.closeSync(this.fd);
  }

  private push(bytes: Buffer): void {
    this.out.push(bytes);
    this.outBytes += bytes.length;
    if (this.outBytes >= OUT_BYTES) this.flush();
  }

  private flush(): void {
    const bytes = Buffer.concat(this.out);
    fs.writeSync(this.fd, bytes, 0, bytes.length, this.written);
    this.written += bytes.length;
    this.out = [];
    this.outBytes = 0;
  }

  private meta(txid: number, rootPage: number, freelistPage: number | null): Buffer {
    const page = Buffer.alloc(this.pageSize);
    page.writeBigUInt64LE(BigInt(txid % 2), 0);
    page.writeUInt16LE(META, 8);
    page.writeUInt32LE(0xed0cdaed, 16);
    page.writeUInt32LE(2, 20);
    page.writeUInt32LE(this.pageSize, 24);
    page.writeBigUInt64LE(BigInt(rootPage), 32);
    page.writeBigUInt64LE(freelistPage === null ? 2n ** 64n - 1n : BigInt(freelistPage), 48);
    page.writeBigUInt64LE(BigInt(this.nextPage), 56);
    page.writeBigUInt64LE(BigInt(txid), 64);
    resealMeta(page);
    return page;
  }
}

/** Puts the checksum on a meta page that a test has changed. */
export function resealMeta(page: Buffer): void {
  const sum = fnv1a64(page.subarray(16, 72));
  page.writeUInt32LE(sum.low, 72);
  page.writeUInt32LE(sum.high, 76);
}
