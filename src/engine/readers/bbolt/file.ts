import type { FileSource } from '../file-source.ts';
import { Bucket, bucketRoot } from './bucket.ts';
import { checkPages, MAX_PROBLEMS, type BoltProblem } from './check.ts';
import { readMetas, type Metas } from './meta.ts';
import { PageReader } from './page.ts';
import type { Bolt, BoltBucket, BoltMeta } from './types.ts';
import { elements } from './walk.ts';

/**
 * A bbolt file (format version 2, little-endian: bbolt 1.3 and 1.4, and the older boltdb), read as of the newest transaction
 * whose meta page passes its checks. Reads pages by need; memory does not grow with the file.
 * @see https://github.com/etcd-io/bbolt (v1.4.3, internal/common)
 */
export class BoltFile implements Bolt {
  readonly pageSize: number;
  readonly txid: number;
  readonly highWater: number;
  /** Set when the file is shorter than its high-water mark asks for; sizes in bytes. */
  readonly truncated: { have: number; need: number } | null;
  private readonly pages: PageReader;

  private constructor(
    private readonly source: FileSource,
    readonly metas: readonly BoltMeta[],
    /** The meta page in use. */
    readonly current: BoltMeta,
  ) {
    this.pageSize = current.pageSize;
    this.txid = current.txid;
    this.highWater = current.highWater;
    const need = current.highWater * current.pageSize;
    this.truncated = need > source.size ? { have: source.size, need } : null;
    this.pages = new PageReader(source, this.pageSize, this.highWater);
  }

  /**
   * The source stays the caller's to close, and must stay open as long as this is used.
   * @throws {CorruptDataError} When neither meta page can be used.
   * @throws {UnreadableError} On an I/O error.
   */
  static open(source: FileSource): BoltFile {
    const { metas, current } = readMetas(source);
    return new BoltFile(source, metas, current);
  }

  /** Top-level buckets in key order. @throws {CorruptDataError} When the root bucket cannot be read. */
  bucketNames(): string[] {
    return [...this.buckets()].map(({ name }) => name);
  }

  /** @throws {CorruptDataError} When the root bucket, or the header of this one, cannot be read. */
  bucket(name: string): Bucket | null {
    for (const { page, element } of elements(this.pages, this.current.rootPage)) {
      if (element.isBucket && element.key.toString() === name) return new Bucket(name, this.pages, bucketRoot(page, element.key, element.value));
    }
    return null;
  }

  /** Every top-level bucket in key order. @throws {CorruptDataError} As `bucket`. */
  *buckets(): IterableIterator<BoltBucket> {
    for (const { page, element } of elements(this.pages, this.current.rootPage)) {
      if (element.isBucket) yield new Bucket(element.key.toString(), this.pages, bucketRoot(page, element.key, element.value));
    }
  }

  check(): BoltProblem[] {
    return [...this.fileProblems(), ...this.checkPages()].slice(0, MAX_PROBLEMS);
  }

  /** The part of `check` that looks at the file as a whole: bad meta pages, a file cut short. */
  fileProblems(): BoltProblem[] {
    const { truncated } = this;
    const bad = this.metas.filter(({ problem }) => problem !== null);
    const problems = bad.map(({ page, problem }) => ({ byteOffset: page * this.pageSize, problem: `meta page ${page} is bad: ${problem}` }));
    if (truncated) problems.push({ byteOffset: truncated.have, problem: `the file is cut short (${truncated.have} of ${truncated.need} bytes)` });
    return problems;
  }

  /** The part of `check` that walks the freelist and all trees. */
  checkPages(): BoltProblem[] {
    return checkPages(this.pages, this.current);
  }

  movedOn(): boolean {
    let now: Metas;
    try {
      now = readMetas(this.source);
    } catch {
      return true; // half-written metas: somebody is at work
    }
    return now.current.txid !== this.txid;
  }
}
