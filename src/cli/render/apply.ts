import type { AppliedStep, ApplyReport } from '../../engine/model/apply-report.ts';
import type { CheckLine } from '../../engine/model/check-line.ts';
import { type RecoveryPlan, shortPlanId } from '../../engine/model/plan.ts';
import { escapeControl } from '../escape.ts';
import { showDuration, showSize } from '../measure.ts';
import { showMinute } from './members.ts';
import type { Style } from './style.ts';
import { displayWidth, padTo } from './table.ts';
import { fitHead, wrapAfter } from './wrap.ts';

/** Where the verdict stands on the right of the first line. */
const VERDICT_COLUMN = 72;
const BACK_COLUMN = 68;
const CELLS = [35, 30];
/** Checks that are always shown; the others only where they are not as they should be. */
const SHOWN: readonly string[] = ['in use', 'files', 'member', 'space', 'rehearsed', 'result', 'journal'];
/** Copying, hashing and reading back, with what a slow disk does in a second. */
const BYTES_A_SECOND = 60_000_000;

/**
 * The screen of `recover apply`: what would be done (S6), or what was (S7).
 * @param undo The command that takes it back, as it is typed here.
 */
export function* applyLines(report: ApplyReport, plan: RecoveryPlan, style: Style, undo = plan.rollback.command): Generator<string> {
  if (report.state === 'preview' || report.refusals.length > 0) yield* previewLines(report, plan, style);
  else yield* doneLines(report, plan, style, undo.replace(/^raft-inspector /, ''));
}

function* previewLines(report: ApplyReport, plan: RecoveryPlan, style: Style): Generator<string> {
  const word = report.refusals.length === 0 ? style.caution('PREVIEW') : style.bad(report.refusals[0]?.exit === 7 ? 'DRIFT' : 'REFUSED');
  yield* headLines(`${style.strong(word)}  plan ${shortPlanId(plan)} on ${escapeControl(report.dataDir)}, nothing changed`, lossWords(plan, style), VERDICT_COLUMN, style);
  yield* checkRows(report, style);
  for (const one of report.refusals) {
    yield* wrapAfter(`  ${style.bad('FAIL')}  `, escapeControl(one.message), Math.max(80, style.width));
    for (const line of one.hint.split('\n')) yield* wrapAfter('        ', style.dim(escapeControl(line)), Math.max(80, style.width));
  }
  if (report.refusals.length > 0) return;
  const bytes = plan.files.reduce((sum, one) => sum + one.bytes, 0);
  const left = report.steps.filter((one) => one.status !== 'already').map((one) => one.id);
  const goesOn = report.steps.some((one) => one.status === 'already') || report.checks.some((one) => one.name === 'journal');
  for (const [at, step] of report.steps.entries()) if (step.status === 'already') yield stepLine(step, at, style);
  const where = report.result === report.dataDir ? '' : ` in ${escapeControl(report.result)}, the source stays as it is`;
  yield `  Would ${goesOn ? 'go on with ' : ''}${report.result === report.dataDir ? left.join(', ').replace('backup', goesOn ? 'backup' : 'back up') : 'build, check'}${where}: about ${showDuration(1000 * Math.max(1, Math.ceil(1 + bytes / BYTES_A_SECOND))).replace('.0 ', ' ')}; interrupt and resume at any point`;
}

