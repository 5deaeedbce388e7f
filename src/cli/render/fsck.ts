import type { FsckReport } from '../../engine/inspect/fsck.ts';
import { CHECKS } from '../../engine/inspect/fsck-member.ts';
import type { Finding } from '../../engine/model/finding.ts';
import { findingLines } from './findings.ts';
import type { Style } from './style.ts';
import { columns } from './table.ts';
import { headLine } from './head.ts';

/** The screen of `inspect fsck`: a row a check, a column a member. */
export function* fsckLines(report: FsckReport, findings: readonly Finding[], context: string, style: Style): Generator<string> {
  const errors = findings.filter((one) => one.severity === 'error').length;
  const warnings = findings.filter((one) => one.severity === 'warn').length;
  const many = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
  const word = errors > 0 ? style.bad('FAIL') : style.good('OK');
  yield headLine(`${word}  ${many(errors, 'error')}, ${many(warnings, 'warning')}, ${report.members.reduce((sum, one) => sum + one.entries, 0)} entries`, context);
  const cell = (name: string, at: number): string => {
    const check = report.members[at]?.checks.find((one) => one.name === name);
    if (check === undefined) return '-';
    const mark = check.ok === null ? '-' : check.ok ? 'ok' : 'FAIL';
    return `${mark} ${check.detail}`.slice(0, 40);
  };
  if (report.members.length > 0) yield* columns([...CHECKS], [
    { header: 'CHECK', cell: (name) => name },
    ...report.members.map((member, at) => ({
      header: member.label,
      cell: (name: string) => cell(name, at),
      paint: (text: string) => text.replace(/^(ok|FAIL)/, (mark) => (mark === 'ok' ? style.good(mark) : style.bad(mark))),
    })),
  ]);
  if (report.members.length > 1) {
    const conflicts = report.conflicts.length;
    yield `  across    ${conflicts === 0 ? style.good('ok') : style.bad('FAIL')} ${report.compared} indexes compared, ${conflicts} with the same term and other content`;
  }
  yield* findingLines(findings, style);
}
