import type { ByteSource, PageDamage } from './byte-source.ts';
import { BIG_VALUE_BYTES, MAX_VALUE_BYTES, NODE, NODE_HEADER_BYTES, PAGE, PAGE_HEADER_BYTES, TREE_BYTES, u64 } from './layout.ts';
import type { Meta } from './meta.ts';

/** A branch or leaf page whose header holds together; its nodes are checked one by one. */
export interface TreePage {
  readonly number: number;
  readonly byteOffset: number;
  readonly kind: 'branch' | 'leaf';
  /** That wrote it. */
  readonly transaction: number;
  readonly nodes: number;
  readonly bytes: Buffer;
}

export interface BranchNode {
  readonly key: Buffer;
  readonly child: number;
}

export interface LeafNode {
  readonly key: Buffer;
  readonly flags: number;
  /** What lies in the node: the value, a tree head, or where the big value is. */
  readonly inline: Buffer;
  readonly valueBytes: number;
  /** Where the value (or its pointer) begins in the file. */
  readonly byteOffset: number;
}

export function isDamage(value: object): value is PageDamage {
  return 'problem' in value;
}

/** Reads one page of a view; every field is checked against the page and the view before it is used. */
export function readPage(source: ByteSource, meta: Meta, number: number): TreePage | PageDamage {
  const byteOffset = Number.isFinite(number) ? number * meta.pageBytes : 0;
  const bad = (problem: string): PageDamage => ({ byteOffset, problem: `page ${number} ${problem}` });
  if (!Number.isInteger(number) || number < 2 || number > meta.lastPage) return { byteOffset: 0, problem: `page ${number} lies outside of the pages 2..${meta.lastPage}` };
  const bytes = Buffer.allocUnsafe(meta.pageBytes);
  const got = byteOffset < source.size ? source.readInto(bytes, byteOffset) : 0;
  if (got < meta.pageBytes) return bad(`is cut: the file ends at byte ${source.size}`);
  const problem = headerProblem(bytes, number, meta);
  if (problem !== null) return bad(problem);
  const flags = bytes.readUInt16LE(18);
  if (flags !== PAGE.branch && flags !== PAGE.leaf) return bad(`is no branch or leaf page (flags ${flags})`);
  const [lower, upper] = [bytes.readUInt16LE(20), bytes.readUInt16LE(22)];
  if (lower % 2 !== 0 || lower > upper || upper > meta.pageBytes - PAGE_HEADER_BYTES) return bad(`has impossible bounds ${lower}..${upper}`);
  const nodes = lower / 2;
  if (nodes < (flags === PAGE.branch ? 2 : 1)) return bad(`holds ${nodes} nodes`);
  return { number, byteOffset, kind: flags === PAGE.branch ? 'branch' : 'leaf', transaction: u64(bytes, 8), nodes, bytes };
}

/** A page from a later transaction was reused while (or after) this view was read. */
function headerProblem(bytes: Buffer, number: number, meta: Meta): string | null {
  if (u64(bytes, 0) !== number) return `says it is page ${u64(bytes, 0)}`;
  const transaction = u64(bytes, 8);
  return transaction > meta.transaction ? `is of transaction ${transaction}, later than ${meta.transaction}` : null;
}

/** Start of node `i` in its page, or null when the pointer or the node's head leads out of the page. */
function nodeAt({ bytes }: TreePage, i: number): number | null {
  const pointer = bytes.readUInt16LE(PAGE_HEADER_BYTES + 2 * i);
  const at = pointer + PAGE_HEADER_BYTES;
  const isInside = pointer % 2 === 0 && pointer >= bytes.readUInt16LE(22) && at + NODE_HEADER_BYTES <= bytes.length;
  return isInside && at + NODE_HEADER_BYTES + bytes.readUInt16LE(at + 6) <= bytes.length ? at : null;
}

export function branchNode(page: TreePage, i: number): BranchNode | PageDamage {
  const at = nodeAt(page, i);
  if (at === null) return { byteOffset: page.byteOffset, problem: `branch page ${page.number} has an impossible node ${i}` };
  const { bytes } = page;
  const child = bytes.readUInt32LE(at) + bytes.readUInt16LE(at + 4) * 0x1_0000_0000;
  return { key: keyOf(bytes, at), child };
}

export function leafNode(page: TreePage, i: number): LeafNode | PageDamage {
  const at = nodeAt(page, i);
  const bad = (problem: string): PageDamage => ({ byteOffset: page.byteOffset, problem: `leaf page ${page.number}, node ${i}: ${problem}` });
  if (at === null) return bad('leads out of the page');
  const { bytes } = page;
  const [valueBytes, flags] = [bytes.readUInt32LE(at), bytes.readUInt16LE(at + 4)];
  const key = keyOf(bytes, at);
  const from = at + NODE_HEADER_BYTES + key.length;
  if (flags !== 0 && flags !== NODE.bigValue && flags !== NODE.subTree) return bad(`has flags ${flags}`);
  if (flags === NODE.subTree && valueBytes !== TREE_BYTES) return bad(`names a database in ${valueBytes} bytes`);
  const inlineBytes = flags === NODE.bigValue ? BIG_VALUE_BYTES : valueBytes;
  if (from + inlineBytes > bytes.length) return bad(`has a value of ${inlineBytes} bytes, more than the page holds`);
  return { key, flags, inline: bytes.subarray(from, from + inlineBytes), valueBytes, byteOffset: page.byteOffset + from };
}

function keyOf(bytes: Buffer, at: number): Buffer {
  return bytes.subarray(at + NODE_HEADER_BYTES, at + NODE_HEADER_BYTES + bytes.readUInt16LE(at + 6));
}

/** A value in pages of its own. */
export interface BigValue {
  readonly first: number;
  readonly pages: number;
  readonly byteOffset: number;
  readonly value: Buffer;
}

export function readBigValue(source: ByteSource, meta: Meta, node: LeafNode): BigValue | PageDamage {
  const [first, pages] = [u64(node.inline, 0), u64(node.inline, 16)];
  const bad = (problem: string, byteOffset = node.byteOffset): PageDamage => ({ byteOffset, problem: `value of ${node.valueBytes} bytes ${problem}` });
  if (pages !== Math.floor((PAGE_HEADER_BYTES - 1 + node.valueBytes) / meta.pageBytes) + 1) return bad(`is said to fill ${pages} pages`);
  if (first < 2 || first + pages - 1 > meta.lastPage) return bad(`lies at page ${first}, outside of the pages 2..${meta.lastPage}`);
  const byteOffset = first * meta.pageBytes;
  const end = byteOffset + PAGE_HEADER_BYTES + node.valueBytes;
  if (end > source.size) return bad(`is cut: the file ends at byte ${source.size}`, byteOffset);
  if (node.valueBytes > MAX_VALUE_BYTES) return bad(`is larger than ${MAX_VALUE_BYTES}`, byteOffset);
  const bytes = Buffer.allocUnsafe(PAGE_HEADER_BYTES + node.valueBytes);
  if (source.readInto(bytes, byteOffset) < bytes.length) return bad('is cut', byteOffset);
  const problem = headerProblem(bytes, first, meta);
  if (problem !== null) return bad(`lies on page ${first}, which ${problem}`, byteOffset);
  if (bytes.readUInt16LE(18) !== PAGE.overflow || bytes.readUInt32LE(20) !== pages) return bad(`lies on page ${first}, which is no overflow page of ${pages}`, byteOffset);
  return { first, pages, byteOffset: byteOffset + PAGE_HEADER_BYTES, value: bytes.subarray(PAGE_HEADER_BYTES) };
}
