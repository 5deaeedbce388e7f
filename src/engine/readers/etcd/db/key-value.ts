// mvccpb.KeyValue (etcd 3.6 api/mvccpb/kv.proto): 1 key (bytes), 2 create_revision, 3 mod_revision, 4 version (varints),
// 5 value (bytes), 6 lease (varint). Go's encoder writes fields in order and leaves zero values out.

/** A revision key: u64be main, '_', u64be sub, and a 't' for a tombstone. */
export interface Revision {
  main: number;
  sub: number;
  isTombstone: boolean;
}

const REVISION_BYTES = 17;
const UNDERSCORE = 0x5f;
const TOMBSTONE_MARK = 0x74;
const MAX_SUB = 2 ** 32;

/** Null when the bytes are no revision key. */
export function decodeRevision(key: Buffer): Revision | null {
  const isTombstone = key.length === REVISION_BYTES + 1 && key[REVISION_BYTES] === TOMBSTONE_MARK;
  if ((key.length !== REVISION_BYTES && !isTombstone) || key[8] !== UNDERSCORE) return null;
  const main = u64be(key, 0);
  const sub = u64be(key, 9);
  return Number.isSafeInteger(main) && sub < MAX_SUB ? { main, sub, isTombstone } : null;
}

/** A big-endian u64 as a number: exact up to 2^53, larger than any safe integer above that. */
export function u64be(bytes: Buffer, offset: number): number {
  return bytes.readUInt32BE(offset) * 2 ** 32 + bytes.readUInt32BE(offset + 4);
}

const EMPTY = Buffer.alloc(0);

/**
 * The user key of an encoded `KeyValue`; null when the bytes are no such message. All fields are stepped over, so a broken
 * length anywhere shows.
 */
export function userKeyOf(value: Buffer): Buffer | null {
  let key: Buffer = EMPTY;
  let at = 0;
  while (at < value.length) {
    const tag = value[at++] as number;
    const wire = tag & 7;
    if (tag >= 0x80 || tag < 8 || (wire !== 0 && wire !== 2)) return null; // fields 1 to 15, varint or bytes, are all there is
    let number = 0;
    let scale = 1;
    for (;;) {
      if (at >= value.length || scale > 2 ** 63) return null;
      const byte = value[at++] as number;
      number += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 128;
    }
    if (wire === 0) continue;
    if (number > value.length - at) return null;
    if (tag === 0x0a) key = value.subarray(at, at + number);
    at += number;
  }
  return key;
}
