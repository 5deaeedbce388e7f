import type { CorruptDataError } from '../../../errors.ts';
import { finding, type Finding, type Severity } from '../../../model/finding.ts';

/** Findings listed one by one; a thoroughly damaged file would otherwise bury everything else. */
const LISTED = 20;
const FIX = 'Do not use this member as the source; take the db of a member that has none of these findings';

/** Collects what is wrong with one db file, at most `LISTED` of each rule and a count of the rest. */
export class DamageLog {
  readonly findings: Finding[] = [];
  /** The first damage that makes the content incomplete. */
  problem: CorruptDataError | null = null;
  private readonly counts = new Map<string, number>();
  private readonly places = new Set<number>();

  constructor(readonly file: string) {}

  add(rule: string, severity: Severity, byteOffset: number | null, message: string, fix = FIX): void {
    const count = (this.counts.get(rule) ?? 0) + 1;
    this.counts.set(rule, count);
    if (count <= LISTED) this.findings.push(finding(rule, severity, message, { file: this.file, byteOffset, fix }));
  }

  /** A page or element that cannot be used. One place is reported once. */
  page(error: CorruptDataError): void {
    this.problem ??= error;
    if (this.places.has(error.byteOffset)) return;
    if (this.places.size < 1000) this.places.add(error.byteOffset);
    this.add('db-page-bad', 'error', error.byteOffset, error.problem);
  }

  /** Whether damage at this offset was reported as a bad page. */
  knows(byteOffset: number): boolean {
    return this.places.has(byteOffset);
  }

  /** All findings, with a line for what was not listed. */
  close(): Finding[] {
    for (const [rule, count] of this.counts) {
      if (count <= LISTED) continue;
      const severity = this.findings.find((one) => one.rule === rule)?.severity ?? 'error';
      this.findings.push(finding(rule, severity, `${count - LISTED} more of this kind`, { file: this.file, fix: FIX }));
    }
    this.counts.clear();
    return this.findings;
  }
}
