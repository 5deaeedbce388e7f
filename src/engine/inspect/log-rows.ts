import type { LogIndex, Term } from '../core/types.ts';
import { UsageError } from '../errors.ts';
import type { MemberReading, EntryRange, LogRecord } from '../model/reading.ts';

/** Which records of a log are wanted. */
export interface LogSelection {
  from?: LogIndex;
  to?: LogIndex;
  around?: LogIndex;
  atByte?: number;
  term?: Term;
  kind?: string;
  tail?: number;
}

const BESIDE = 2;
const AFTER = 1;

/** @throws {UsageError} When two selections exclude each other. */
export function rangeOf(selection: LogSelection, reading: MemberReading): EntryRange {
  const { around, tail, atByte } = selection;
  const ends = selection.from !== undefined || selection.to !== undefined;
  if ([around !== undefined, tail !== undefined, atByte !== undefined, ends].filter(Boolean).length > 1) {
    throw new UsageError('--from and --to, --around, --at-byte and --tail exclude each other', 'Give one of them');
  }
  const whole = reading.report.damage.reduce((last, one) => Math.max(last, one.tail?.index ?? one.toIndex ?? 0), reading.report.log.lastIndex);
  if (around !== undefined) return { from: Math.max(1, around - BESIDE), to: around + AFTER };
  if (tail !== undefined) return { from: Math.max(1, whole - tail + 1) };
  return { ...(selection.from === undefined ? {} : { from: selection.from }), ...(selection.to === undefined ? {} : { to: selection.to }) };
}

/** The wanted records in order; `--at-byte` gives the last record that begins at or before that byte. Damage always shows. */
export function* selectRecords(reading: MemberReading, selection: LogSelection): Generator<LogRecord> {
  const range = rangeOf(selection, reading);
  let held: LogRecord | null = null;
  for (const record of reading.records(range)) {
    if (selection.atByte !== undefined) {
      if (record.byteOffset > selection.atByte) {
        // Pages of our own store lie in any order; elsewhere what follows lies behind.
        if (held !== null && reading.report.store !== 'native') break;
        continue;
      }
      if (held !== null && reading.report.store === 'native' && record.byteOffset < held.byteOffset) continue;
      held = record.type === 'entry' ? { ...record, data: Uint8Array.from(record.data) } : record;
      continue;
    }
    if (record.type === 'damage' || fits(record, selection)) yield record;
  }
  if (held !== null) yield held;
}

function fits(record: LogRecord & { type: 'entry' }, selection: LogSelection): boolean {
  if (selection.term !== undefined && record.term !== selection.term) return false;
  return selection.kind === undefined || record.kind === selection.kind;
}
