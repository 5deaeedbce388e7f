import { CorruptDataError } from '../../errors.ts';
import { PageSet } from './bytes.ts';
import { branchElement, leafElement, type LeafElement, type Page, type PageReader } from './page.ts';
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

/** Where a tree begins: a page of its own, or an inline image. */
export type TreeRoot = number | Page;

function asCorrupt(error: unknown): CorruptDataError {
  if (error instanceof CorruptDataError) return error;
  throw error;
}

/** All leaf elements below `root` in key order, sub-buckets included. Each page is visited once: cycles and shared pages end as damage. */
export function* elements(pages: PageReader, root: TreeRoot, walk: BoltWalk = {}): Generator<ElementVisit> {
  for (const leaf of leaves(pages, root, walk)) yield* leafElements(leaf, walk);
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

function* leafElements({ page, lower, upper }: LeafVisit, walk: BoltWalk): Generator<ElementVisit> {
  let floor = 0;
  let before = lower;
  let lost: CorruptDataError | null = null;
  for (let i = 0; i < page.count; i++) {
    let element: LeafElement;
    try {
      element = leafElement(page, i, floor);
    } catch (error) {
      lost ??= asCorrupt(error);
      if (!walk.onDamage) throw lost;
      continue;
    }
    if (lost) report(walk, lost, before, element.key);
    lost = null;
    floor = element.end;
    before = element.key;
    if (walk.from && Buffer.compare(element.key, walk.from) < 0) continue;
    yield { page, element };
  }
  if (lost) report(walk, lost, before, upper);
}
