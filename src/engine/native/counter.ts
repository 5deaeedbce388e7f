/** Counters are 8 bytes, big-endian, at most 2^53 - 1: terms, indexes, milliseconds. A larger one on disk is damage. */
export const COUNTER_BYTES = 8;

/** @throws {RangeError} When `value` is no safe integer from 0 on: a bug of the caller, not damage. */
export function writeCounter(target: Buffer, offset: number, value: number, name: string): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} ${value} is outside 0..2^53-1`);
  target.writeUInt32BE(Math.floor(value / 0x1_0000_0000), offset);
  target.writeUInt32BE(value >>> 0, offset + 4);
}

/** The counter at `offset`, or null when it is above 2^53 - 1. The caller has checked that 8 bytes are there. */
export function readCounter(source: Buffer, offset: number): number | null {
  const high = source.readUInt32BE(offset);
  return high > 0x1f_ffff ? null : high * 0x1_0000_0000 + source.readUInt32BE(offset + 4);
}

/** A `Buffer` over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
