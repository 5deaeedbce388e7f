import { InspectorError, UnreadableError } from '../../errors.ts';
import { finding } from '../../model/finding.ts';
import type { Finding } from '../../model/finding.ts';
import type { MemberReading, ReadOptions, StoreReader } from '../../model/reading.ts';
import { toChanges } from './configurations.ts';
import { findNativeDir } from './data-dir.ts';
import type { NativeDir } from './data-dir.ts';
import { fitFindings, logFindings } from './findings.ts';
import { readLog, readRecords } from './log-reading.ts';
import type { LogReading } from './log-reading.ts';
import { areNamesKnown, assemble, configurationsOf } from './report.ts';
import { runningOn } from './running.ts';
import { readSnapshots, snapshotFindings } from './snapshot-directory.ts';
import type { Lineage, MemberSnapshot } from './snapshot-directory.ts';
import { readState } from './state.ts';
import type { StoredRecords } from './stored-records.ts';

/** Members of our own engine: docs/formats/native.md. The storage library is never asked: it dies on damaged files. */
export const nativeReader: StoreReader = {
  store: 'native',
  title: 'raft-inspector members: raft/ and state/ (LMDB environments), snapshots/',
  looksFor: ['raft/data.mdb with our format record', 'snapshots/ and state/ beside it', 'data.mdb of a raft/ directory alone'],
  detect: (place) => findNativeDir(place) !== null,
  read(place, options) {
    const directory = findNativeDir(place);
    if (directory === null) throw new UnreadableError(place, 'holds no member of raft-inspector');
    return readMember(place, directory, options);
  },
};

/** State first, then the log: a member that writes meanwhile leaves the log ahead of the state, never the other way round. */
function readMember(place: string, directory: NativeDir, options: ReadOptions): MemberReading {
  const { running, findings } = runningOn(directory);
  const state = readState(directory, null, options.depth ?? 'full');
  let snapshots: MemberSnapshot[] | null = null;
  const newestSound = (records: StoredRecords): number => {
    snapshots ??= readSnapshots(directory, records.snapshots.value ?? [], options.progress);
    return snapshots.find((one) => one.problem === null)?.position.index ?? 0;
  };
  const log = openLog(directory, newestSound, findings);
  options.progress?.(log?.bytes ?? 0, log?.bytes ?? 0, directory.log);
  const read = snapshots ?? readSnapshots(directory, [], options.progress);
  if (log !== null) findings.push(...logFindings(directory.log, log), ...fitFindings(directory.log, log, read));
  findings.push(...snapshotFindings(directory, read, { areNamesKnown: areNamesKnown(log), lineages: lineagesOf(log), isRunning: running !== null }), ...state.findings);
  const parts = { place, directory, log, snapshots: read, state, running, findings };
  const { report, findings: all } = assemble(parts);
  const configurations = toChanges(configurationsOf(parts));
  return { report, findings: all, configurations, records: (range = {}) => (log === null ? [].values() : readRecords(directory, log.transaction, range)) };
}

/** The member's own lineage and those it was recovered from: snapshots of all of them are its own. Null where its identity is lost. */
function lineagesOf(log: LogReading | null): readonly Lineage[] | null {
  const identity = log?.records.identity.value ?? null;
  return identity === null ? null : [identity, ...(log?.records.recoveries.value ?? []).map((one) => one.from)];
}

function openLog(directory: NativeDir, snapshotIndex: (records: StoredRecords) => number, findings: Finding[]): LogReading | null {
  const lost = (problem: string, byteOffset: number | null): null => {
    const fix = 'Recover from another member, or bring this file back from a copy';
    findings.push(finding('log-unreadable', 'error', `the log cannot be read: ${problem}`, { file: directory.log, byteOffset, fix }));
    return null;
  };
  try {
    const log = readLog(directory, snapshotIndex);
    if (log.survey !== null) return log;
    return lost(log.badMetas.map((one) => one.problem).join('; '), log.badMetas[0]?.byteOffset ?? 0);
  } catch (error) {
    if (!(error instanceof InspectorError)) throw error;
    return lost(error instanceof UnreadableError ? error.problem : error.message, null);
  }
}
