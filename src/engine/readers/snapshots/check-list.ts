import { finding, type Finding } from '../../model/finding.ts';
import type { SnapshotCheck, SnapshotFileReport } from '../../model/snapshot-file.ts';

const TAKE_ANOTHER = 'Do not restore from it: use another snapshot, or take a new one from a healthy member';

/** Collects the checks of one snapshot; what failed becomes a finding that names the place. */
export class CheckList {
  readonly checks: SnapshotCheck[] = [];
  readonly findings: Finding[] = [];

  constructor(private readonly file: string) {}

  pass(name: string, detail: string): void {
    this.checks.push({ name, ok: true, detail });
  }

  /** `where.file` names the file of a snapshot that is a directory. */
  fail(name: string, detail: string, byteOffset: number | null, where: { file?: string; fix?: string } = {}): void {
    this.checks.push({ name, ok: false, detail });
    this.findings.push(
      finding(`snapshot-${name}`, 'error', `${this.file}: ${detail}`, {
        file: where.file ?? this.file,
        byteOffset,
        fix: where.fix ?? TAKE_ANOTHER,
      }),
    );
  }

  /** A check that could not be made: neither good nor bad. */
  unknown(name: string, detail: string, fix: string): void {
    this.checks.push({ name, ok: null, detail });
    this.findings.push(finding('snapshot-unverifiable', 'warn', `${this.file}: ${detail}`, { file: this.file, fix }));
  }

  note(rule: string, severity: 'info' | 'warn', message: string, fix: string): void {
    this.findings.push(finding(rule, severity, `${this.file}: ${message}`, { file: this.file, fix }));
  }

  verdict(): SnapshotFileReport['verdict'] {
    return verdictOf(this.checks);
  }
}

/** One failed check makes it bad; one that could not be made leaves it unverifiable. */
export function verdictOf(checks: readonly SnapshotCheck[]): SnapshotFileReport['verdict'] {
  if (checks.some((check) => check.ok === false)) return 'bad';
  return checks.length === 0 || checks.some((check) => check.ok === null) ? 'unverifiable' : 'verified';
}

/** What was verified, before any member's log is looked at. */
export interface Verified {
  report: SnapshotFileReport;
  findings: Finding[];
}

/** A report of which only path, format and size are known. */
export function blankReport(path: string, format: SnapshotFileReport['format'], bytes: number): SnapshotFileReport {
  return {
    path,
    format,
    verdict: 'unverifiable',
    term: null,
    index: null,
    bytes,
    checks: [],
    entriesPast: null,
    confState: null,
    parts: [],
    state: null,
    formatVersion: null,
    takenAt: null,
  };
}

export function concluded(report: SnapshotFileReport, list: CheckList): Verified {
  return { report: { ...report, verdict: list.verdict(), checks: list.checks }, findings: list.findings };
}
