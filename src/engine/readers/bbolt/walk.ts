import { CorruptDataError } from '../../errors.ts';
import { compareRange, PageSet } from './bytes.ts';
import { branchElement, elementOf, leafCell, newCell, type LeafCell, type LeafElement, type Page, type PageReader } from './page.ts';
import type { BoltWalk } from './types.ts';

/** A 64-level tree would hold more than any disk: deeper is a loop. */
export const MAX_DEPTH = 64;

/** A leaf as reached from above, with the bounds its parents give. */
interface LeafVisit {
  page: Page;
  lower: Buffer | null;
  upper: Buffer | null;
}

interface Frame extends LeafVisit {
  next: number;
}

/** An element with the page that holds it. */
export interface ElementVisit {
  page: Page;
  element: LeafElement;
}

/** The same without views of the bytes. */
export interface CellVisit {
  page: Page;
  cell: LeafCell;
}

/** Where a tree begins: a page of its own, or an inline image. */
export type TreeRoot = number | Page;

function asCorrupt(error: unknown): CorruptDataError {
  if (error instanceof CorruptDataError) return error;
  throw error;
}

/** All leaf elements below `root`, as `cells`, with their bytes. */
export function* elements(pages: PageReader, root: TreeRoot, walk: BoltWalk = {}): Generator<ElementVisit> {
  for (const { page, cell } of cells(pages, root, walk)) yield { page, element: elementOf(page, cell) };
}

/**
 * All leaf elements below `root` in key order, sub-buckets included. Each page is visited once: cycles and shared pages end as
 * damage. The same object is handed out each time and is valid until the walk moves on; the walk reads on its own, so other
 * reads of the file do not disturb it.
 */
export function* cells(pages: PageReader, root: TreeRoot, walk: BoltWalk = {}): Generator<CellVisit> {
  const from = walk.from ?? null;
  let visit: CellVisit | null = null;
  for (const { page, lower, upper } of leaves(pages.fresh(), root, walk)) {
    if (visit) visit.page = page;
    else visit = { page, cell: newCell() };
    const { cell } = visit;
    let lost: CorruptDataError | null = null;
    let before = lower;
    let floor = 0;
    for (let i = 0; i < page.count; i++) {
      try {
        leafCell(page, i, floor, cell);
      } catch (error) {
        // What fails leaves the cell as it was: the last good one, the bound of what is lost.
        lost ??= asCorrupt(error);
        if (!walk.onDamage) throw lost;
        if (floor > 0) before = page.bytes.subarray(cell.keyStart, cell.valueStart);
        continue;
      }
      if (lost) report(walk, lost, before, page.bytes.subarray(cell.keyStart, cell.valueStart));
      lost = null;
      floor = cell.end;
      if (from !== null && compareRange(page.bytes, cell.keyStart, cell.valueStart, from, 0, from.length) < 0) continue;
      yield visit;
    }
    if (lost) report(walk, lost, before, upper);
  }
}

function report(walk: BoltWalk, error: CorruptDataError, before: Buffer | null, after: Buffer | null): void {
  if (!walk.onDamage) throw error;
  walk.onDamage(error, before && Buffer.from(before), after && Buffer.from(after));
}

function* leaves(pages: PageReader, root: TreeRoot, walk: BoltWalk): Generator<LeafVisit> {
  const visited = new PageSet();
  const stack: Frame[] = [];
  const enter = (target: TreeRoot, lower: Buffer | null, upper: Buffer | null): void => {
    try {
      stack.push({ page: openTree(pages, target, visited, stack.length), lower, upper, next: 0 });
    } catch (error) {
      report(walk, asCorrupt(error), lower, upper);
    }
  };
  enter(root, null, null);
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    if (top.page.kind === 'leaf') {
      stack.pop();
      yield top;
    } else if (top.next >= top.page.count) {
      stack.pop();
    } else {
      const index = top.next++;
      const upper = nextKey(top, index);
      if (walk.from && upper && Buffer.compare(upper, walk.from) <= 0) continue;
      descend(top, index, upper, walk, enter);
    }
  }
}

function openTree(pages: PageReader, target: TreeRoot, visited: PageSet, depth: number): Page {
  if (typeof target !== 'number') return target;
  if (depth >= MAX_DEPTH) throw pages.corrupt(target, `page ${target} lies deeper than ${MAX_DEPTH} levels`);
  const page = pages.tree(target);
  if (!visited.add(target)) throw pages.corrupt(target, `page ${target} is reached twice`);
  if (page.kind === 'branch' && page.count === 0) throw pages.corrupt(target, `branch page ${target} has no elements`);
  return page;
}

function descend(frame: Frame, index: number, upper: Buffer | null, walk: BoltWalk, enter: (id: number, lower: Buffer | null, upper: Buffer | null) => void): void {
  let element;
  try {
    element = branchElement(frame.page, index);
  } catch (error) {
    report(walk, asCorrupt(error), frame.lower, upper);
    return;
  }
  enter(element.child, element.key, upper);
}

/** The key of the next readable element: the bound of everything below element `index`. */
function nextKey(frame: Frame, index: number): Buffer | null {
  for (let i = index + 1; i < frame.page.count; i++) {
    try {
      return branchElement(frame.page, i).key;
    } catch (error) {
      asCorrupt(error);
      if (i - index > 16) return null; // a page of rubbish: looking on would be quadratic
    }
  }
  return frame.upper;
}
