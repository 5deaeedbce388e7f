import { CorruptDataError } from '../../errors.ts';
import { bucketLabel, bucketRoot } from './bucket.ts';
import { compareRange, PageSet, u64 } from './bytes.ts';
import { branchElement, FREELIST_FLAG, heldPage, holdsBuckets, leafCell, newCell, PAGE_HEADER_BYTES, type LeafCell, type Page, type PageReader } from './page.ts';
import type { BoltMeta } from './types.ts';
import { MAX_DEPTH, type TreeRoot } from './walk.ts';

export const MAX_PROBLEMS = 100;
const FREELIST_COUNT_IN_FIRST = 0xffff;

export interface BoltProblem {
  byteOffset: number;
  problem: string;
}

/** Thrown to leave the check once enough is known. */
class EnoughProblems extends Error {}

/**
 * What `bbolt check` verifies (bbolt 1.4.3 tx_check.go): no page freed twice; every reachable page used once, below the
 * high-water mark, a branch or leaf, and not free; keys strictly ascending within a page and inside the bounds its parents
 * give; every page reachable or free (only with a synced freelist: otherwise "free" means unreachable). Inline
 * buckets are checked in addition: bbolt's own check leaves them out.
 */
export function checkPages(pages: PageReader, meta: BoltMeta): BoltProblem[] {
  const checker = new Checker(pages.fresh(), meta);
  try {
    checker.run();
  } catch (error) {
    if (!(error instanceof EnoughProblems)) throw error;
  }
  return checker.problems;
}

class Checker {
  readonly problems: BoltProblem[] = [];
  private readonly reached = new PageSet();
  private readonly free = new PageSet();
  private freelistRead = false;

  constructor(
    private readonly pages: PageReader,
    private readonly meta: BoltMeta,
  ) {}

  run(): void {
    this.reached.add(0);
    this.reached.add(1);
    this.guard(() => this.readFreelist());
    this.tree(this.meta.rootPage, 0);
    if (this.freelistRead) this.findLeaks();
  }

  private add(byteOffset: number, problem: string): void {
    this.problems.push({ byteOffset, problem });
    if (this.problems.length >= MAX_PROBLEMS) throw new EnoughProblems();
  }

