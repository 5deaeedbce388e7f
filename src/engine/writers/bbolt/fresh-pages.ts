import fs from 'node:fs';
import { fnv1a64 } from '../../readers/bbolt/bytes.ts';
import { BRANCH_FLAG, LEAF_FLAG, PAGE_HEADER_BYTES } from '../../readers/bbolt/page.ts';

const ELEMENT_BYTES = 16;
const META_BYTES = 64;
const META_FLAG = 0x04;
const MAGIC = 0xed0cdaed;
const VERSION = 2;
const BUCKET_ELEMENT = 1;
const NO_FREELIST = 2n ** 64n - 1n;
const WRITE_BYTES = 1 << 20;

/** One element of a page. Leaf: key and value (`isBucket`: the value is a bucket's header); branch: first key and child page. */
export interface PageRow {
  key: Uint8Array;
  value: Uint8Array;
  child: number;
  isBucket: boolean;
}

/** The bytes that a row takes in a page, its element included. */
export function rowBytes({ key, value }: PageRow): number {
  return ELEMENT_BYTES + key.length + value.length;
}

/**
 * A page as bbolt lays it out (bbolt 1.4.3 internal/common/page.go): header, all elements, then keys and values in the order of
 * the elements. The result is as long as its content; whoever writes it adds overflow and zeros.
 */
export function pageImage(id: number, flags: number, rows: readonly PageRow[]): Buffer {
  const dataStart = PAGE_HEADER_BYTES + rows.length * ELEMENT_BYTES;
  const image = Buffer.alloc(rows.reduce((sum, { key, value }) => sum + key.length + value.length, dataStart));
  image.writeBigUInt64LE(BigInt(id), 0);
  image.writeUInt16LE(flags, 8);
  image.writeUInt16LE(rows.length, 10);
  let at = dataStart;
  for (const [i, row] of rows.entries()) {
    element(image, PAGE_HEADER_BYTES + i * ELEMENT_BYTES, at, row, flags);
    image.set(row.key, at);
    image.set(row.value, at + row.key.length);
    at += row.key.length + row.value.length;
  }
  return image;
}

/** Writes one element at `at`; the key lies at `keyAt`, and positions count from the element itself. */
function element(image: Buffer, at: number, keyAt: number, { key, value, child, isBucket }: PageRow, flags: number): void {
  if (flags === BRANCH_FLAG) {
    image.writeUInt32LE(keyAt - at, at);
    image.writeUInt32LE(key.length, at + 4);
    image.writeBigUInt64LE(BigInt(child), at + 8);
    return;
  }
  image.writeUInt32LE(isBucket ? BUCKET_ELEMENT : 0, at);
  image.writeUInt32LE(keyAt - at, at + 4);
  image.writeUInt32LE(key.length, at + 8);
  image.writeUInt32LE(value.length, at + 12);
}

/** Appends pages to a new file, about a megabyte at a time, and its two meta pages last. */
export class PageWriter {
  /** Id that the next page gets; in the end the high-water mark. */
  nextPage = 2;
  private readonly pending: Buffer[] = [];
  private pendingBytes = 0;
  private written: number;

  constructor(
    private readonly fd: number,
    readonly pageSize: number,
  ) {
    this.written = 2 * pageSize;
  }

  /** Appends a page with the overflow it needs; returns its id. */
  write(flags: number, rows: readonly PageRow[]): number {
    const id = this.nextPage;
    const image = pageImage(id, flags, rows);
    const pages = Math.max(1, Math.ceil(image.length / this.pageSize));
    image.writeUInt32LE(pages - 1, 12);
    this.push(image);
    const rest = pages * this.pageSize - image.length;
    if (rest > 0) this.push(Buffer.alloc(rest));
    this.nextPage += pages;
    return id;
  }

  /** Both metas name the same tree, the later of them with `txid`: should one be lost, the other says the same. */
  finish(rootPage: number, freelistPage: number | null, txid: number): void {
    this.flush();
    for (const id of [txid - 1, txid]) {
      this.writeAt(metaPage({ pageSize: this.pageSize, rootPage, freelistPage, highWater: this.nextPage, txid: id }), (id % 2) * this.pageSize);
    }
  }

