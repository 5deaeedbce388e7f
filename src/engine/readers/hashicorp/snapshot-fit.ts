import { comparePositions, type LogPosition, type Term } from '../../core/types.ts';
import { finding, type Finding } from '../../model/finding.ts';
import { isFromRecovery, type FileSnapshot } from './file-snapshots.ts';
import type { PlacedConfiguration } from './configuration.ts';
import type { ScannedLog } from './log-scan.ts';

/** Entries behind the snapshot that cannot follow it. */
export interface ContradictedTail {
  from: number;
  to: number;
  term: Term;
}

/**
 * A leader's snapshot is installed over a log that may hold entries of an older branch, and raft lets them stand until the leader
 * overwrites them (hashicorp/raft raft.go `installSnapshot`, `compactLogs`). Terms never fall in a log, so what lies behind a snapshot
 * with a lower term than its own belongs to that branch: it was never committed, and nothing behind it follows the snapshot either.
 */
export function contradictedTail({ log }: ScannedLog, usable: FileSnapshot | undefined): ContradictedTail | null {
  if (usable === undefined || log.entries === 0) return null;
  const behind = log.termRuns.find((run) => run.last > usable.index);
  if (behind === undefined || behind.term >= usable.term) return null;
  return { from: Math.max(behind.first, usable.index + 1), to: log.lastIndex, term: behind.term };
}

/** The log's last entry, or the newest usable snapshot where the log is older than it or does not follow it. */
export function lastPosition({ log }: ScannedLog, usable: FileSnapshot | undefined, contradicted: ContradictedTail | null): LogPosition {
  const last = { term: log.lastTerm, index: log.lastIndex };
  const ofLog = log.entries > 0 ? last : { term: 0, index: 0 };
  if (usable === undefined) return ofLog;
  const snapshot = { term: usable.term, index: usable.index };
  const follows = contradicted === null && ofLog.index >= snapshot.index && comparePositions(ofLog, snapshot) >= 0;
  return follows ? ofLog : snapshot;
}

/**
 * The log's configurations that are of the snapshot's branch: none of a contradicted tail, and none between the configuration that the
 * snapshot has and the snapshot itself, since that one was the newest committed (raft takes no snapshot before a newer one is). A
 * recovery's snapshot says nothing of the kind.
 */
export function configurationsThatFit(scan: ScannedLog, usable: FileSnapshot | undefined, contradicted: ContradictedTail | null): PlacedConfiguration[] {
  if (usable?.servers == null || isFromRecovery(usable)) return scan.configurations;
  const { index, configurationIndex } = usable;
  return scan.configurations.filter((one) => (one.index > index ? contradicted === null : one.index <= configurationIndex));
}

export function contradictionFindings(contradicted: ContradictedTail | null, usable: FileSnapshot | undefined, file: string): Finding[] {
  if (contradicted === null || usable === undefined) return [];
  const { from, to, term } = contradicted;
  const which = from === to ? `entry ${from}` : `entries ${from}..${to}`;
  const message = `${which} in the log cannot follow the snapshot ${usable.term}/${usable.index}, which a later leader sent: term ${term} is older. They were never committed and do not count`;
  const fix = 'A leader overwrites them. Alone, the server would take them for its own: a recovery from this member has to cut them off';
  return [finding('log-contradicts-snapshot', 'warn', message, { file, fix })];
}
