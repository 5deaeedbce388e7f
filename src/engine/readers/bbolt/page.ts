import { CorruptDataError } from '../../errors.ts';
import type { FileSource } from '../file-source.ts';
import { u64, u64Text } from './bytes.ts';

// Page header (bbolt 1.4.3 internal/common/page.go): 0 u64 id · 8 u16 flags · 10 u16 count · 12 u32 overflow.
// Elements follow at 16 + 16·i. Branch: 0 u32 pos · 4 u32 ksize · 8 u64 child page.
// Leaf: 0 u32 flags (1 = bucket) · 4 u32 pos · 8 u32 ksize · 12 u32 vsize. `pos` counts from the element's own first byte.
export const PAGE_HEADER_BYTES = 16;
const ELEMENT_BYTES = 16;
export const BRANCH_FLAG = 0x01;
export const LEAF_FLAG = 0x02;
export const FREELIST_FLAG = 0x10;
const BUCKET_FLAG = 0x01;

/** A page with its overflow is read whole, so a damaged overflow count must not decide how much memory we take. */
const MAX_PAGE_BYTES = 256 * 1024 * 1024;
const CACHED_PAGES = 64;
const CACHED_BYTES = 16 * 1024 * 1024;
/** A jump of at most this many pages forward still counts as reading in order. */
const NEAR_PAGES = 16;
const FIRST_READ_AHEAD_BYTES = 64 * 1024;
const MAX_READ_AHEAD_BYTES = 256 * 1024;

export interface PageHeader {
  id: number;
  byteOffset: number;
  flags: number;
  count: number;
  overflow: number;
}

/**
 * A branch or leaf page with its overflow, or an inline bucket's image. `bytes` begins with the page header. A leaf's bytes are
 * valid until the next page is asked of the same reader: `heldPage` copies.
 */
export interface Page {
  file: string;
  id: number;
  byteOffset: number;
  kind: 'branch' | 'leaf';
  count: number;
  overflow: number;
  bytes: Buffer;
}

export interface BranchElement {
  key: Buffer;
  child: number;
}

export interface LeafElement {
  isBucket: boolean;
  key: Buffer;
  value: Buffer;
  /** Where its bytes end in the page. */
  end: number;
}

/** Where a leaf element lies in its page's bytes: key from `keyStart` to `valueStart`, value from there to `end`. */
export interface LeafCell {
  isBucket: boolean;
  keyStart: number;
  valueStart: number;
  end: number;
}

export function newCell(): LeafCell {
  return { isBucket: false, keyStart: 0, valueStart: 0, end: 0 };
}

/** The same page with bytes of its own. */
export function heldPage(page: Page): Page {
  return { ...page, bytes: Buffer.from(page.bytes) };
}

/**
 * Reads pages by id with every bound checked. Branch pages are kept, since every descent goes through them; leaves lie in one
 * buffer that is filled again and again, so a walk over a file of any size allocates next to nothing.
 */
export class PageReader {
  private readonly cache = new Map<number, Page>();
  private cachedBytes = 0;
  private buffer = Buffer.alloc(0);
  private block: { first: number; bytes: Buffer } = { first: 0, bytes: this.buffer };
  private lastId = 0;
  /** Grows while pages come in order, so that a scattered file is not read many times over. */
  private aheadBytes = FIRST_READ_AHEAD_BYTES;

  constructor(
    readonly source: FileSource,
    readonly pageSize: number,
    readonly highWater: number,
  ) {}

  /** Another reader of the same file with a buffer of its own: for a walk that others may interrupt. */
  fresh(): PageReader {
    return new PageReader(this.source, this.pageSize, this.highWater);
  }

  corrupt(id: number, problem: string): CorruptDataError {
    return new CorruptDataError(this.source.name, id * this.pageSize, problem);
  }

  /** @throws {CorruptDataError} When the page lies outside the file or does not carry its own id. */
  header(id: number): PageHeader {
    return this.headerOf(id, this.rawPage(id));
  }