function* checkRows(report: ApplyReport, style: Style): Generator<string> {
  const checks = report.checks.filter((one) => one.ok !== false && (SHOWN.includes(one.name) || one.ok === null || style.verbose)).map((one) => ({ ...one, detail: wordsOf(one, report) }));
  let row: string[] = [];
  let width = 0;
  let cells = 0;
  const flush = function* (): Generator<string> {
    if (row.length > 0) yield row.join('').trimEnd();
    [row, width, cells] = [[], 0, 0];
  };
  for (const one of checks) {
    const cell = `${one.ok === true ? style.good('ok') : style.dim(' -')}  ${escapeControl(one.detail)}`;
    const size = 4 + displayWidth(escapeControl(one.detail));
    const room = (): number => Math.max(size + 2, 4 + (CELLS[cells] ?? 0));
    if (cells > 0 && 2 + width + size > Math.max(80, style.terminal ? style.width : 100)) yield* flush();
    if (cells === 0) row.push('  ');
    row.push(cell, ' '.repeat(room() - size));
    width += room();
    cells += 1;
    // Two in a row, and a third where it is short.
    if (width > 60 && checks.indexOf(one) % 2 === 1 && !(checks.length % 2 === 1 && checks.indexOf(one) === checks.length - 2)) yield* flush();
  }
  yield* flush();
}

function wordsOf(check: CheckLine, report: ApplyReport): string {
  if (check.name === 'space' && report.freeBytes !== null) return `${showSize(report.freeBytes)} free, ${showSize(Math.max(1_000_000, report.neededBytes)).replace('.0 ', ' ')} needed`;
  if (check.name === 'rehearsed') return check.detail.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/, (at) => showMinute(at).slice(11, 16));
  return check.detail;
}

function* doneLines(report: ApplyReport, plan: RecoveryPlan, style: Style, undo: string): Generator<string> {
  const already = report.state === 'already-applied';
  if (!already) for (const [at, step] of report.steps.entries()) yield stepLine(step, at, style);
  const isInto = report.result !== report.dataDir;
  const word = { preview: 'PREVIEW', applied: isInto ? 'BUILT' : 'APPLIED', resumed: 'APPLIED', 'already-applied': isInto ? 'ALREADY BUILT' : 'ALREADY APPLIED', partial: 'CUT OFF' }[report.state];
  const time = already ? '' : ` in ${showDuration(report.durationMs)}`;
  const more = report.state === 'resumed' ? ', resumed' : '';
  const what = isInto ? `${escapeControl(report.result)} is a cluster of one, ${escapeControl(report.dataDir)} as it was` : `${escapeControl(plan.source)} is a cluster of one`;
  const back = isInto ? '' : `back: ${undo}`;
  yield* headLines(`${style.strong(style.good(word))}  plan ${shortPlanId(plan)}${time}${more}: ${what}`, back === '' ? '' : style.dim(back), BACK_COLUMN, style);
}

/** `1 backup    done   0.4 s   4 files, sha256 equal`. */
export function stepLine(step: AppliedStep, at: number, style: Style): string {
  const word = { done: style.good('done'), already: style.dim('already'), failed: style.bad('FAIL'), 'not-started': style.dim('-') }[step.status];
  const plain = { done: 'done', already: 'already', failed: 'FAIL', 'not-started': '-' }[step.status];
  const time = step.status === 'done' ? `${(step.durationMs / 1000).toFixed(1)} s` : '';
  return `  ${at + 1} ${padTo(step.kind, 9)} ${word}${' '.repeat(Math.max(2, 7 - plain.length))}${padTo(time, 7)} ${escapeControl(step.detail)}`.trimEnd();
}

export function lossWords(plan: RecoveryPlan, style: Style): string {
  const { verdict, proof } = plan.why.loss;
  const paint = { none: style.good, possible: style.caution, unknown: style.caution, certain: style.bad }[verdict];
  return `${paint(`LOSS ${verdict.toUpperCase()}`)}${verdict === 'certain' ? '' : ` (${proof.replaceAll('-', ' ')})`}`;
}

/** A first line with something on its right, from `column` on. */
export function headLines(left: string, right: string, column: number, style: Style): string[] {
  return fitHead(withRight(left, right, column), left, right, style);
}

function withRight(left: string, right: string, column: number): string {
  // oxlint-disable-next-line no-control-regex -- our own colours take no room
  const width = displayWidth(left.replaceAll(/\u001b\[\d+m/g, ''));
  return `${left}${' '.repeat(Math.max(2, column - width))}${right}`.trimEnd();
}
