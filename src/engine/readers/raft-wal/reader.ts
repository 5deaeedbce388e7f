import path from 'node:path';
import { CorruptDataError, InspectorError, UnreadableError } from '../../errors.ts';
import { finding, type Finding } from '../../model/finding.ts';
import type { ReadOptions, StoreReader } from '../../model/reading.ts';
import { BoltFile } from '../bbolt/file.ts';
import { FileSource, listDirectory } from '../file-source.ts';
import { boltFindings } from '../hashicorp/bolt-findings.ts';
import { findLayout, type RaftLayout } from '../hashicorp/layout.ts';
import type { StoreParts } from '../hashicorp/log-store.ts';
import { readMember } from '../hashicorp/member-report.ts';
import { lostStableState, readStableState } from '../hashicorp/stable-store.ts';
import { guessSegmentList, META_FILE, parseSegmentFileName, readSegmentList, type SegmentInfo } from './meta.ts';
import { segmentFindings } from './segment-findings.ts';
import { surveySegment, type SegmentSurvey } from './segments.ts';
import { WalLog, type SurveyedSegment } from './wal-log.ts';

const STABLE_BUCKET = 'stable';

/** hashicorp/raft with raft-wal: segment files, and term, vote and segment list in wal-meta.db. */
export const raftWalReader: StoreReader = {
  store: 'raft-wal',
  title: 'hashicorp/raft on raft-wal (Consul, Nomad, Vault): wal/ with wal-meta.db and segments, and file snapshots',
  looksFor: ['wal/wal-meta.db', 'wal/<base index>-<id>.wal', 'raft/wal/', 'server/raft/wal/'],
  detect: (place) => findLayout(place)?.store === 'raft-wal',
  read(place, options) {
    const layout = findLayout(place);
    if (layout?.store !== 'raft-wal') throw new UnreadableError(place, 'holds no raft-wal store');
    const findings: Finding[] = [];
    return readMember(layout, readParts(layout, findings, options), findings, options);
  },
};

function readParts(layout: RaftLayout, findings: Finding[], options: ReadOptions): StoreParts {
  const parts: StoreParts = { log: null, stable: lostStableState('not read'), refusal: null, torn: false, damaged: false, files: [] };
  const names = listDirectory(path.join(layout.root, layout.log)).filter((name) => parseSegmentFileName(name) !== null);
  const list = readMeta(layout, parts, findings, options) ?? guessSegmentList(names);
  noteStrayFiles(layout, names, list, findings);
  const segments = list.map((info) => survey(layout, info, parts, options));
  for (const segment of segments) {
    const { torn, damaged, refusal } = segmentFindings(segment, segment === segments.at(-1), findings);
    parts.torn ||= torn;
    parts.damaged ||= damaged;
    parts.refusal ??= refusal;
  }
  parts.log = new WalLog(layout.root, segments);
  return parts;
}

/** The segment list, term and vote; null when the list is lost and has to be told from the file names. */
function readMeta(layout: RaftLayout, parts: StoreParts, findings: Finding[], options: ReadOptions): SegmentInfo[] | null {
  const file = layout.stable;
  try {
    using source = FileSource.open(path.join(layout.root, file), file);
    parts.files.push(source);
    const bolt = BoltFile.open(source);
    const state = boltFindings(bolt, file, options, findings);
    parts.torn ||= state.torn;
    parts.damaged ||= state.damaged;
    parts.stable = readStableState(bolt.bucket(STABLE_BUCKET), 'little-endian');
    const list = readSegmentList(bolt);
    if (typeof list !== 'string') return list;
    throw new CorruptDataError(file, 0, list);
  } catch (error) {
    if (!(error instanceof InspectorError)) throw error;
    lostMeta(file, error, parts, findings);
    return null;
  }
}

function lostMeta(file: string, error: InspectorError, parts: StoreParts, findings: Finding[]): void {
  const byteOffset = error instanceof CorruptDataError ? error.byteOffset : null;
  const problem = error instanceof CorruptDataError || error instanceof UnreadableError ? error.problem : error.message;
  if (parts.stable.problem === 'not read') parts.stable = lostStableState(problem);
  parts.damaged = true;
  parts.refusal = `${file} cannot be read: ${problem}`;
  findings.push(
    finding('wal-meta-lost', 'error', `segment list, term and vote cannot be read: ${problem}; the segments were taken in the order of their names`, {
      file,
      byteOffset,
      fix: 'Start no server on this directory: it would take it for a new one and may delete the segments',
    }),
  );
}

function survey(layout: RaftLayout, info: SegmentInfo, parts: StoreParts, options: ReadOptions): SurveyedSegment {
  const name = layout.log === '.' ? info.file : `${layout.log}/${info.file}`;
  let result: SegmentSurvey | string;
  try {
    using source = FileSource.open(path.join(layout.root, name), name);
    parts.files.push(source);
    result = surveySegment(source, info.BaseIndex);
    options.progress?.(source.size, source.size, name);
  } catch (error) {
    if (!(error instanceof InspectorError)) throw error;
    result = error instanceof UnreadableError ? error.problem : error.message;
  }
  return { info, name, survey: result };
}

/** Segments that the list does not name are left-overs that the library deletes at its next start. */
function noteStrayFiles(layout: RaftLayout, names: readonly string[], list: readonly SegmentInfo[], findings: Finding[]): void {
  const listed = new Set(list.map((info) => info.file));
  const stray = names.filter((name) => !listed.has(name));
  if (stray.length === 0) return;
  const file = layout.log === '.' ? (stray[0] ?? META_FILE) : `${layout.log}/${stray[0]}`;
  findings.push(finding('wal-stray-segment', 'info', `${stray.length} segment files are not in the segment list and were not read`, { file }));
}