  /** A branch or leaf page. @throws {CorruptDataError} */
  tree(id: number): Page {
    const known = this.cache.get(id);
    if (known) return known;
    const first = this.rawPage(id);
    const header = this.headerOf(id, first);
    const kind = header.flags === BRANCH_FLAG ? 'branch' : header.flags === LEAF_FLAG ? 'leaf' : null;
    if (!kind) throw this.corrupt(id, `page ${id} has flags 0x${header.flags.toString(16)}, a branch or leaf page was expected`);
    const { byteOffset, count, overflow } = header;
    const bytes = overflow > 0 ? this.wholePage(header) : kind === 'branch' ? Buffer.from(first) : first;
    const page: Page = { file: this.source.name, id, byteOffset, kind, count, overflow, bytes };
    if (PAGE_HEADER_BYTES + page.count * ELEMENT_BYTES > page.bytes.length) {
      throw this.corrupt(id, `page ${id} claims ${page.count} elements, more than its ${page.bytes.length} bytes hold`);
    }
    if (kind === 'branch') this.keep(page);
    return page;
  }

  private headerOf(id: number, bytes: Buffer): PageHeader {
    const overflow = bytes.readUInt32LE(12);
    if (u64(bytes, 0) !== id) throw this.corrupt(id, `page ${id} carries the id ${u64Text(bytes, 0)}`);
    if (id + overflow >= this.highWater) {
      throw this.corrupt(id, `page ${id} claims ${overflow} overflow pages, past the high-water page ${this.highWater}`);
    }
    return { id, byteOffset: id * this.pageSize, flags: bytes.readUInt16LE(8), count: bytes.readUInt16LE(10), overflow };
  }

  /** The page's first `pageSize` bytes. Neighbours are read ahead while pages come in order, as they do in a walk. */
  private rawPage(id: number): Buffer {
    const { pageSize, source } = this;
    if (!(id >= 2 && id < this.highWater)) throw this.corrupt(0, `page ${id} lies outside 2..${this.highWater - 1}`);
    if ((id + 1) * pageSize > source.size) {
      const problem = `page ${id} is missing, the file is cut short (${source.size} of ${this.highWater * pageSize} bytes)`;
      throw this.corrupt(id, problem);
    }
    let at = (id - this.block.first) * pageSize;
    if (at < 0 || at + pageSize > this.block.bytes.length) {
      this.fill(id);
      at = 0;
    }
    this.lastId = id;
    const bytes = this.block.bytes.subarray(at, at + pageSize);
    if (bytes.length < pageSize) throw this.corrupt(id, `page ${id} is missing, the file shrank while it was read`);
    return bytes;
  }

  private fill(id: number): void {
    const { pageSize, source } = this;
    const ahead = id > this.lastId && id - this.lastId <= NEAR_PAGES;
    const length = Math.min(ahead ? Math.max(pageSize, this.aheadBytes) : pageSize, source.size - id * pageSize);
    this.aheadBytes = ahead ? Math.min(this.aheadBytes * 2, MAX_READ_AHEAD_BYTES) : FIRST_READ_AHEAD_BYTES;
    if (this.buffer.length < length) this.buffer = Buffer.allocUnsafeSlow(length);
    const into = this.buffer.subarray(0, length);
    this.block = { first: id, bytes: into.subarray(0, 0) }; // nothing to be taken for pages should the read fail
    this.block.bytes = into.subarray(0, source.readInto(into, id * pageSize));
  }

  private wholePage({ id, overflow }: PageHeader): Buffer {
    const length = (1 + overflow) * this.pageSize;
    if (length > MAX_PAGE_BYTES) throw this.corrupt(id, `page ${id} claims ${length} bytes, more than the ${MAX_PAGE_BYTES} this reader takes`);
    const bytes = this.source.read(id * this.pageSize, length);
    if (bytes.length < length) {
      throw this.corrupt(id, `page ${id} needs ${length} bytes, the file is cut short (${this.source.size} of ${this.highWater * this.pageSize} bytes)`);
    }
    this.lastId = id + overflow;
    return bytes;
  }

  private keep(page: Page): void {
    if (page.bytes.length > CACHED_BYTES / 4) return;
    this.cache.set(page.id, page);
    this.cachedBytes += page.bytes.length;
    for (const [id, old] of this.cache) {
      if (this.cache.size <= CACHED_PAGES && this.cachedBytes <= CACHED_BYTES) return;
      this.cache.delete(id);
      this.cachedBytes -= old.bytes.length;
    }
  }
}

function badElement(page: Page, index: number, why: string): CorruptDataError {
  const where = page.id === 0 ? 'an inline bucket' : `page ${page.id}`;
  return new CorruptDataError(page.file, page.byteOffset, `element ${index} of ${where} ${why}`);
}

function dataStart(page: Page): number {
  return PAGE_HEADER_BYTES + page.count * ELEMENT_BYTES;
}

