import { BRANCH_FLAG, LEAF_FLAG, PAGE_HEADER_BYTES, branchElement, leafElement, type Page } from '../../readers/bbolt/page.ts';

const ELEMENT_BYTES = 16;
const BUCKET_FLAG = 0x01;
const MAX_ELEMENTS = 0xffff;

/** An element of a leaf with bytes of its own. */
export interface LeafRow {
  key: Buffer;
  value: Buffer;
  isBucket: boolean;
}

export interface BranchRow {
  key: Buffer;
  child: number;
}

export function leafRows(page: Page): LeafRow[] {
  const rows: LeafRow[] = [];
  for (let i = 0, floor = 0; i < page.count; i++) {
    const element = leafElement(page, i, floor);
    floor = element.end;
    rows.push({ key: Buffer.from(element.key), value: Buffer.from(element.value), isBucket: element.isBucket });
  }
  return rows;
}

export function branchRows(page: Page): BranchRow[] {
  return Array.from({ length: page.count }, (_, i) => {
    const { key, child } = branchElement(page, i);
    return { key: Buffer.from(key), child };
  });
}

/**
 * A leaf page as it lies in the file, or (with id 0) the image inside an inline bucket; not padded to whole pages.
 * @throws {RangeError} Above 65535 elements, more than a page can count.
 */
export function leafImage(id: number, rows: readonly LeafRow[]): Buffer {
  const bytes = rows.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
  const image = header(id, LEAF_FLAG, rows.length, bytes);
  let at = PAGE_HEADER_BYTES + rows.length * ELEMENT_BYTES;
  rows.forEach(({ key, value, isBucket }, i) => {
    const element = PAGE_HEADER_BYTES + i * ELEMENT_BYTES;
    image.writeUInt32LE(isBucket ? BUCKET_FLAG : 0, element);
    image.writeUInt32LE(at - element, element + 4);
    image.writeUInt32LE(key.length, element + 8);
    image.writeUInt32LE(value.length, element + 12);
    at += key.copy(image, at);
    at += value.copy(image, at);
  });
  return image;
}

/** @throws {RangeError} As `leafImage`. */
export function branchImage(id: number, rows: readonly BranchRow[]): Buffer {
  const bytes = rows.reduce((sum, { key }) => sum + key.length, 0);
  const image = header(id, BRANCH_FLAG, rows.length, bytes);
  let at = PAGE_HEADER_BYTES + rows.length * ELEMENT_BYTES;
  rows.forEach(({ key, child }, i) => {
    const element = PAGE_HEADER_BYTES + i * ELEMENT_BYTES;
    image.writeUInt32LE(at - element, element);
    image.writeUInt32LE(key.length, element + 4);
    image.writeBigUInt64LE(BigInt(child), element + 8);
    at += key.copy(image, at);
  });
  return image;
}

function header(id: number, flags: number, count: number, bytes: number): Buffer {
  if (count > MAX_ELEMENTS) throw new RangeError(`a page cannot hold ${count} elements`);
  const image = Buffer.alloc(PAGE_HEADER_BYTES + count * ELEMENT_BYTES + bytes);
  image.writeBigUInt64LE(BigInt(id), 0);
  image.writeUInt16LE(flags, 8);
  image.writeUInt16LE(count, 10);
  return image;
}
