import type { LmdbView } from './lmdb-file.ts';
import { PAGE, PAGE_HEADER_BYTES, u64 } from './layout.ts';
import { isDamage, leafNode, readPage } from './page.ts';

/** A small value found in a page that the view does not reach. */
export interface LaterValue {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly byteOffset: number;
}

/**
 * Values in leaf pages that a later transaction than the view's wrote: for when its meta page is lost. Looks at the header of every
 * page of the file; what it finds may be of a commit that was never finished.
 */
export function* laterValues(view: LmdbView): Generator<LaterValue, void, void> {
  const { source, meta } = view;
  const later = { ...meta, transaction: meta.transaction + 1, lastPage: Math.ceil(source.size / meta.pageBytes) };
  const header = Buffer.alloc(PAGE_HEADER_BYTES);
  for (let number = 2; (number + 1) * meta.pageBytes <= source.size; number++) {
    if (source.readInto(header, number * meta.pageBytes) < PAGE_HEADER_BYTES) return;
    if (u64(header, 0) !== number || header.readUInt16LE(18) !== PAGE.leaf || u64(header, 8) !== later.transaction) continue;
    const page = readPage(source, later, number);
    if (isDamage(page)) continue;
    for (let i = 0; i < page.nodes; i++) {
      const node = leafNode(page, i);
      if (!isDamage(node) && node.flags === 0) yield { key: node.key, value: node.inline, byteOffset: node.byteOffset };
    }
  }
}
