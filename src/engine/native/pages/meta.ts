import type { ByteSource } from './byte-source.ts';
import { DATA_VERSION, decodeTreeHead, MAGIC, MAX_PAGE_BYTES, META_BYTES, MIN_PAGE_BYTES, PAGE, u64 } from './layout.ts';
import type { TreeHead } from './layout.ts';

/** One of the two meta pages: the start of one transaction's view. */
export interface Meta {
  /** 0 or 1: transaction N writes page N mod 2. */
  readonly page: 0 | 1;
  readonly byteOffset: number;
  readonly transaction: number;
  readonly pageBytes: number;
  /** Highest page number in use. */
  readonly lastPage: number;
  readonly free: TreeHead;
  readonly main: TreeHead;
}

/** A meta page that cannot be used. */
export interface BadMeta {
  readonly page: 0 | 1;
  readonly byteOffset: number;
  readonly problem: string;
}

export type MetaPage = Meta | BadMeta;

const STABLE_ATTEMPTS = 16;

export function isSound(meta: MetaPage): meta is Meta {
  return !('problem' in meta);
}

/** Both meta pages, read until two readings agree: a writer may be replacing one of them meanwhile. */
export function readMetas(source: ByteSource): readonly [MetaPage, MetaPage] {
  let before = rawMetas(source);
  for (let attempt = 0; attempt < STABLE_ATTEMPTS; attempt++) {
    const after = rawMetas(source);
    if (before.every(({ bytes }, i) => bytes.equals(after[i]?.bytes ?? Buffer.alloc(0)))) break;
    before = after;
  }
  return [decodeMeta(source, before[0], 0), decodeMeta(source, before[1], 1)];
}

interface RawMeta {
  readonly byteOffset: number;
  readonly bytes: Buffer;
}

function rawMetas(source: ByteSource): readonly [RawMeta, RawMeta] {
  const first = rawMeta(source, 0);
  const said = first.bytes.length === META_BYTES && first.bytes.readUInt32LE(24) === MAGIC ? first.bytes.readUInt32LE(48) : 0;
  if (isPageSize(said)) return [first, rawMeta(source, said)];
  return [first, searchSecond(source)];
}

/** Where page 0 is destroyed, the second meta page lies at some page size and says the same size itself. */
function searchSecond(source: ByteSource): RawMeta {
  for (let size = MIN_PAGE_BYTES; size <= MAX_PAGE_BYTES; size *= 2) {
    const raw = rawMeta(source, size);
    if (raw.bytes.length === META_BYTES && raw.bytes.readUInt32LE(24) === MAGIC && raw.bytes.readUInt32LE(48) === size) return raw;
  }
  return rawMeta(source, 4096);
}

function rawMeta(source: ByteSource, byteOffset: number): RawMeta {
  const bytes = Buffer.alloc(META_BYTES);
  return { byteOffset, bytes: bytes.subarray(0, source.readInto(bytes, byteOffset)) };
}

function isPageSize(bytes: number): boolean {
  return bytes >= MIN_PAGE_BYTES && bytes <= MAX_PAGE_BYTES && (bytes & (bytes - 1)) === 0;
}

function decodeMeta(source: ByteSource, { byteOffset, bytes }: RawMeta, page: 0 | 1): MetaPage {
  const bad = (problem: string): BadMeta => ({ page, byteOffset, problem: `meta page ${page} ${problem}` });
  if (bytes.length < META_BYTES) return bad(`is cut: the file ends at byte ${source.size}`);
  if ((bytes.readUInt16LE(18) & PAGE.meta) === 0) return bad('is not marked as one');
  if (bytes.readUInt32LE(24) !== MAGIC) return bad('lacks the magic number');
  const version = bytes.readUInt32LE(28) & 0xffff;
  if (version !== DATA_VERSION) return bad(`says data version ${version}, this tool reads ${DATA_VERSION}`);
  if (u64(bytes, 0) !== page) return bad(`says it is page ${u64(bytes, 0)}`);
  const meta: Meta = {
    page,
    byteOffset,
    transaction: u64(bytes, 152),
    pageBytes: bytes.readUInt32LE(48),
    lastPage: u64(bytes, 144),
    free: decodeTreeHead(bytes, 48),
    main: decodeTreeHead(bytes, 96),
  };
  return metaProblem(meta, u64(bytes, 40)) === null ? meta : bad(metaProblem(meta, u64(bytes, 40)) ?? '');
}

function metaProblem(meta: Meta, mapBytes: number): string | null {
  if (!isPageSize(meta.pageBytes)) return `says a page size of ${meta.pageBytes} bytes`;
  if (!Number.isFinite(meta.transaction)) return 'has an impossible transaction number';
  // Both say 0 in a file nobody has written to yet.
  if (meta.transaction !== 0 && meta.transaction % 2 !== meta.page) return `says transaction ${meta.transaction}, which belongs on the other one`;
  if (!Number.isFinite(meta.lastPage) || meta.lastPage < 1) return 'has an impossible last page';
  if ((meta.lastPage + 1) * meta.pageBytes > mapBytes) return `says last page ${meta.lastPage}, beyond its map of ${mapBytes} bytes`;
  if (meta.main.flags !== 0) return `says its main tree has flags ${meta.main.flags}`;
  for (const tree of [meta.free, meta.main]) {
    if (tree.root !== null && (tree.root < 2 || tree.root > meta.lastPage)) return `names root page ${tree.root}, of pages up to ${meta.lastPage}`;
  }
  return null;
}
