import type { ByteSource, PageDamage } from './byte-source.ts';
import type { TreeHead } from './layout.ts';
import { isSound, readMetas } from './meta.ts';
import type { BadMeta, Meta, MetaPage } from './meta.ts';
import { isDamage, readPage } from './page.ts';
import { PageSet, TreeWalk } from './tree-walk.ts';
import type { Lost, Pair, SubTree, TreeItem } from './tree-walk.ts';

/** A named database of one view. */
export interface Database {
  readonly name: string;
  readonly head: TreeHead;
  /** Where its head lies. */
  readonly byteOffset: number;
}

/**
 * A data.mdb file seen as one transaction left it; read-only, without the native library: no lock, no lock file, and damage is
 * answered instead of ending the process.
 */
export class LmdbView {
  private catalogue: { databases: Map<string, Database>; lost: Lost[] } | null = null;

  constructor(
    readonly source: ByteSource,
    readonly meta: Meta,
  ) {}

  /** All databases that can be found, by name, in byte order of their names. */
  databases(): ReadonlyMap<string, Database> {
    return this.read().databases;
  }

  /** What of the list of databases cannot be read: more of them may exist. */
  lostDatabases(): readonly Lost[] {
    return this.read().lost;
  }

  /** Pairs and losses of one database in key order; nothing when there is no such database. */
  *items(name: string, from: Buffer | null = null): Generator<Pair | Lost, void, void> {
    const database = this.databases().get(name);
    if (database === undefined) return;
    for (const item of this.walk(database.head, PageSet.of(this.source, this.meta)).items(from)) {
      if (item.kind !== 'tree') yield item;
      else yield { kind: 'lost', byteOffset: item.byteOffset, problem: 'a database inside a database', from: item.key, until: null };
    }
  }

  /** One value; undefined when the key is not there, or lies where nothing can be read. */
  get(name: string, key: Buffer): { value: Buffer; byteOffset: number } | Lost | undefined {
    for (const item of this.items(name, key)) {
      if (item.kind === 'lost') return item;
      return item.key.equals(key) ? item : undefined;
    }
    return undefined;
  }

  /** The first thing wrong in any of the view's trees, that of the free pages included; null when all hold together. */
  firstDamage(): PageDamage | null {
    const seen = PageSet.of(this.source, this.meta);
    return firstOf(lostOf(this.freePages(seen))) ?? firstOf(this.contentDamages(seen));
  }

  /** As `firstDamage`, but for the free pages, whose loss hides no content. */
  contentDamage(): PageDamage | null {
    return firstOf(this.contentDamages(PageSet.of(this.source, this.meta)));
  }

  freeDamage(): PageDamage | null {
    return firstOf(lostOf(this.freePages(PageSet.of(this.source, this.meta))));
  }

  /** `seen` is shared by all trees: a page in two of them shows. */
  private *contentDamages(seen: PageSet): Generator<PageDamage, void, void> {
    const trees: SubTree[] = [];
    for (const item of this.walk(this.meta.main, seen).items()) {
      if (item.kind === 'tree') trees.push(item);
      else if (item.kind === 'lost') yield item;
    }
    for (const { head, byteOffset } of trees) {
      if (head.flags !== 0) yield { byteOffset, problem: `a database with flags ${head.flags}` };
      yield* lostOf(this.walk(head, seen).items());
    }
  }

  /** The list of free pages: what the next writer takes its pages from. */
  private *freePages(seen: PageSet): Generator<TreeItem, void, void> {
    for (const item of this.walk(this.meta.free, seen, compareTransactions).items()) {
      const problem = item.kind === 'pair' ? freeListProblem(item.value, this.meta.lastPage) : null;
      if (problem !== null && item.kind === 'pair') yield { kind: 'lost', byteOffset: item.byteOffset, problem, from: null, until: null };
      else yield item;
    }
  }

