import path from 'node:path';
import type { EntryRange, LogDamage, LogRecord } from '../../model/reading.ts';
import { FileSource } from '../file-source.ts';
import type { LogStore } from '../hashicorp/log-store.ts';
import { toLogEntry } from '../hashicorp/raft-log.ts';
import { BINARY_CODEC, decodeBinaryLog } from './codec.ts';
import { FRAME, FrameWalker, type Frame } from './frames.ts';
import type { SegmentInfo } from './meta.ts';
import { payloadOf, type SegmentPart, type SegmentSurvey, type WholePart } from './segments.ts';

/** A segment of the list with what its file holds; `survey` is the reason when the file cannot be read. */
export interface SurveyedSegment {
  info: SegmentInfo;
  /** Path below the member's directory. */
  name: string;
  survey: SegmentSurvey | string;
}

/** The log of a raft-wal directory: entries [MinIndex, MaxIndex] of each segment, checksums already surveyed. */
export class WalLog implements LogStore {
  readonly newestFile: string;

  constructor(
    private readonly root: string,
    private readonly segments: readonly SurveyedSegment[],
  ) {
    this.newestFile = segments.at(-1)?.name ?? '';
  }

  *records(range: EntryRange, times: boolean): IterableIterator<LogRecord> {
    const [from, to] = [range.from ?? 0, range.to ?? Number.MAX_SAFE_INTEGER];
    for (const segment of this.segments) {
      const { info } = segment;
      const bounds = { from: Math.max(from, info.MinIndex), to: Math.min(to, info.sealed ? info.MaxIndex : Number.MAX_SAFE_INTEGER) };
      if (bounds.from <= bounds.to) yield* this.segment(segment, bounds, times);
    }
  }

  private *segment(segment: SurveyedSegment, bounds: { from: number; to: number }, times: boolean): IterableIterator<LogRecord> {
    const { info, name, survey } = segment;
    if (typeof survey === 'string') {
      yield { type: 'damage', fromIndex: bounds.from, toIndex: info.sealed ? bounds.to : null, file: name, byteOffset: 0, reason: survey };
      return;
    }
    using source = FileSource.open(path.join(this.root, name), name);
    let next = info.BaseIndex;
    for (const part of survey.parts) {
      if (part.kind === 'whole') yield* this.whole(source, segment, part, bounds, times);
      else {
        const damage = brokenRecord(part, name, bounds);
        if (damage !== null) yield damage;
      }
      next = part.firstIndex + (part.entries ?? 0);
    }
    if (info.sealed && next <= bounds.to && survey.parts.at(-1)?.kind !== 'broken') {
      const reason = `the segment ends before entry ${next}, the segment list has it up to ${info.MaxIndex}`;
      yield { type: 'damage', fromIndex: Math.max(next, bounds.from), toIndex: bounds.to, file: name, byteOffset: survey.framesStopAt, reason };
    }
  }

  private *whole(source: FileSource, segment: SurveyedSegment, part: WholePart, bounds: { from: number; to: number }, times: boolean): IterableIterator<LogRecord> {
    if (part.firstIndex + part.entries <= bounds.from) return;
    const walker = new FrameWalker(source, part.from);
    let index = part.firstIndex;
    for (let frame = walker.next(); frame !== null && frame.offset < part.to; frame = walker.next()) {
      if (frame.type !== FRAME.entry) continue;
      if (index > bounds.to) return;
      if (index >= bounds.from) yield decodeFrame(frame, index, segment, times);
      index++;
    }
  }
}

function decodeFrame(frame: Frame, index: number, { info, name }: SurveyedSegment, times: boolean): LogRecord {
  const damage = (reason: string): LogDamage => ({ type: 'damage', fromIndex: index, toIndex: index, file: name, byteOffset: frame.offset, reason });
  if (info.Codec !== BINARY_CODEC) return damage(`codec ${info.Codec} belongs to an application and cannot be decoded`);
  const log = decodeBinaryLog(payloadOf(frame));
  if (typeof log === 'string') return damage(`entry ${index} does not decode: ${log}`);
  if (log.index !== index) return damage(`the entry in the place of ${index} says index ${log.index}`);
  return toLogEntry(log, name, frame.offset, times);
}

/** Null when nothing effective is lost: an unfinished last write, a batch outside the bounds, or one without entries. */
function brokenRecord(part: SegmentPart & { kind: 'broken' }, file: string, bounds: { from: number; to: number }): LogDamage | null {
  if (part.cause === 'torn' || part.entries === 0) return null;
  const fromIndex = Math.max(part.firstIndex, bounds.from);
  const end = part.entries === null ? (bounds.to === Number.MAX_SAFE_INTEGER ? null : bounds.to) : Math.min(part.firstIndex + part.entries - 1, bounds.to);
  if (fromIndex > bounds.to || (end !== null && end < fromIndex)) return null;
  return { type: 'damage', fromIndex, toIndex: end, file, byteOffset: part.from, reason: part.reason };
}
