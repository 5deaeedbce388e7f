import { u64 } from './bytes.ts';
import { CorruptDataError } from '../../errors.ts';
import { branchElement, inlinePage, leafElement, type Page, type PageReader } from './page.ts';
import type { BoltBucket, BoltItem, BoltWalk } from './types.ts';
import { cells, elements, MAX_DEPTH, type CellVisit, type TreeRoot } from './walk.ts';

/** Size of the header that a bucket's value begins with: u64 root page, u64 sequence. Root 0 means an inline image follows. */
const BUCKET_HEADER_BYTES = 16;

/**
 * Where the tree of a bucket begins, from the value of its element.
 * @throws {CorruptDataError} When the value is too short, or its inline image is no leaf page.
 */
export function bucketRoot(holder: Page, name: Buffer, value: Buffer): TreeRoot {
  const label = bucketLabel(name);
  if (value.length < BUCKET_HEADER_BYTES) {
    throw new CorruptDataError(holder.file, holder.byteOffset, `bucket ${label} has a header of ${value.length} bytes, ${BUCKET_HEADER_BYTES} were expected`);
  }
  const root = u64(value, 0);
  return root === 0 ? inlinePage(holder, value, label) : root;
}

/** A bucket's name for messages: as text when it is short and printable, otherwise hexadecimal. */
export function bucketLabel(name: Buffer): string {
  const text = name.toString('latin1');
  return /^[\x20-\x7e]{1,64}$/.test(text) ? text : `0x${name.subarray(0, 32).toString('hex')}`;
}

/** A B+tree of keys and values; a page of its own or an image inside its parent. */
export class Bucket implements BoltBucket {
  constructor(
    readonly name: string,
    private readonly pages: PageReader,
    private readonly root: TreeRoot,
  ) {}

  /**
   * @throws {CorruptDataError} At the first page or element that cannot be used, unless `walk.onDamage` takes it. Its bounds
   * are: every lost key is at or after `before` (after it, when `before` was itself delivered) and before `after`.
   */
  *items(walk: BoltWalk = {}): IterableIterator<BoltItem> {
    for (const { page, element } of elements(this.pages, this.root, walk)) {
      if (!element.isBucket) yield { key: element.key, value: element.value, byteOffset: page.byteOffset };
    }
  }

  /** The items without views of their bytes, for the millions of a log: sub-buckets included. @throws {CorruptDataError} As `items`. */
  cells(walk: BoltWalk = {}): IterableIterator<CellVisit> {
    return cells(this.pages, this.root, walk);
  }

  /** @throws {CorruptDataError} */
  get(key: string | Uint8Array): Buffer | null {
    const wanted = typeof key === 'string' ? Buffer.from(key) : key;
    let page = this.open(this.root);
    for (let depth = 0; page.kind === 'branch'; depth++) {
      if (depth >= MAX_DEPTH || page.count === 0) throw this.pages.corrupt(page.id, `page ${page.id} leads to no leaf`);
      const branch = page;
      const after = lowerBound(branch.count, (i) => Buffer.compare(branchElement(branch, i).key, wanted) > 0);
      page = this.open(branchElement(branch, Math.max(0, after - 1)).child);
    }
    const leaf = page;
    const index = lowerBound(leaf.count, (i) => Buffer.compare(leafElement(leaf, i).key, wanted) >= 0);
    if (index >= leaf.count) return null;
    const element = leafElement(leaf, index);
    return element.isBucket || Buffer.compare(element.key, wanted) !== 0 ? null : Buffer.from(element.value);
  }

  /** @throws {CorruptDataError} */
  firstKey(): Buffer | null {
    for (const { key } of this.items()) return Buffer.from(key);
    return null;
  }

  /** @throws {CorruptDataError} */
  lastKey(): Buffer | null {
    let page = this.open(this.root);
    for (let depth = 0; page.kind === 'branch'; depth++) {
      if (depth >= MAX_DEPTH || page.count === 0) throw this.pages.corrupt(page.id, `page ${page.id} leads to no leaf`);
      page = this.open(branchElement(page, page.count - 1).child);
    }
    for (let i = page.count - 1; i >= 0; i--) {
      const element = leafElement(page, i);
      if (!element.isBucket) return Buffer.from(element.key);
    }
    return null;
  }

  private open(root: TreeRoot): Page {
    return typeof root === 'number' ? this.pages.tree(root) : root;
  }
}

/** The first index for which `holds` is true, in a sequence where it turns true once. */
function lowerBound(count: number, holds: (index: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
