import path from 'node:path';
import type { HardState } from '../../core/entry.ts';
import { META_KEY, TAIL_COPY_KEY } from '../../native/layout.ts';
import type { PageDamage } from '../../native/pages/byte-source.ts';
import { hasMoved, openLmdb } from '../../native/pages/lmdb-file.ts';
import type { LmdbView } from '../../native/pages/lmdb-file.ts';
import type { BadMeta } from '../../native/pages/meta.ts';
import { laterValues } from '../../native/pages/later-pages.ts';
import { decodeHardState, decodePosition } from '../../native/position-records.ts';
import type { ChainPosition } from '../../native/position-records.ts';
import { FileSource } from '../file-source.ts';

const ATTEMPTS = 8;

/** An environment opened for reading, and which of its two views is read. */
export interface Environment {
  readonly source: FileSource;
  readonly name: string;
  /** What is read; null when no view is left. */
  readonly view: LmdbView | null;
  /** The newest view, when another is read because this one leads into damage. */
  readonly forsaken: { readonly view: LmdbView; readonly damage: PageDamage } | null;
  /** What the read view itself leads into; null when every page of its databases holds together. */
  readonly damage: PageDamage | null;
  /** What is wrong with the list of free pages: nothing of the content is lost by it. */
  readonly freeDamage: PageDamage | null;
  readonly badMetas: readonly BadMeta[];
}

/**
 * Opens an environment and runs `work` on it, closing it behind. A server may be writing: where damage shows and a commit has
 * happened meanwhile, pages may have been reused under the reading, so it is done again.
 * @throws {UnreadableError} When the file cannot be opened.
 */
export function readEnvironment<T extends { readonly isDamaged: boolean }>(root: string, name: string, work: (environment: Environment) => T): T {
  for (let attempt = 1; ; attempt++) {
    using source = FileSource.open(path.join(root, name), name);
    const environment = openEnvironment(source, name);
    const result = work(environment);
    const isSuspicious = result.isDamaged || environment.damage !== null || environment.forsaken !== null || environment.badMetas.length > 0;
    const newest = environment.forsaken?.view ?? environment.view;
    if (!isSuspicious || attempt === ATTEMPTS || newest === null || !hasMoved(newest)) return result;
  }
}

/**
 * The newest view; where it leads into damage and the one before it does not, that one: it is whole, and the commit that it lacks
 * is told of.
 */
export function openEnvironment(source: FileSource, name: string): Environment {
  const { views, badMetas } = openLmdb(source);
  const [newest = null, older = null] = views;
  const damage = newest?.contentDamage() ?? null;
  const isOlderTaken = newest !== null && older !== null && damage !== null && older.meta.transaction > 0 && older.contentDamage() === null;
  const view = isOlderTaken ? older : newest;
  return {
    source,
    name,
    view,
    forsaken: isOlderTaken ? { view: newest, damage } : null,
    damage: isOlderTaken ? null : damage,
    freeDamage: view?.freeDamage() ?? null,
    badMetas,
  };
}

/** What the commit behind a view wrote, as far as its small records are found. */
export interface LaterRecords {
  readonly tail: { readonly position: ChainPosition; readonly byteOffset: number } | null;
  readonly hardState: HardState | null;
  /** Whether any page of that commit is there. */
  readonly isThere: boolean;
}

/**
 * Records in pages of the commit behind `view`, whose meta page is lost: how far the log went at most. That commit may also never
 * have been finished; nobody can tell.
 */
export function laterRecords(view: LmdbView): LaterRecords {
  let tail: LaterRecords['tail'] = null;
  let hardState: HardState | null = null;
  let isThere = false;
  for (const { key, value, byteOffset } of laterValues(view)) {
    isThere = true;
    if (key.equals(META_KEY.tail) || key.equals(TAIL_COPY_KEY)) {
      const position = decodePosition('tail', value);
      if (position.ok) tail = { position: position.value, byteOffset };
    } else if (key.equals(META_KEY.hardState)) {
      const decoded = decodeHardState(value);
      if (decoded.ok) hardState = decoded.value;
    }
  }
  return { tail, hardState, isThere };
}
