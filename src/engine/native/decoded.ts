/**
 * What a decoder of the native format found wrong. Rules are stable ids of findings:
 * - `record-damaged`: length or checksum do not hold;
 * - `record-newer`: written by a newer format version;
 * - `record-encrypted`: names a key, and this version holds none;
 * - `record-invalid`: the checksum holds, and what the record says cannot be true.
 */
export type RecordRule = 'record-damaged' | 'record-newer' | 'record-encrypted' | 'record-invalid';

/** A value, or why there is none. Decoders of damaged bytes are the normal case for the offline reader, so they do not throw. */
export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly rule: RecordRule; readonly problem: string };

export function decoded<T>(value: T): Decoded<T> {
  return { ok: true, value };
}

export function undecodable(rule: RecordRule, problem: string): { readonly ok: false; readonly rule: RecordRule; readonly problem: string } {
  return { ok: false, rule, problem };
}
