const UNIX_FROM_YEAR_1_SECONDS = 62_135_596_800;
const UTC = -1;

function parts(unixMs: number): { seconds: number; nanos: number } {
  const seconds = Math.floor(unixMs / 1000);
  return { seconds, nanos: (unixMs - seconds * 1000) * 1_000_000 };
}

/** Go's `time.MarshalBinary` in UTC, 15 bytes: version 1, s64 seconds since year 1, s32 nanoseconds, s16 zone (readers/hashicorp/go-time.ts). */
export function goBinaryTime(unixMs: number): Buffer {
  const { seconds, nanos } = parts(unixMs);
  const bytes = Buffer.alloc(15);
  bytes.writeUInt8(1, 0);
  bytes.writeBigInt64BE(BigInt(seconds + UNIX_FROM_YEAR_1_SECONDS), 1);
  bytes.writeInt32BE(nanos, 9);
  bytes.writeInt16BE(UTC, 13);
  return bytes;
}

/** The payload of msgpack's timestamp 64: nanoseconds in the upper 30 bits, seconds in the lower 34. */
export function msgpackTimestamp(unixMs: number): Buffer {
  const { seconds, nanos } = parts(unixMs);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE((BigInt(nanos) << 34n) | BigInt(seconds));
  return bytes;
}