  private push(bytes: Buffer): void {
    this.pending.push(bytes);
    this.pendingBytes += bytes.length;
    if (this.pendingBytes >= WRITE_BYTES) this.flush();
  }

  private flush(): void {
    const bytes = Buffer.concat(this.pending.splice(0));
    this.pendingBytes = 0;
    this.writeAt(bytes, this.written);
    this.written += bytes.length;
  }

  private writeAt(bytes: Buffer, offset: number): void {
    for (let done = 0; done < bytes.length; ) done += fs.writeSync(this.fd, bytes, done, bytes.length - done, offset + done);
  }
}

interface MetaToWrite {
  pageSize: number;
  rootPage: number;
  freelistPage: number | null;
  highWater: number;
  txid: number;
}

/** A meta page (layout: readers/bbolt/meta.ts), its checksum over the 56 bytes before it. */
function metaPage({ pageSize, rootPage, freelistPage, highWater, txid }: MetaToWrite): Buffer {
  const page = Buffer.alloc(pageSize);
  const meta = page.subarray(PAGE_HEADER_BYTES, PAGE_HEADER_BYTES + META_BYTES);
  page.writeBigUInt64LE(BigInt(txid % 2), 0);
  page.writeUInt16LE(META_FLAG, 8);
  meta.writeUInt32LE(MAGIC, 0);
  meta.writeUInt32LE(VERSION, 4);
  meta.writeUInt32LE(pageSize, 8);
  meta.writeBigUInt64LE(BigInt(rootPage), 16);
  meta.writeBigUInt64LE(freelistPage === null ? NO_FREELIST : BigInt(freelistPage), 32);
  meta.writeBigUInt64LE(BigInt(highWater), 40);
  meta.writeBigUInt64LE(BigInt(txid), 48);
  const sum = fnv1a64(meta.subarray(0, 56));
  meta.writeUInt32LE(sum.low, 56);
  meta.writeUInt32LE(sum.high, 60);
  return page;
}

/** Writes one tree bottom-up, holding one unfinished page a level; returns its root page. An empty tree is one empty leaf. */
export function writeTree(writer: PageWriter, rows: Iterable<PageRow>): number {
  const tree = new TreeWriter(writer);
  for (const row of rows) tree.add(0, row);
  return tree.finish();
}

class TreeWriter {
  private readonly levels: { rows: PageRow[]; bytes: number; pages: number }[] = [];

  constructor(private readonly writer: PageWriter) {}

  add(depth: number, row: PageRow): void {
    const level = this.level(depth);
    const bytes = rowBytes(row);
    if (level.rows.length > 0 && level.bytes + bytes > this.writer.pageSize) this.flush(depth);
    level.rows.push(row);
    level.bytes += bytes;
  }

  /** `add` flushes only to make room for a row, so a level that was begun has one. */
  finish(): number {
    for (let depth = 0; ; depth++) {
      const level = this.level(depth);
      const [only] = level.rows;
      if (depth > 0 && level.pages === 0 && level.rows.length === 1 && only) return only.child;
      const page = this.flush(depth);
      if (only === undefined) return page;
    }
  }

  private level(depth: number): { rows: PageRow[]; bytes: number; pages: number } {
    return (this.levels[depth] ??= { rows: [], bytes: PAGE_HEADER_BYTES, pages: 0 });
  }

  private flush(depth: number): number {
    const level = this.level(depth);
    const [first] = level.rows;
    const page = this.writer.write(depth === 0 ? LEAF_FLAG : BRANCH_FLAG, level.rows);
    level.rows = [];
    level.bytes = PAGE_HEADER_BYTES;
    level.pages += 1;
    if (first) this.add(depth + 1, { key: Buffer.from(first.key), value: Buffer.alloc(0), child: page, isBucket: false });
    return page;
  }
}
