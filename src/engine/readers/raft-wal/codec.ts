import type { RaftLog } from '../hashicorp/raft-log.ts';

/** The library's own codec; ids from 65536 on belong to applications. */
export const BINARY_CODEC = 1;

/**
 * Decodes an entry of codec 1 (raft-wal v0.4.2 codec.go `BinaryCodec`): uvarint Index, Term, Type, then Data and Extensions
 * each behind its uvarint length, then Go's binary time to the end. Returns what is wrong as a string.
 */
export function decodeBinaryLog(payload: Uint8Array): RaftLog | string {
  const cursor = { at: 0 };
  const index = uvarint(payload, cursor);
  const term = uvarint(payload, cursor);
  const type = uvarint(payload, cursor);
  if (index < 0 || term < 0 || type < 0) return 'its index, term or type is out of range';
  if (type > 255) return `its log type is ${type}, which no byte holds`;
  const data = sized(payload, cursor);
  const extensions = data && sized(payload, cursor);
  if (data === null || extensions === null) return 'a field is longer than what is left';
  return { index, term, type, data, extensions, appendedAt: payload.subarray(cursor.at) };
}

/** -1 when it ends early or passes 2^53. */
function uvarint(bytes: Uint8Array, cursor: { at: number }): number {
  let value = 0;
  let scale = 1;
  for (let n = 0; n < 10 && cursor.at < bytes.length; n++) {
    const byte = bytes[cursor.at++] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : -1;
    scale *= 128;
  }
  return -1;
}

function sized(bytes: Uint8Array, cursor: { at: number }): Uint8Array | null {
  const length = uvarint(bytes, cursor);
  if (length < 0 || length > bytes.length - cursor.at) return null;
  const start = cursor.at;
  cursor.at += length;
  return bytes.subarray(start, cursor.at);
}
