import type { ByteSource } from './byte-source.ts';
import { decodeTreeHead, MAX_DEPTH, NODE } from './layout.ts';
import type { TreeHead } from './layout.ts';
import type { Meta } from './meta.ts';
import { branchNode, isDamage, leafNode, readBigValue, readPage } from './page.ts';
import type { LeafNode, TreePage } from './page.ts';

/** A key and its value, as stored. Both are views of a buffer that nobody reuses. */
export interface Pair {
  readonly kind: 'pair';
  readonly key: Buffer;
  readonly value: Buffer;
  /** Where the value begins in the file. */
  readonly byteOffset: number;
}

/** A named database, as the main tree holds it. */
export interface SubTree {
  readonly kind: 'tree';
  readonly key: Buffer;
  readonly head: TreeHead;
  readonly byteOffset: number;
}

/** A part of the tree that cannot be read. The keys it held lie in `[from, until)`; null: unknown on that side. */
export interface Lost {
  readonly kind: 'lost';
  readonly byteOffset: number;
  readonly problem: string;
  readonly from: Buffer | null;
  readonly until: Buffer | null;
}

export type TreeItem = Pair | SubTree | Lost;

/** Pages that were reached, so that none is reached twice: the proof against cycles, and against two trees sharing a page. */
export class PageSet {
  private readonly bits: Uint8Array;

  constructor(private readonly pages: number) {
    this.bits = new Uint8Array(Math.ceil(pages / 8));
  }

  /** For a view of a file: never more than the file has room for, whatever its meta page says. */
  static of(source: ByteSource, meta: Meta): PageSet {
    return new PageSet(Math.min(meta.lastPage, Math.ceil(source.size / meta.pageBytes)) + 1);
  }

  /** False when it was in already, or is no page of the file. */
  add(page: number): boolean {
    if (!(page >= 0 && page < this.pages) || this.has(page)) return false;
    this.bits[page >> 3] = (this.bits[page >> 3] ?? 0) | (1 << (page & 7));
    return true;
  }

  has(page: number): boolean {
    return ((this.bits[page >> 3] ?? 0) & (1 << (page & 7))) !== 0;
  }

  /** Whether it can hold the page at all. */
  reaches(page: number): boolean {
    return page >= 0 && page < this.pages;
  }
}

/**
 * Walks one tree in key order. What is lost comes in its place, with the keys that bound it; the walk goes on behind it.
 * It ends always: each page is read at most once, and the depth is that of the tree's head.
 */
export class TreeWalk {
  private last: Buffer | null = null;
  private entries = 0;
  private isWhole = true;

  constructor(
    private readonly source: ByteSource,
    private readonly meta: Meta,
    private readonly head: TreeHead,
    private readonly seen: PageSet,
    /** How this tree orders its keys. */
    private readonly compare: (a: Buffer, b: Buffer) => number = Buffer.compare,
  ) {}

  /** @param from Keys before it are passed over; then the tree's count of entries is not checked. */
  *items(from: Buffer | null = null): Generator<TreeItem, void, void> {
    const { root, depth } = this.head;
    if (root === null) {
      if (depth !== 0 || this.head.entries !== 0) yield this.lost(0, 'an empty tree is said to hold entries', null, null);
      return;
    }
    if (depth < 1 || depth > MAX_DEPTH) return yield this.lost(0, `a tree of depth ${depth}`, null, null);
    yield* this.page(root, depth, null, null, from);
    if (this.isWhole && from === null && this.entries !== this.head.entries) {
      yield this.lost(root * this.meta.pageBytes, `the tree holds ${this.entries} entries and is said to hold ${this.head.entries}`, null, null);
    }
  }

  private lost(byteOffset: number, problem: string, from: Buffer | null, until: Buffer | null): Lost {
    this.isWhole = false;
    return { kind: 'lost', byteOffset, problem, from: from ?? this.last, until };
  }

  private *page(number: number, level: number, from: Buffer | null, until: Buffer | null, seek: Buffer | null): Generator<TreeItem, void, void> {
    const page = readPage(this.source, this.meta, number);
    if (isDamage(page)) return yield this.lost(page.byteOffset, page.problem, from, until);
    if (!this.seen.add(number)) return yield this.lost(page.byteOffset, `page ${number} is reached twice`, from, until);
    const wanted = level === 1 ? 'leaf' : 'branch';
    if (page.kind !== wanted) return yield this.lost(page.byteOffset, `page ${number} is a ${page.kind} page at a place for a ${wanted} page`, from, until);
    yield* level === 1 ? this.leaf(page, until, seek) : this.branch(page, level, from, until, seek);
  }

  /** The key of node 0 stands for "everything before node 1" and says nothing. */
  private *branch(page: TreePage, level: number, from: Buffer | null, until: Buffer | null, seek: Buffer | null): Generator<TreeItem, void, void> {
    for (let i = 0; i < page.nodes; i++) {
      const node = branchNode(page, i);
      const next = i + 1 < page.nodes ? branchNode(page, i + 1) : null;
      const end = next === null || isDamage(next) ? until : next.key;
      if (isDamage(node)) yield this.lost(node.byteOffset, node.problem, null, end);
      else if (seek === null || next === null || isDamage(next) || this.compare(next.key, seek) > 0) {
        yield* this.page(node.child, level - 1, i === 0 ? from : node.key, end, seek);
      }
    }
  }

  private *leaf(page: TreePage, until: Buffer | null, seek: Buffer | null): Generator<TreeItem, void, void> {
    for (let i = 0; i < page.nodes; i++) {
      const node = leafNode(page, i);
      this.entries++;
      if (isDamage(node)) {
        yield this.lost(node.byteOffset, node.problem, null, until);
        continue;
      }
      if (this.last !== null && this.compare(node.key, this.last) <= 0) yield this.lost(node.byteOffset, `leaf page ${page.number}: its keys are out of order at node ${i}`, null, until);
      this.last = node.key;
      if (seek === null || this.compare(node.key, seek) >= 0) yield this.value(node, until);
    }
  }

  private value(node: LeafNode, until: Buffer | null): TreeItem {
    if (node.flags === NODE.subTree) return { kind: 'tree', key: node.key, head: decodeTreeHead(node.inline, 0), byteOffset: node.byteOffset };
    if (node.flags !== NODE.bigValue) return { kind: 'pair', key: node.key, value: node.inline, byteOffset: node.byteOffset };
    const big = readBigValue(this.source, this.meta, node);
    if (isDamage(big)) return this.lost(big.byteOffset, big.problem, node.key, until);
    for (let page = big.first; page < big.first + big.pages; page++) {
      if (this.seen.reaches(page) && !this.seen.add(page)) return this.lost(big.byteOffset, `page ${page} is reached twice`, node.key, until);
    }
    return { kind: 'pair', key: node.key, value: big.value, byteOffset: big.byteOffset };
  }
}