/** @throws {CorruptDataError} When the element reaches outside its page. */
export function branchElement(page: Page, index: number): BranchElement {
  const at = PAGE_HEADER_BYTES + index * ELEMENT_BYTES;
  const { bytes } = page;
  const start = at + bytes.readUInt32LE(at);
  const keyBytes = bytes.readUInt32LE(at + 4);
  if (start < dataStart(page) || start + keyBytes > bytes.length) throw badElement(page, index, 'reaches outside its page');
  return { key: bytes.subarray(start, start + keyBytes), child: u64(bytes, at + 8) };
}

/** One element of a leaf page, as `leafCell`. @throws {CorruptDataError} */
export function leafElement(page: Page, index: number, floor = 0): LeafElement {
  return elementOf(page, leafCell(page, index, floor, newCell()));
}

export function elementOf({ bytes }: Page, { isBucket, keyStart, valueStart, end }: LeafCell): LeafElement {
  return { isBucket, key: bytes.subarray(keyStart, valueStart), value: bytes.subarray(valueStart, end), end };
}

/**
 * Finds one element of a leaf page and writes where it lies into `into`. bbolt packs keys and values in order (node.go write), so bytes that overlap a neighbour's
 * are damage; without this rule a small hostile page could claim one large value thousands of times.
 * @param floor Where the bytes of the last good element before it end; 0 for none.
 * @throws {CorruptDataError} When the element reaches outside its page or into a neighbour.
 */
export function leafCell(page: Page, index: number, floor: number, into: LeafCell): LeafCell {
  const at = PAGE_HEADER_BYTES + index * ELEMENT_BYTES;
  const { bytes } = page;
  const start = at + bytes.readUInt32LE(at + 4);
  const keyBytes = bytes.readUInt32LE(at + 8);
  const end = start + keyBytes + bytes.readUInt32LE(at + 12);
  if (start < dataStart(page) || end > bytes.length) throw badElement(page, index, 'reaches outside its page');
  if (keyBytes === 0) throw badElement(page, index, 'has an empty key');
  if (start < floor || end > nextStart(page, index, start)) throw badElement(page, index, 'overlaps its neighbour');
  into.isBucket = (bytes.readUInt32LE(at) & BUCKET_FLAG) !== 0;
  into.keyStart = start;
  into.valueStart = start + keyBytes;
  into.end = end;
  return into;
}

/** Whether a leaf holds buckets: a walk into them asks for other pages, so it must hold this one. */
export function holdsBuckets({ bytes, count }: Page): boolean {
  for (let i = 0; i < count; i++) {
    if ((bytes.readUInt32LE(PAGE_HEADER_BYTES + i * ELEMENT_BYTES) & BUCKET_FLAG) !== 0) return true;
  }
  return false;
}

/** Where the next element's bytes begin; the page's end when there is none or its position cannot be right. */
function nextStart(page: Page, index: number, start: number): number {
  if (index + 1 >= page.count) return page.bytes.length;
  const at = PAGE_HEADER_BYTES + (index + 1) * ELEMENT_BYTES;
  const next = at + page.bytes.readUInt32LE(at + 4);
  return next >= start && next <= page.bytes.length ? next : page.bytes.length;
}

/**
 * The image of an inline bucket: a leaf page with id 0 behind the 16-byte bucket header, positions relative to itself.
 * @throws {CorruptDataError} When it is no leaf page.
 */
export function inlinePage(holder: Page, value: Buffer, bucket: string): Page {
  const bytes = Buffer.from(value.subarray(16)); // outlives the page that holds it
  const bad = (why: string) => new CorruptDataError(holder.file, holder.byteOffset, `inline bucket ${bucket} ${why}`);
  if (bytes.length < PAGE_HEADER_BYTES) throw bad(`is ${value.length} bytes long, too short for a page header`);
  const flags = bytes.readUInt16LE(8);
  const count = bytes.readUInt16LE(10);
  if (flags !== LEAF_FLAG) throw bad(`has flags 0x${flags.toString(16)}, a leaf was expected`);
  if (PAGE_HEADER_BYTES + count * ELEMENT_BYTES > bytes.length) throw bad(`claims ${count} elements, more than its ${bytes.length} bytes hold`);
  return { file: holder.file, id: 0, byteOffset: holder.byteOffset, kind: 'leaf', count, overflow: 0, bytes };
}
