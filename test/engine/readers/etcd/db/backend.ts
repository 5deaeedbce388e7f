import { writeBolt, type BoltWriteOptions } from '../../../../helpers/bbolt-writer.ts';

/** One change of a user key, as tests write it down. */
export interface Change {
  key: string;
  main: number;
  sub: number;
  isTombstone: boolean;
}

export function revisionKey({ main, sub, isTombstone }: Omit<Change, 'key'>): Buffer {
  const key = Buffer.alloc(isTombstone ? 18 : 17, 't');
  key.writeBigUInt64BE(BigInt(main), 0);
  key.write('_', 8);
  key.writeBigUInt64BE(BigInt(sub), 9);
  return key;
}

/** A `KeyValue` message of short strings. */
export function keyValue(key: string, value: string): Buffer {
  const field = (tag: number, text: string) => Buffer.concat([Buffer.from([tag, Buffer.byteLength(text)]), Buffer.from(text)]);
  return Buffer.concat([field(0x0a, key), value === '' ? Buffer.alloc(0) : field(0x2a, value)]);
}

export function u64be(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

export const rowOf = (change: Change) => [revisionKey(change), keyValue(change.key, change.isTombstone ? '' : `value ${change.main}`)] as const;

/** Writes a small etcd backend with the given history. */
export function writeBackend(file: string, changes: Iterable<Change>, compact = -1, options: BoltWriteOptions = {}): void {
  const meta: [Buffer, Buffer][] = [[Buffer.from('consistent_index'), u64be(77)]];
  if (compact >= 0) meta.push([Buffer.from('finishedCompactRev'), revisionKey({ main: compact, sub: 0, isTombstone: false })]);
  const members = ['{"id":14499746355421339667,"peerURLs":["http://10.0.0.1:2380"],"name":"n1"}'].map((json) => [Buffer.from('c939727cc0276013'), Buffer.from(json)] as const);
  function* rows() {
    for (const change of changes) yield rowOf(change);
  }
  const buckets = [{ name: 'key', items: rows() }, { name: 'meta', items: meta, inline: true }, { name: 'members', items: members, inline: true }];
  writeBolt(file, buckets, { freelist: 'none', ...options });
}
