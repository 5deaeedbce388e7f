import type { Decoded } from '../native/decoded.ts';
import type { KvOperation, KvReader } from '../ports/kv-store.ts';
import { META_DATABASE, META_KEY, TAIL_COPY_KEY, TAIL_DATABASE } from '../native/layout.ts';
import { encodePosition, type ChainPosition } from '../native/position-records.ts';
import { StorageDamagedError } from '../ports/damage.ts';

export type MetaKey = keyof typeof META_KEY;

/** The value of a record, or the error that says where it lies and what is wrong with it. */
export function required<T>(where: string, result: Decoded<T>): T {
  if (result.ok) return result.value;
  throw new StorageDamagedError(result.rule, where, result.problem);
}

/** @throws {StorageDamagedError} `record-missing`, or what the decoder says. */
export function readMeta<T>(reader: KvReader, key: MetaKey, decode: (bytes: Uint8Array) => Decoded<T>): T {
  return readRecord(reader, META_DATABASE, META_KEY[key], decode);
}

export function readRecord<T>(reader: KvReader, database: string, key: Uint8Array, decode: (bytes: Uint8Array) => Decoded<T>): T {
  const where = `raft/${database}/${Buffer.from(key).toString('ascii')}`;
  const bytes = reader.get(database, key);
  if (bytes === undefined) throw new StorageDamagedError('record-missing', where, 'the record is not there');
  return required(where, decode(bytes));
}

export function putMeta(key: MetaKey, value: Uint8Array): KvOperation {
  return { kind: 'put', database: META_DATABASE, key: META_KEY[key], value };
}

/** The tail descriptor goes to two trees in the same commit, so that one bad page does not hide how far the log went. */
export function putTail(tail: ChainPosition): KvOperation[] {
  const value = encodePosition('tail', tail);
  return [putMeta('tail', value), { kind: 'put', database: TAIL_DATABASE, key: TAIL_COPY_KEY, value }];
}
