import fs from 'node:fs';
import { RefusedError } from '../../errors.ts';
import { bucketRoot } from '../../readers/bbolt/bucket.ts';
import { fnv1a64 } from '../../readers/bbolt/bytes.ts';
import { BoltFile } from '../../readers/bbolt/file.ts';
import { BRANCH_FLAG, heldPage, LEAF_FLAG, PageReader, type Page } from '../../readers/bbolt/page.ts';
import { FileSource } from '../../readers/file-source.ts';
import { branchRows, leafRow, leafRows, placeOf, putRow } from './edit-pages.ts';
import { pageImage, type PageRow } from './fresh-pages.ts';

/**
 * What one transaction changes in one top-level bucket. `set` puts keys into a small bucket (all of it is read and written anew),
 * with `replace` after emptying it; `append` puts one key behind the last one of a bucket of any size.
 */
export type BucketEdit =
  | { bucket: string; kind: 'set' | 'replace'; items: readonly (readonly [string, string | Buffer])[] }
  | { bucket: string; kind: 'append'; key: Buffer; value: Buffer };

const META_AT = 16;
const BUCKET_HEADER_BYTES = 16;
const MAX_DEPTH = 64;
/** More than the small buckets of any store; `set` on more is a mistake. */
const MAX_SET_BYTES = 16 << 20;
/** bbolt keeps a bucket inside its parent up to a quarter of a page. */
const INLINE_SHARE = 4;

/**
 * Changes buckets of a bbolt file in place, as one transaction: changed pages are written behind the high-water mark and synced,
 * then the older meta page is made to name them and synced. Free pages are not used, and the freelist is marked as not synced, so
 * that the next opening works it out. A crash in between leaves the old content.
 *
 * Meant for a copy that nobody has open: no lock is taken.
 * @throws {RefusedError} `db-layout` when the root bucket or a bucket to be set is not as small as the stores served here keep them.
 * @throws {CorruptDataError} When a page that has to be read is damaged.
 * @see https://github.com/etcd-io/bbolt (v1.4.3, tx.go Commit, node.go write)
 */
export function editBolt(file: string, edits: readonly BucketEdit[]): void {
  const fd = fs.openSync(file, 'r+');
  try {
    using source = FileSource.open(file);
    new Transaction(fd, source).run(edits);
  } finally {
    fs.closeSync(fd);
  }
}

class Transaction {
  private readonly bolt: BoltFile;
  private readonly pages: PageReader;
  private nextPage: number;
  /** Small buckets as this transaction has them so far: what it wrote is not read back. */
  private readonly small = new Map<string, PageRow[]>();

  constructor(
    private readonly fd: number,
    private readonly source: FileSource,
  ) {
    this.bolt = BoltFile.open(source);
    this.pages = new PageReader(source, this.bolt.pageSize, this.bolt.highWater);
    this.nextPage = this.bolt.highWater;
  }

  run(edits: readonly BucketEdit[]): void {
    const root = this.pages.tree(this.bolt.current.rootPage);
    if (root.kind !== 'leaf') throw new RefusedError('db-layout', `${this.source.name} has more buckets than one page holds`, 'It is no store that this tool can change');
    const held = heldPage(root);
    const rows = leafRows(held);
    for (const edit of edits) this.apply(held, rows, edit);
    const newRoot = this.write((id) => pageImage(id, LEAF_FLAG, rows));
    this.commit(newRoot);
  }

  private apply(root: Page, rows: PageRow[], edit: BucketEdit): void {
    const name = Buffer.from(edit.bucket);
    let row = rows.find((one) => one.isBucket && Buffer.compare(one.key, name) === 0);
    if (!row) {
      row = leafRow(name, Buffer.concat([Buffer.alloc(BUCKET_HEADER_BYTES), pageImage(0, LEAF_FLAG, [])]), true);
      rows.splice(placeOf(rows, name), 0, row);
    }
    const value = Buffer.from(row.value);
    const sequence = value.subarray(8, BUCKET_HEADER_BYTES);
    const at = bucketRoot(root, name, value);
    if (edit.kind === 'append') {
      const first = typeof at === 'number' ? heldPage(this.pages.tree(at)) : at;
      row.value = typeof at === 'number' ? bucketValue(this.appendBelow(first, edit, 0), sequence) : this.smallBucket([...leafRows(first), leafRow(edit.key, edit.value)], sequence);
      return;
    }
    const items = edit.kind === 'replace' ? [] : (this.small.get(edit.bucket) ?? this.allRows(at, edit.bucket));
    this.small.set(edit.bucket, items);
    for (const [text, value] of edit.items) putRow(items, leafRow(Buffer.from(text), Buffer.from(value as string)));
    row.value = this.smallBucket(items, sequence);
  }

