import type { SnapshotFileReport } from '../../model/snapshot-file.ts';
import type { FileSource } from '../file-source.ts';

export type Signature = 'bolt' | 'gzip' | 'etcd-snap' | 'native' | 'empty' | 'unknown';

/** Little-endian magic of a bolt meta page, 16 bytes into the page (bbolt internal/common/meta.go). */
const BOLT_MAGIC = 0xed0cdaed;
const MAGIC_AT = 16;
const HEAD_BYTES = 16;

/** What the first bytes say a file is. A bolt file whose first page is destroyed is known by its second meta page. */
export function detectFormat(source: FileSource): Signature {
  if (source.size === 0) return 'empty';
  const head = source.read(0, HEAD_BYTES);
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (isNative(source, head)) return 'native';
  if (isBolt(source)) return 'bolt';
  return isEtcdSnap(head) ? 'etcd-snap' : 'unknown';
}

/** Our own snapshot files say so at both ends, so that either may be destroyed. */
function isNative(source: FileSource, head: Buffer): boolean {
  return head.toString('latin1', 0, 8) === 'RISNAP01' || (source.size >= 8 && source.read(source.size - 8, 8).toString('latin1') === 'RISNAPND');
}

function isBolt(source: FileSource): boolean {
  const pages = [0, ...Array.from({ length: 15 }, (_, shift) => 1024 << shift)];
  return pages.some((at) => {
    const magic = source.read(at + MAGIC_AT, 4);
    return magic.length === 4 && magic.readUInt32LE(0) === BOLT_MAGIC;
  });
}

/** `snappb.snapshot`: field 1 the CRC as a varint of up to five bytes, field 2 the data (etcd server/etcdserver/api/snap). */
function isEtcdSnap(head: Buffer): boolean {
  if (head[0] !== 0x08) return false;
  for (let at = 1; at <= 5; at++) if (((head[at] ?? 0x80) & 0x80) === 0) return head[at + 1] === 0x12;
  return false;
}

/** For a file whose content says nothing: what its name says it should have been. */
export function formatByName(name: string): SnapshotFileReport['format'] {
  if (name.endsWith('.db')) return 'etcd-db';
  if (/(?:^|\/)\d{1,16}-\d{1,16}-[0-9a-f]{16}\.snap$/.test(name)) return 'native';
  return /^(?:.*\/)?[0-9a-f]{16}-[0-9a-f]{16}\.snap$/.test(name) ? 'etcd-snap' : 'raft-archive';
}
