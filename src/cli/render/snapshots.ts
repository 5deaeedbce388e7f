import path from 'node:path';
import type { SnapshotRow } from '../../engine/readers/snapshots/cadence.ts';
import type { SnapshotFileReport } from '../../engine/model/snapshot-file.ts';
import { showDuration, showSize } from '../measure.ts';
import type { Style } from './style.ts';
import { columns, type Column } from './table.ts';

type Verdict = SnapshotFileReport['verdict'];
const SHOWN_PARTS = 12;

function paint(style: Style, verdict: Verdict, text: string): string {
  if (verdict === 'verified') return style.good(text);
  return verdict === 'bad' ? style.bad(text) : style.caution(text);
}

function worst(reports: readonly { verdict: Verdict }[]): Verdict {
  return (['bad', 'unverifiable'] as const).find((verdict) => reports.some((one) => one.verdict === verdict)) ?? 'verified';
}

function headline(style: Style, reports: readonly { verdict: Verdict }[], what: string): string {
  const verdict = worst(reports);
  const count = reports.filter((one) => one.verdict === verdict).length;
  return `${paint(style, verdict, verdict.toUpperCase())}  ${count} of ${reports.length} ${what}`;
}

function position(row: { term: number | null; index: number | null }): string {
  return `${row.term ?? '-'}/${row.index ?? '-'}`;
}

function shownAge(takenAt: string | null, nowMs: number): string {
  return takenAt === null ? '-' : showDuration(Math.max(0, nowMs - Date.parse(takenAt)));
}

/** `snapshot verify`: one row each, and under a row that is not good, why. */
export function* verifyScreen(reports: readonly SnapshotFileReport[], nowMs: number, style: Style): Generator<string> {
  yield headline(style, reports, reports.length === 1 ? 'snapshot' : 'snapshots');
  const spec: Column<SnapshotFileReport>[] = [
    { header: 'SNAPSHOT', cell: (row) => path.basename(row.path) },
    { header: 'VERDICT', cell: (row) => row.verdict, paint: (text, row) => paint(style, row.verdict, text) },
    { header: 'LAST ENTRY', cell: position, align: 'right' },
    { header: 'SIZE', cell: (row) => showSize(row.bytes), align: 'right', drop: 3 },
    { header: 'AGE', cell: (row) => shownAge(row.takenAt, nowMs), align: 'right', drop: 2 },
    { header: 'PAST', cell: (row) => row.entriesPast, align: 'right', drop: 4 },
    { header: 'FORMAT', cell: (row) => row.format, drop: 1 },
  ];
  yield* columns(reports, spec, { width: style.width });
  for (const report of reports) yield* problemLines(report, style);
}

function* problemLines(report: SnapshotFileReport, style: Style): Generator<string> {
  const shown = style.verbose ? report.checks : report.checks.filter((check) => check.ok !== true || check.name === 'against');
  for (const check of shown) {
    yield* wrapped(`${path.basename(report.path)}  ${check.name}: ${check.detail}`, style.width);
  }
}

/** Words over as many lines as they need, the later ones indented. */
function* wrapped(text: string, width: number): Generator<string> {
  let line = ' ';
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > width && line.trim() !== '') {
      yield line;
      line = '     ';
    }
    line += ` ${word}`;
  }
  yield line;
}

/** `snapshot inspect`: what each holds. */
export function* inspectScreen(reports: readonly SnapshotFileReport[], nowMs: number, style: Style): Generator<string> {
  for (const report of reports) {
    yield `${paint(style, report.verdict, report.verdict.toUpperCase())}  ${style.strong(path.basename(report.path))}  ${report.format}`;
    yield* facts(report, nowMs);
    yield* partLines(report, style);
    yield* problemLines(report, style);
  }
}

function* facts(report: SnapshotFileReport, nowMs: number): Generator<string> {
  yield `  Last entry  ${position(report)}${report.entriesPast === null ? '' : `, ${report.entriesPast} entries past it in the log`}`;
  yield `  Taken       ${report.takenAt ?? '-'}, ${shownAge(report.takenAt, nowMs)} ago`;
  yield `  Size        ${report.bytes} bytes`;
  yield `  Version     ${report.formatVersion ?? 'none: the format carries no version'}`;
  if (report.confState !== null) {
    const learners = report.confState.learners.length === 0 ? '' : `, learners ${report.confState.learners.join(' ')}`;
    yield* wrapped(`Voters      ${report.confState.voters.join(' ') || '-'}${learners}`, 80);
  }
  if (report.state === null) return;
  const { revision, keys, hash, statusHash, totalKeys } = report.state;
  yield `  Revision    ${revision ?? '-'}, ${keys ?? '-'} live keys, ${typeof hash === 'string' ? 'state hash' : 'HashKV'} ${hash ?? '-'}`;
  if (statusHash !== undefined) yield `  Status      hash ${statusHash}, ${totalKeys ?? '-'} total keys`;
}

function* partLines(report: SnapshotFileReport, style: Style): Generator<string> {
  if (report.parts.length === 0) return;
  const shown = style.verbose ? report.parts : report.parts.slice(0, SHOWN_PARTS);
  yield* columns(
    shown,
    [
      { header: 'PART', cell: (part) => part.type },
      { header: 'COUNT', cell: (part) => part.count },
      { header: 'BYTES', cell: (part) => part.bytes, align: 'right' },
    ],
    { width: style.width },
  );
  if (shown.length < report.parts.length) yield `  ${report.parts.length - shown.length} more: --verbose`;
}

/** `snapshot list`: newest first, member by member. */
export function* listScreen(rows: readonly SnapshotRow[], members: number, warnings: readonly string[], style: Style): Generator<string> {
  if (rows.length === 0) yield `${style.bad('NONE')}  no snapshot on ${members} ${members === 1 ? 'member' : 'members'}`;
  else yield headline(style, rows, `snapshots on ${members} ${members === 1 ? 'member' : 'members'}`);
  const spec: Column<SnapshotRow>[] = [
    { header: 'MEMBER', cell: (row) => row.member },
    { header: 'SNAPSHOT', cell: (row) => path.basename(row.file), drop: 1 },
    { header: 'STATUS', cell: (row) => row.verdict, paint: (text, row) => paint(style, row.verdict, text) },
    { header: 'LAST ENTRY', cell: position, align: 'right' },
    { header: 'SIZE', cell: (row) => showSize(row.bytes), align: 'right', drop: 2 },
    { header: 'AGE', cell: (row) => (row.ageMs === null ? null : showDuration(row.ageMs)), align: 'right', drop: 4 },
    { header: 'PAST', cell: (row) => row.entriesPast, align: 'right' },
    { header: 'INTERVAL', cell: interval, align: 'right', drop: 3 },
  ];
  if (rows.length > 0) yield* columns(rows, spec, { width: style.width });
  for (const warning of warnings) yield* wrapped(warning, style.width);
}

function interval(row: SnapshotRow): string | null {
  if (row.intervalEntries === null) return null;
  return row.intervalMs === null || row.intervalMs <= 0 ? `${row.intervalEntries}` : `${row.intervalEntries} in ${showDuration(row.intervalMs)}`;
}
