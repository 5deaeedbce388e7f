import { finding, type Finding } from '../../model/finding.ts';
import { FILE_HEADER_BYTES, type SegmentHeader } from './frames.ts';
import type { SegmentInfo } from './meta.ts';
import type { BrokenPart, SegmentSurvey } from './segments.ts';
import type { SurveyedSegment } from './wal-log.ts';

const FROM_COPY = 'Bring the file back from a copy, or recover from another member';

interface SegmentVerdict {
  torn: boolean;
  damaged: boolean;
  /** Why the library would not open the log; it is silent about most damage. */
  refusal: string | null;
}

/**
 * What is wrong with a segment beyond the entries it lost (those are log records). `tail` segments may end in an unfinished
 * write; a sealed one may not.
 */
export function segmentFindings(segment: SurveyedSegment, isTail: boolean, findings: Finding[]): SegmentVerdict {
  const { info, name, survey } = segment;
  if (typeof survey === 'string') return unreadable(segment, survey, isTail, findings);
  const verdict: SegmentVerdict = { torn: false, damaged: false, refusal: null };
  if (isTail && !info.sealed && survey.bytes < FILE_HEADER_BYTES) return cutTail(segment, survey.bytes, findings);
  const problem = headerProblem(survey.header, info);
  if (problem !== null && survey.parts.length > 0) {
    findings.push(finding('wal-segment-header', 'error', `the header of segment ${info.file} cannot be right: ${problem}`, { file: name, byteOffset: 0, fix: FROM_COPY }));
    verdict.damaged = true;
    verdict.refusal = `${name}: ${problem}`;
  }
  for (const part of survey.parts) if (part.kind === 'broken') brokenPart(part, segment, isTail, verdict, findings);
  indexArray(survey, info, name, verdict, findings);
  return verdict;
}

function unreadable({ info, name }: SurveyedSegment, problem: string, isTail: boolean, findings: Finding[]): SegmentVerdict {
  const lost = info.sealed ? `entries ${info.MinIndex}..${info.MaxIndex} are lost` : `entries from ${info.BaseIndex} on, if any, are lost`;
  const silent = isTail && !info.sealed ? '; the library would make a new empty one and say nothing' : '';
  findings.push(finding('wal-segment-missing', 'error', `segment ${info.file} cannot be read (${problem}): ${lost}${silent}`, { file: name, fix: FROM_COPY }));
  return { torn: false, damaged: true, refusal: isTail && !info.sealed ? null : `${name}: ${problem}` };
}

/** A tail cut inside its header: a crash right after its creation leaves that, but so does a lost file. */
function cutTail({ info, name }: SurveyedSegment, bytes: number, findings: Finding[]): SegmentVerdict {
  const message = `the tail segment ${info.file} is ${bytes} bytes, shorter than its header: entries from ${info.BaseIndex} on, if it held any, are lost`;
  findings.push(finding('torn-tail', 'warn', message, { file: name, byteOffset: 0, fix: 'Compare with the other members: recover pick tells whether they hold more' }));
  return { torn: true, damaged: false, refusal: null };
}

function headerProblem(header: SegmentHeader | string, info: SegmentInfo): string | null {
  if (typeof header === 'string') return header;
  const id = info.ID.toString(16).padStart(16, '0');
  if (header.baseIndex !== info.BaseIndex) return `it says base index ${header.baseIndex}, the segment list ${info.BaseIndex}`;
  if (header.id !== id) return `it says id ${header.id}, the segment list ${id}`;
  return header.codec === info.Codec ? null : `it says codec ${header.codec}, the segment list ${info.Codec}`;
}

function brokenPart(part: BrokenPart, { info, name }: SurveyedSegment, isTail: boolean, verdict: SegmentVerdict, findings: Finding[]): void {
  if (part.cause === 'torn' && isTail && !info.sealed) {
    verdict.torn = true;
    const message = `the log ends in an unfinished write behind entry ${part.firstIndex - 1}: ${part.reason}`;
    findings.push(finding('torn-tail', 'warn', message, { file: name, byteOffset: part.from, fix: 'None needed: the server drops it at its next start' }));
    return;
  }
  verdict.damaged = true;
  if (part.entries !== 0) return; // told by the log record
  findings.push(
    finding('wal-batch-damaged', 'error', `a batch without entries (the index of a sealed segment) is damaged: ${part.reason}`, { file: name, byteOffset: part.from, fix: FROM_COPY }),
  );
  verdict.refusal ??= `the index of segment ${info.file} is damaged`;
}

/** The library looks entries up in the index array of a sealed segment, where the list says it is. */
function indexArray(survey: SegmentSurvey, info: SegmentInfo, name: string, verdict: SegmentVerdict, findings: Finding[]): void {
  if (!info.sealed || info.IndexStart === 0 || survey.parts.some((part) => part.kind === 'broken')) return;
  if (survey.indexStart === info.IndexStart) return;
  verdict.damaged = true;
  verdict.refusal ??= `the index of segment ${info.file} is not where the segment list says`;
  findings.push(
    finding('wal-index-misplaced', 'error', `the index of the segment is at ${survey.indexStart}, the segment list says ${info.IndexStart}`, { file: name, byteOffset: survey.indexStart, fix: FROM_COPY }),
  );
}
