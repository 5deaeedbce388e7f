import { InspectorError } from '../../errors.ts';
import type { MemberReport } from '../../model/member-report.ts';
import { finding, type Finding } from '../../model/finding.ts';
import type { SnapshotFileReport } from '../../model/snapshot-file.ts';
import { checkAgainst, entriesPast } from './against.ts';
import { memberBeside } from './beside.ts';
import { verdictOf } from './check-list.ts';
import { verifySnapshotPath, type Verification, type VerifyOptions } from './index.ts';

const BESIDE_A_LOG: readonly SnapshotFileReport['format'][] = ['file-snapshot', 'etcd-snap', 'native'];

export interface VerifyAllOptions extends VerifyOptions {
  /** A member whose log the snapshots are held against. */
  against?: MemberReport;
  /** The newest usable snapshot of each path may be this old. */
  maxAgeMs?: number;
  nowMs?: number;
}

export interface VerificationOfAll extends Verification {
  /** Whether a path had no usable snapshot young enough. */
  tooOld: boolean;
}

/** Verifies what lies at each path; counts the entries past each snapshot where a log lies beside it or is given. */
export async function verifyAll(paths: readonly string[], options: VerifyAllOptions = {}): Promise<VerificationOfAll> {
  const all: VerificationOfAll = { reports: [], findings: [], tooOld: false };
  for (const target of paths) {
    const { reports, findings } = await verifyOne(target, paths.length, options);
    const placed = place(reports, target, options.against, findings);
    const old = options.maxAgeMs === undefined ? null : ageFinding(placed, target, options.maxAgeMs, options.nowMs ?? Date.now());
    all.reports.push(...placed);
    all.findings.push(...findings, ...(old === null ? [] : [old]));
    all.tooOld ||= old !== null;
  }
  return all;
}

/** One path that cannot be read does not hide the others; alone, its error is the answer. */
async function verifyOne(target: string, paths: number, options: VerifyAllOptions): Promise<Verification> {
  try {
    return await verifySnapshotPath(target, options);
  } catch (error) {
    if (paths === 1 || !(error instanceof InspectorError)) throw error;
    return { reports: [], findings: [finding('snapshot-unreadable', 'error', error.message, { file: target, fix: error.hint })] };
  }
}

function place(reports: SnapshotFileReport[], target: string, against: MemberReport | undefined, findings: Finding[]): SnapshotFileReport[] {
  if (against !== undefined) return reports.map((report) => heldAgainst(report, against, findings));
  const member = reports.some((report) => BESIDE_A_LOG.includes(report.format)) ? memberBeside(target) : null;
  return member === null ? reports : reports.map((report) => ({ ...report, entriesPast: entriesPast(report.index, member) }));
}

function heldAgainst(report: SnapshotFileReport, member: MemberReport, findings: Finding[]): SnapshotFileReport {
  const check = checkAgainst(report, member);
  const checks = [...report.checks, check];
  if (check.ok === false) {
    findings.push(
      finding('snapshot-against', 'error', `${report.path}: ${check.detail}`, {
        member: member.label,
        fix: 'Do not give this snapshot to that member: take one from a member with the same history',
      }),
    );
  }
  return { ...report, checks, verdict: verdictOf(checks), entriesPast: entriesPast(report.index, member) };
}

function ageFinding(reports: readonly SnapshotFileReport[], target: string, maxAgeMs: number, nowMs: number): Finding | null {
  const times = reports.filter((report) => report.verdict !== 'bad' && report.takenAt !== null).map((report) => Date.parse(report.takenAt ?? ''));
  const newest = times.length === 0 ? null : Math.max(...times);
  if (newest !== null && nowMs - newest <= maxAgeMs) return null;
  const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;
  const message = newest === null ? `${target}: no usable snapshot to measure` : `${target}: the newest usable snapshot is ${seconds(nowMs - newest)} old, limit ${seconds(maxAgeMs)}`;
  return finding('snapshot-too-old', 'warn', message, { fix: 'Take a new snapshot, and look why the regular one did not run' });
}
