import fs from 'node:fs';
import path from 'node:path';
import { finding, type Finding } from '../../model/finding.ts';
import type { MemberReport, SnapshotReport } from '../../model/member-report.ts';
import { entriesPast } from './against.ts';
import { takenAtOf } from './snapshot-meta.ts';

/** One snapshot of a member as `snapshot list` shows it. */
export interface SnapshotRow {
  member: string;
  path: string;
  file: string;
  verdict: SnapshotReport['status'];
  term: number;
  index: number;
  bytes: number;
  takenAt: string | null;
  ageMs: number | null;
  /** Entries of the member's log that it does not cover. */
  entriesPast: number | null;
  /** Entries and time since the snapshot before it; null for the oldest. */
  intervalEntries: number | null;
  intervalMs: number | null;
}

/** Stores keep the last two at least, so that one bad file is not the end. */
const GOOD_WANTED = 2;
/** Entries after which a server takes a snapshot by default: hashicorp/raft `SnapshotThreshold`, etcd `--snapshot-count`. */
const DEFAULT_THRESHOLD = { etcd: 100_000, others: 8192 } as const;
/** Times its own usual interval before a member's newest snapshot counts as late. */
const LATE_FACTOR = 3;

/** A member's snapshots, newest first, with what lies between them. `root` is its directory where that is on this machine. */
export function snapshotRows(member: MemberReport, root: string | null, nowMs: number): SnapshotRow[] {
  const timed = member.snapshots.map((snapshot) => ({ snapshot, takenAt: takenAt(snapshot, root) }));
  return timed.map(({ snapshot, takenAt: taken }, at): SnapshotRow => {
    const before = timed[at + 1];
    const ms = taken === null ? null : Date.parse(taken);
    const beforeMs = before?.takenAt ? Date.parse(before.takenAt) : null;
    return {
      member: member.label,
      path: root === null ? member.path : path.join(root, snapshot.file),
      file: snapshot.file,
      verdict: snapshot.status,
      term: snapshot.term,
      index: snapshot.index,
      bytes: snapshot.bytes,
      takenAt: taken,
      ageMs: ms === null ? null : Math.max(0, nowMs - ms),
      entriesPast: entriesPast(snapshot.index, member),
      intervalEntries: before === undefined ? null : snapshot.index - before.snapshot.index,
      intervalMs: ms === null || beforeMs === null ? null : ms - beforeMs,
    };
  });
}

function takenAt(snapshot: SnapshotReport, root: string | null): string | null {
  const named = snapshot.takenAt ?? takenAtOf(path.basename(snapshot.file));
  if (named !== null || root === null) return named;
  try {
    return fs.statSync(path.join(root, snapshot.file)).mtime.toISOString();
  } catch {
    return null; // named by the log, held by no file
  }
}

/** Too few good snapshots, or one that should have come by now. */
export function cadenceFindings(member: MemberReport, rows: readonly SnapshotRow[]): Finding[] {
  const findings: Finding[] = [];
  const good = rows.filter((row) => row.verdict !== 'bad');
  if (good.length < GOOD_WANTED) {
    const message =
      good.length === 0
        ? `${member.label} has no good snapshot, ${GOOD_WANTED} are usual: its log alone carries its state`
        : `${member.label} has one good snapshot, ${GOOD_WANTED} are usual: one bad file would leave it without`;
    findings.push(finding('snapshot-few', 'warn', message, { member: member.label, fix: 'Save one elsewhere as well, with snapshot save' }));
  }
  const past = good[0]?.entriesPast ?? null;
  const limit = lateLimit(member, good);
  if (past !== null && past > limit) {
    const message = `${member.label} holds ${past} entries past its newest good snapshot, more than ${limit}: the next one is late`;
    findings.push(finding('snapshot-late', 'warn', message, { member: member.label, file: good[0]?.file ?? null, fix: 'Look in its log for failed snapshots and for a full disk' }));
  }
  return findings;
}

function lateLimit(member: MemberReport, good: readonly SnapshotRow[]): number {
  const threshold = member.store === 'etcd' ? DEFAULT_THRESHOLD.etcd : DEFAULT_THRESHOLD.others;
  const usual = good.map((row) => row.intervalEntries ?? 0).filter((entries) => entries > 0);
  return usual.length < 2 ? threshold : Math.min(threshold, LATE_FACTOR * Math.max(...usual));
}
