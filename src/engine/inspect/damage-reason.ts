import type { MemberReading } from '../model/reading.ts';

/** Why a damaged place of the report cannot be read, in the reader's words; null when the walk does not say. */
export function damageReason(reading: MemberReading, at: number): string | null {
  const damage = reading.report.damage[at];
  if (damage === undefined) return null;
  const range = damage.fromIndex === null ? {} : { from: damage.fromIndex, to: damage.toIndex ?? damage.fromIndex };
  for (const record of reading.records(range)) {
    if (record.type === 'damage' && record.file === damage.file && record.byteOffset === damage.byteOffset) return record.reason;
  }
  return null;
}