  /** Runs a step; damage it meets becomes a problem. */
  private guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.note(error);
    }
  }

  private note(error: unknown): void {
    if (!(error instanceof CorruptDataError)) throw error;
    this.add(error.byteOffset, error.problem);
  }

  private readFreelist(): void {
    const id = this.meta.freelistPage;
    if (id === null) return;
    const header = this.pages.header(id);
    if (header.flags !== FREELIST_FLAG) throw this.pages.corrupt(id, `page ${id} has flags 0x${header.flags.toString(16)}, a freelist was expected`);
    const { source, pageSize, highWater } = this.pages;
    const end = (id + 1 + header.overflow) * pageSize;
    // Bounded before it is walked: it cannot need more room than one id for every page.
    if (end > source.size || header.overflow > Math.ceil((highWater * 8) / pageSize) + 1) {
      throw this.pages.corrupt(id, `the freelist claims ${header.overflow} overflow pages, more than there can be`);
    }
    this.reach(id, header.overflow);
    let from = id * pageSize + PAGE_HEADER_BYTES;
    let count = header.count;
    if (count === FREELIST_COUNT_IN_FIRST) {
      count = u64(source.read(from, 8), 0);
      from += 8;
    }
    if (from + count * 8 > end) throw this.pages.corrupt(id, `the freelist claims ${count} pages, more than its page holds`);
    // Chunks are multiples of 8 bytes except where the file shrinks under us.
    for (const chunk of source.chunks(from, from + count * 8)) {
      for (let at = 0; at + 8 <= chunk.length; at += 8) this.addFree(id, u64(chunk, at));
    }
    this.freelistRead = true;
  }

  private addFree(freelist: number, id: number): void {
    const at = freelist * this.pages.pageSize;
    if (id < 2 || id >= this.pages.highWater) this.add(at, `the freelist names page ${id}, outside 2..${this.pages.highWater - 1}`);
    else if (!this.free.add(id)) this.add(at, `page ${id} is in the freelist twice`);
  }

  /** Marks a page and its overflow as used; false when its first page was used already. */
  private reach(id: number, overflow: number): boolean {
    for (let page = id; page <= id + overflow; page++) {
      const isNew = this.reached.add(page);
      if (!isNew) this.add(page * this.pages.pageSize, `page ${page} is referenced more than once`);
      if (!isNew && page === id) return false;
      if (this.free.has(page)) this.add(page * this.pages.pageSize, `page ${page} is in use and in the freelist`);
    }
    return true;
  }

  private tree(root: TreeRoot, depth: number, lower: Buffer | null = null, upper: Buffer | null = null): void {
    this.guard(() => {
      if (depth > MAX_DEPTH) throw this.pages.corrupt(typeof root === 'number' ? root : 0, `lies deeper than ${MAX_DEPTH} levels`);
      const page = typeof root === 'number' ? this.pages.tree(root) : root;
      if (typeof root === 'number' && !this.reach(root, page.overflow)) return;
      if (page.kind === 'branch') this.branch(page, depth, lower, upper);
      else this.leaf(holdsBuckets(page) ? heldPage(page) : page, depth, lower, upper);
    });
  }

  private branch(page: Page, depth: number, lower: Buffer | null, upper: Buffer | null): void {
    if (page.count === 0) this.add(page.byteOffset, `branch page ${page.id} has no elements`);
    let previous: Buffer | null = null;
    for (let i = 0; i < page.count; i++) {
      this.guard(() => {
        const { key, child } = branchElement(page, i);
        this.keyOrder(page, i, key, previous, lower, upper);
        previous = key;
        const next = i + 1 < page.count ? branchElement(page, i + 1).key : upper;
        this.tree(child, depth + 1, key, next);
      });
    }
  }

  private leaf(page: Page, depth: number, lower: Buffer | null, upper: Buffer | null): void {
    const { bytes } = page;
    let [cell, previous] = [newCell(), newCell()];
    for (let i = 0; i < page.count; i++) {
      try {
        leafCell(page, i, previous.end, cell);
      } catch (error) {
        this.note(error);
        continue;
      }
      if (!this.inOrder(page, i, cell, previous, lower, upper)) {
        const before = previous.end > 0 ? bytes.subarray(previous.keyStart, previous.valueStart) : null;
        this.keyOrder(page, i, bytes.subarray(cell.keyStart, cell.valueStart), before, lower, upper);
      }
      [cell, previous] = [previous, cell];
      if (previous.isBucket) this.bucket(page, previous, depth);
    }
  }

  private bucket(page: Page, { keyStart, valueStart, end }: LeafCell, depth: number): void {
    this.guard(() => this.tree(bucketRoot(page, page.bytes.subarray(keyStart, valueStart), page.bytes.subarray(valueStart, end)), depth + 1));
  }

  /** What `keyOrder` looks at, in place: false sends the key there to be told. `previous.end` is 0 for none. */
  private inOrder({ bytes }: Page, index: number, cell: LeafCell, previous: LeafCell, lower: Buffer | null, upper: Buffer | null): boolean {
    const { keyStart: from, valueStart: to } = cell;
    if (previous.end > 0 && compareRange(bytes, previous.keyStart, previous.valueStart, bytes, from, to) >= 0) return false;
    if (index === 0 && lower !== null && compareRange(bytes, from, to, lower, 0, lower.length) < 0) return false;
    return upper === null || compareRange(bytes, from, to, upper, 0, upper.length) < 0;
  }

  private keyOrder(page: Page, index: number, key: Buffer, previous: Buffer | null, lower: Buffer | null, upper: Buffer | null): void {
    const where = page.id === 0 ? `element ${index} of an inline bucket` : `element ${index} of page ${page.id}`;
    const order = previous ? Buffer.compare(previous, key) : -1;
    if (order > 0) this.add(page.byteOffset, `${where}: key ${bucketLabel(key)} comes before its neighbour's`);
    if (order === 0) this.add(page.byteOffset, `${where}: key ${bucketLabel(key)} is there twice`);
    if (index === 0 && lower && Buffer.compare(key, lower) < 0) this.add(page.byteOffset, `${where}: its key is less than the parent's`);
    if (upper && Buffer.compare(key, upper) >= 0) this.add(page.byteOffset, `${where}: its key belongs to the next page of the parent`);
  }

  private findLeaks(): void {
    if (this.reached.size + this.free.size === this.pages.highWater) return;
    for (let id = 2; id < this.pages.highWater; id++) {
      if (!this.reached.has(id) && !this.free.has(id)) this.add(id * this.pages.pageSize, `page ${id} is neither in use nor free`);
    }
  }
}
