import type { EntryRange, LogRecord } from '../../model/reading.ts';
import { EntryHeader } from './entry-header.ts';
import type { LogSurvey } from './log-survey.ts';
import { filePosition } from './step-backs.ts';
import { RECORD } from './wal-frame.ts';
import { walkWal, type WalEnds } from './wal-scan.ts';
import type { WalSegment } from './wal-segments.ts';

/**
 * Walks the effective entries and damaged places again, in index order. Stops where the first walk stopped, so that a server that
 * goes on writing does not change what is seen.
 */
export function* readRecords(segments: readonly WalSegment[], survey: LogSurvey, ends: WalEnds, range: EntryRange = {}): Generator<LogRecord, void, undefined> {
  const { from = 0, to = Number.POSITIVE_INFINITY } = range;
  const header = new EntryHeader();
  const reports = new Map(survey.reports.map((report) => [`${report.file}:${report.byteOffset}`, report]));
  for (const { damage, frame, segment } of walkWal(segments, { ends, fromOrdinal: firstOrdinal(segments, from) })) {
    if (damage?.kind === 'torn') continue;
    const place = { file: segment.name, byteOffset: damage?.byteOffset ?? frame.offset };
    const report = reports.size > 0 ? reports.get(`${place.file}:${place.byteOffset}`) : undefined;
    if (damage || report) {
      const { fromIndex = null, toIndex = null } = report ?? {};
      const reason = damage?.reason ?? survey.damages.find((one) => one.segment === segment && one.byteOffset === place.byteOffset)?.reason ?? 'entries are missing';
      if ((fromIndex ?? 0) <= to && (toIndex ?? Number.POSITIVE_INFINITY) >= from) yield { type: 'damage', ...place, fromIndex, toIndex, reason };
      if (damage) continue;
    }
    if (frame.type !== RECORD.entry || header.decode(frame.buffer, frame.dataFrom, frame.dataTo) !== undefined) continue;
    const { index, term } = header;
    if (index < from || index > to || !survey.stepBacks.keeps(filePosition(segment.ordinal, frame.offset), index)) continue;
    const data = frame.buffer.subarray(header.dataFrom, header.dataTo);
    yield { type: 'entry', index, term, kind: header.kind, ...place, bytes: data.length, data };
  }
}

/** The newest segment whose name promises all entries from `index` on; the first where one in between is missing. */
function firstOrdinal(segments: readonly WalSegment[], index: number): number {
  let ordinal = 0;
  for (const segment of segments) if (segment.ordinal > 0 && segment.firstIndex < index) ordinal = segment.ordinal;
  return ordinal;
}
