import { branchElement, leafElement, type Page } from '../../readers/bbolt/page.ts';
import type { PageRow } from './fresh-pages.ts';

/** The elements of a leaf page with bytes of their own. */
export function leafRows(page: Page): PageRow[] {
  const rows: PageRow[] = [];
  for (let i = 0, floor = 0; i < page.count; i++) {
    const element = leafElement(page, i, floor);
    floor = element.end;
    rows.push(leafRow(Buffer.from(element.key), Buffer.from(element.value), element.isBucket));
  }
  return rows;
}

/** The same of a branch page. */
export function branchRows(page: Page): PageRow[] {
  return Array.from({ length: page.count }, (_, i) => {
    const { key, child } = branchElement(page, i);
    return { key: Buffer.from(key), value: Buffer.alloc(0), child, isBucket: false };
  });
}

export function leafRow(key: Buffer, value: Buffer, isBucket = false): PageRow {
  return { key, value, child: 0, isBucket };
}

/** Where a key belongs among rows that ascend. */
export function placeOf(rows: readonly PageRow[], key: Uint8Array): number {
  const at = rows.findIndex((row) => Buffer.compare(row.key, key) >= 0);
  return at < 0 ? rows.length : at;
}

/** Adds a row in its place, or takes that of the row with its key. */
export function putRow(rows: PageRow[], row: PageRow): void {
  const at = placeOf(rows, row.key);
  const there = rows[at];
  rows.splice(at, there !== undefined && Buffer.compare(there.key, row.key) === 0 ? 1 : 0, row);
}
