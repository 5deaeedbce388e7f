import type { MemberReport } from '../../model/member-report.ts';
import type { MemberParts } from './report.ts';
import { minorOf } from './member-findings.ts';

type Known = Pick<MemberReport, 'memberId' | 'hardState' | 'appliedIndex' | 'confState' | 'software'>;

/**
 * Whether etcd itself would come up from these files as they are: false when it exits, panics or waits for ever, true when it takes
 * writes (given a quorum), null where that depends on the patch release or it only half works.
 * @see etcd v3.6.14, server/storage/wal/{wal,decoder,repair}.go and server/etcdserver/bootstrap.go
 */
export function serverStarts(report: Known, parts: MemberParts): boolean | null {
  const { directory, backend, log } = parts;
  const { survey } = log;
  if (directory.shape !== 'member' || directory.segments.length === 0) return null;
  if (survey.metadataConflict || survey.damages.some(({ server }) => server === 'refuses')) return false;
  if (backend.name !== null && !backend.db) return false;
  const start = startOf(parts);
  const { run } = survey;
  if ((directory.segments[0]?.firstIndex ?? 0) > start) return false; // wal: file not found
  if (start > 0 && start > (backend.db?.consistentIndex ?? 0)) return false; // failed to find the db of the snapshot
  const last = Math.max(run.last, start);
  if ((survey.hardState?.commit ?? 0) > last) return false; // raft: state.commit is out of range
  if (report.memberId !== null && report.confState && !isMember(report.memberId, report.confState)) return false;
  const isUnclear = backend.problem !== null || (!backend.db && start > 0) || survey.termFall !== null;
  if (isUnclear || survey.damages.some(({ server }) => server === null)) return null;
  if (!run.isEmpty && run.first > start + 1) return false; // wal: slice bounds out of range
  // Ahead of the log, the db skips new entries until they pass it: 3.6 never becomes ready, older releases serve reads only.
  if ((backend.db?.consistentIndex ?? 0) > last) return minorOf(report.software?.version ?? null) >= 6 ? false : null;
  return true;
}

/** The snapshot a start would load: at or below the commit index that is left once etcd has cut the log at damage. */
function startOf({ usable, log: { survey } }: MemberParts): number {
  const commit = survey.hardState?.commit ?? 0;
  return usable.find(({ position }) => position.index <= commit)?.position.index ?? 0;
}

function isMember(id: string, { voters, learners }: NonNullable<MemberReport['confState']>): boolean {
  return voters.includes(id) || learners.includes(id);
}