  private walk(head: TreeHead, seen: PageSet, compare?: (a: Buffer, b: Buffer) => number): TreeWalk {
    return new TreeWalk(this.source, this.meta, head, seen, compare);
  }

  private read(): NonNullable<LmdbView['catalogue']> {
    if (this.catalogue !== null) return this.catalogue;
    const databases = new Map<string, Database>();
    const lost: Lost[] = [];
    for (const item of this.walk(this.meta.main, PageSet.of(this.source, this.meta)).items()) {
      if (item.kind === 'lost') lost.push(item);
      else if (item.kind === 'tree') {
        const name = databaseName(item.key);
        databases.set(name, { name, head: item.head, byteOffset: item.byteOffset });
      }
    }
    this.catalogue = { databases, lost };
    return this.catalogue;
  }
}

function firstOf(damages: Iterable<PageDamage>): PageDamage | null {
  for (const { byteOffset, problem } of damages) return { byteOffset, problem };
  return null;
}

function* lostOf(items: Iterable<TreeItem>): Generator<PageDamage, void, void> {
  for (const item of items) if (item.kind === 'lost') yield item;
}

/** The package stores names with the zero byte that ends them in C. */
function databaseName(key: Buffer): string {
  const end = key.at(-1) === 0 ? key.length - 1 : key.length;
  return key.toString('utf8', 0, end);
}

/** Keys of the list of free pages are transaction numbers, u64 of the machine: as bytes they would be out of order at every multiple of 256. */
function compareTransactions(a: Buffer, b: Buffer): number {
  if (a.length !== 8 || b.length !== 8) return Buffer.compare(a, b);
  const [one, other] = [a.readBigUInt64LE(0), b.readBigUInt64LE(0)];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** `count u64`, then `count` words: a page number, 0 for a taken place, or minus the length of the run at the page that follows. */
function freeListProblem(value: Buffer, lastPage: number): string | null {
  if (value.length < 8 || value.length % 8 !== 0) return `a list of free pages of ${value.length} bytes`;
  const count = value.readBigUInt64LE(0);
  if (count > BigInt(value.length / 8 - 1)) return `a list of ${count} free pages in ${value.length} bytes`;
  for (let i = 1; i <= Number(count); i++) {
    const word = value.readBigInt64LE(8 * i);
    if (word > BigInt(lastPage) || word < BigInt(-lastPage - 1)) return `a list of free pages names page ${word}, of pages up to ${lastPage}`;
  }
  return null;
}

/** Both views of a file, newest first, and what is wrong with its meta pages. */
export interface LmdbFile {
  readonly views: readonly LmdbView[];
  readonly badMetas: readonly BadMeta[];
}

export function openLmdb(source: ByteSource): LmdbFile {
  const metas = readMetas(source).map((meta) => withItsTree(source, meta));
  const sound = metas.filter(isSound).sort((a, b) => b.transaction - a.transaction || a.page - b.page);
  return {
    views: sound.map((meta) => new LmdbView(source, meta)),
    badMetas: metas.filter((meta): meta is BadMeta => !isSound(meta)),
  };
}

/**
 * A meta page has no checksum, and one whose transaction number grew by a flipped bit would pass for the newest. Each commit
 * writes the root of the main tree anew, with its number: a root of an earlier transaction gives it away.
 */
function withItsTree(source: ByteSource, meta: MetaPage): MetaPage {
  if (!isSound(meta) || meta.main.root === null) return meta;
  const root = readPage(source, meta, meta.main.root);
  if (isDamage(root) || root.transaction === meta.transaction) return meta;
  const { page, byteOffset, transaction } = meta;
  return { page, byteOffset, problem: `meta page ${page} says transaction ${transaction}, but its main tree is of ${root.transaction}` };
}

/** Whether a writer has committed since the view was opened; then what was read of it may be half of a later one. */
export function hasMoved(view: LmdbView): boolean {
  const newest = Math.max(...readMetas(view.source).filter(isSound).map((meta) => meta.transaction));
  return newest !== view.meta.transaction;
}