  /** A bucket as an inline image, or on a page of its own where it is larger. */
  private smallBucket(rows: PageRow[], sequence: Buffer): Buffer {
    const image = pageImage(0, LEAF_FLAG, rows);
    if (image.length <= this.bolt.pageSize / INLINE_SHARE) return Buffer.concat([bucketValue(0, sequence), image]);
    return bucketValue(this.write((id) => pageImage(id, LEAF_FLAG, rows)), sequence);
  }

  /** Copies the path to the last leaf, the leaf with one element more; returns the page that takes the place of `page`. */
  private appendBelow(page: Page, edit: BucketEdit & { kind: 'append' }, depth: number): number {
    if (depth > MAX_DEPTH) throw this.pages.corrupt(page.id, `lies deeper than ${MAX_DEPTH} levels`);
    if (page.kind === 'leaf') {
      const rows = leafRows(page);
      const last = rows.at(-1);
      if (last && Buffer.compare(last.key, edit.key) >= 0) throw new RangeError('the key does not come behind the last one');
      return this.write((id) => pageImage(id, LEAF_FLAG, [...rows, leafRow(edit.key, edit.value)]));
    }
    const rows = branchRows(page);
    const last = rows.at(-1);
    if (!last) throw this.pages.corrupt(page.id, `branch page ${page.id} has no elements`);
    last.child = this.appendBelow(heldPage(this.pages.tree(last.child)), edit, depth + 1);
    return this.write((id) => pageImage(id, BRANCH_FLAG, rows));
  }

  private allRows(at: number | Page, bucket: string): PageRow[] {
    const rows: PageRow[] = [];
    let bytes = 0;
    const walk = (page: Page, depth: number): void => {
      if (depth > MAX_DEPTH) throw this.pages.corrupt(page.id, `lies deeper than ${MAX_DEPTH} levels`);
      bytes += page.bytes.length;
      if (bytes > MAX_SET_BYTES) throw new RefusedError('db-layout', `bucket ${bucket} of ${this.source.name} is larger than ${MAX_SET_BYTES >> 20} MiB`, 'It is no store that this tool can change');
      if (page.kind === 'leaf') rows.push(...leafRows(page));
      else for (const { child } of branchRows(page)) walk(heldPage(this.pages.tree(child)), depth + 1);
    };
    walk(typeof at === 'number' ? heldPage(this.pages.tree(at)) : at, 0);
    return rows;
  }

  /** Writes a page with the overflow it needs behind everything else; returns its id. */
  private write(imageOf: (id: number) => Buffer): number {
    const { pageSize } = this.bolt;
    const id = this.nextPage;
    const image = imageOf(id);
    const pages = Math.max(1, Math.ceil(image.length / pageSize));
    image.writeUInt32LE(pages - 1, 12);
    writeAll(this.fd, Buffer.concat([image, Buffer.alloc(pages * pageSize - image.length)]), id * pageSize);
    this.nextPage += pages;
    return id;
  }

  private commit(rootPage: number): void {
    const { current, pageSize } = this.bolt;
    // bbolt maps whole pages: the file reaches one page past the last one in use.
    const size = Math.max(this.source.size, (this.nextPage + 1) * pageSize);
    fs.ftruncateSync(this.fd, size);
    fs.fsyncSync(this.fd);
    const txid = current.txid + 1;
    const meta = this.source.read(current.page * pageSize, pageSize);
    meta.writeBigUInt64LE(BigInt(txid % 2), 0);
    meta.writeBigUInt64LE(BigInt(rootPage), META_AT + 16);
    meta.writeBigUInt64LE(2n ** 64n - 1n, META_AT + 32);
    meta.writeBigUInt64LE(BigInt(this.nextPage), META_AT + 40);
    meta.writeBigUInt64LE(BigInt(txid), META_AT + 48);
    const sum = fnv1a64(meta.subarray(META_AT, META_AT + 56));
    meta.writeUInt32LE(sum.low, META_AT + 56);
    meta.writeUInt32LE(sum.high, META_AT + 60);
    writeAll(this.fd, meta, (txid % 2) * pageSize);
    fs.fsyncSync(this.fd);
  }
}

function bucketValue(root: number, sequence: Buffer): Buffer {
  const value = Buffer.alloc(BUCKET_HEADER_BYTES);
  value.writeBigUInt64LE(BigInt(root), 0);
  sequence.copy(value, 8);
  return value;
}

function writeAll(fd: number, bytes: Buffer, at: number): void {
  for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done, bytes.length - done, at + done);
}
