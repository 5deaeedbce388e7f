const UNIX_FROM_YEAR_1_SECONDS = 62_135_596_800n;
const NANOS_MAX = 999_999_999;

/**
 * A Go time as hashicorp/raft stores it, to RFC 3339 in UTC with the digits Go prints; null for the zero time and for bytes
 * that are none of the known forms. The length tells the form: 15 or 16 is Go's own binary form (time.MarshalBinary: version,
 * s64 seconds since year 1, s32 nanoseconds, zone), 4, 8 and 12 are the msgpack timestamp payloads (msgpack spec, "Timestamp
 * extension type"; go-msgpack 1.1.5 writes them without the extension header).
 */
export function goTimeToRfc3339(bytes: Uint8Array): string | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (bytes.length) {
    case 15:
    case 16:
      if (view.getUint8(0) !== bytes.length - 14) return null;
      return toRfc3339(view.getBigInt64(1) - UNIX_FROM_YEAR_1_SECONDS, view.getUint32(9));
    case 12:
      return toRfc3339(view.getBigInt64(4), view.getUint32(0));
    case 8:
      return toRfc3339(view.getBigUint64(0) & 0x3_ffff_ffffn, view.getUint32(0) >>> 2);
    case 4:
      return toRfc3339(BigInt(view.getUint32(0)), 0);
    default:
      return null;
  }
}

function toRfc3339(unixSeconds: bigint, nanos: number): string | null {
  const seconds = Number(unixSeconds);
  // Beyond year 9999 RFC 3339 ends, and the zero time (year 1) means "not set".
  if (nanos > NANOS_MAX || seconds <= -Number(UNIX_FROM_YEAR_1_SECONDS) || seconds > 253_402_300_799) return null;
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  const fraction = nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;
  return `${whole}${fraction}Z`;
}
