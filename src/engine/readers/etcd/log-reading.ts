import type { Progress } from '../../model/reading.ts';
import type { FileSource } from '../file-source.ts';
import { EntryHeader } from './entry-header.ts';
import { LogSurvey } from './log-survey.ts';
import { makesRevision } from './member-writes.ts';
import { filePosition } from './step-backs.ts';
import { RECORD } from './wal-frame.ts';
import { walkWal, type WalEnds } from './wal-scan.ts';
import { SEGMENT_BYTES, type WalSegment } from './wal-segments.ts';

export interface LogReading {
  survey: LogSurvey;
  /** Where each segment's records ended. */
  ends: WalEnds;
  inodes: Pick<FileSource, 'inode'>[];
  mtimeMs: number;
  /** The newest segment is full and closed: another one came after it, save for a crash in the moment of the change. */
  lacksNext: boolean;
}

/** Walks the whole log once, and a second time when entries were overwritten, to count without them. */
export function readLog(segments: readonly WalSegment[], appliedIndex: number, progress?: Progress): LogReading {
  const survey = new LogSurvey(appliedIndex);
  const reading: LogReading = { survey, ends: segments.map(() => 0), inodes: [], mtimeMs: 0, lacksNext: false };
  let [total, done, newestBytes] = [0, 0, -1];
  const events = walkWal(segments, {
    onOpen: ({ inode, size, mtimeMs }) => {
      reading.inodes.push({ inode });
      reading.mtimeMs = Math.max(reading.mtimeMs, mtimeMs);
      total += size;
      newestBytes = size;
    },
    onBytes: (bytes) => progress?.((done += bytes), Math.max(total, done), 'write-ahead log'),
    onEnd: ({ ordinal }, offset) => (reading.ends[ordinal] = offset),
  });
  for (const event of events) survey.note(event);
  survey.finish();
  const end = reading.ends.at(-1) ?? 0;
  reading.lacksNext = end >= SEGMENT_BYTES && end === newestBytes && survey.damages.every(({ segment }) => segment !== segments.at(-1));
  if (survey.stepBacks.any) recount(segments, reading, appliedIndex);
  return reading;
}

function recount(segments: readonly WalSegment[], { survey, ends }: LogReading, appliedIndex: number): void {
  const { run, stepBacks, closedAt } = survey;
  const header = new EntryHeader();
  run.resetCounts();
  survey.revisions = 0;
  for (const { damage, frame, segment } of walkWal(segments, { ends })) {
    if (damage || frame.type !== RECORD.entry) continue;
    const position = filePosition(segment.ordinal, frame.offset);
    if (closedAt !== null && position >= closedAt) return;
    if (header.decode(frame.buffer, frame.dataFrom, frame.dataTo) !== undefined) continue;
    const { index, type, dataFrom, dataTo } = header;
    if (index < run.first || index > run.last || !stepBacks.keeps(position, index)) continue;
    run.count(header);
    if (index > appliedIndex && type === 0 && makesRevision(frame.buffer, dataFrom, dataTo)) survey.revisions++;
  }
}
