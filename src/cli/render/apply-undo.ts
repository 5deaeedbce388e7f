import type { RecoveryStatus, UndoReport } from '../../engine/model/apply-report.ts';
import { type RecoveryPlan, shortPlanId } from '../../engine/model/plan.ts';
import type { Undoable } from '../../engine/recovery/apply/status.ts';
import { escapeControl } from '../escape.ts';
import { showDuration } from '../measure.ts';
import { headLines, lossWords, stepLine } from './apply.ts';
import { checkLines } from './check-lines.ts';
import { headLine } from './head.ts';
import { showMinute } from './members.ts';
import type { Style } from './style.ts';
import { columns } from './table.ts';
import { fitLines, wrapAfter } from './wrap.ts';

/** The screen of `recover undo`. */
export function* undoLines(report: UndoReport, plan: RecoveryPlan, style: Style): Generator<string> {
  const name = shortPlanId(plan);
  const where = escapeControl(report.dataDir);
  if (report.state === 'preview' || report.refusals.length > 0) {
    const word = report.refusals.length === 0 ? style.caution('PREVIEW') : style.bad(report.refusals[0]?.exit === 7 ? 'DRIFT' : 'REFUSED');
    yield* headLines(`${style.strong(word)}  undo of plan ${name} on ${where}, nothing changed`, lossWords(plan, style), 72, style);
    yield* checkLines(report.checks.filter((one) => one.ok !== false), style);
    for (const one of report.refusals) {
      yield* wrapAfter(`  ${style.bad('FAIL')}  `, escapeControl(one.message), Math.max(80, style.width));
      for (const line of one.hint.split('\n')) yield* wrapAfter('        ', style.dim(escapeControl(line)), Math.max(80, style.width));
    }
    if (report.refusals.length > 0) return;
    yield report.steps.length === 0 ? '  Would let go of the plan: nothing of it was exchanged in, so there is nothing to bring back' : `  Would bring back the ${plan.files.length} files as they were, verified; interrupt and resume at any point`;
    return;
  }
  for (const [at, step] of report.steps.entries()) yield stepLine(step, at, style);
  // Nothing was compared that could be called equal: the operator let go of the plan over it.
  const differs = report.checks.find((one) => one.name === 'files' && one.ok === null);
  if (differs !== undefined) {
    yield* fitLines(`${style.strong(style.caution('LET GO'))}  plan ${name} in ${showDuration(report.durationMs)}: ${where} was not touched, and is not as it was before`, style);
    yield* checkLines([differs], style);
    return;
  }
  const word = report.state === 'already-undone' ? 'ALREADY UNDONE' : 'UNDONE';
  yield* fitLines(`${style.strong(style.good(word))}  plan ${name}${report.state === 'already-undone' ? '' : ` in ${showDuration(report.durationMs)}`}: ${where} is as it was before, ${plan.files.length} files verified`, style);
  if (report.setAside !== null) yield `  What was there before is kept in ${escapeControl(report.setAside)}`;
}

/** What can be taken back, where no plan was named. */
export function* undoableLines(found: readonly Undoable[], caseDir: string, style: Style): Generator<string> {
  if (found.length === 0) {
    yield `${style.strong('NOTHING')}  to undo in ${escapeControl(caseDir)}: no plan of it was begun`;
    return;
  }
  yield headLine(style.strong('UNDO'), `${found.length} ${found.length === 1 ? 'plan' : 'plans'} in ${escapeControl(caseDir)}`);
  yield* columns(found, [
    { header: 'PLAN', cell: (one) => shortPlanId(one) },
    { header: 'STATE', cell: (one) => one.state },
    { header: 'SINCE', cell: (one) => (one.at === null ? null : showMinute(one.at)) },
    { header: 'DATA', cell: (one) => escapeControl(one.dataDir) },
    { header: 'BACKUP', cell: (one) => (one.backup === null ? null : escapeControl(one.backup)), drop: 1 },
  ], { width: style.width });
}

const STATE_PAINT = { planned: 'dim', applying: 'caution', applied: 'good', undoing: 'caution', undone: 'dim' } as const;

/** The screen of `recover status`. */
export function* statusLines(status: RecoveryStatus, plan: RecoveryPlan, style: Style): Generator<string> {
  yield* headLines(`${style.strong(style[STATE_PAINT[status.state]](status.state.toUpperCase()))}  plan ${shortPlanId(plan)} on ${escapeControl(status.dataDir)}`, lossWords(plan, style), 72, style);
  if (status.lastStep !== null) yield* wrapAfter('  last step  ', escapeControl(status.lastStep), Math.max(80, style.width));
  if (status.backup !== null) yield `  backup     ${escapeControl(status.backup.path)}  ${style.dim(`sha256 ${status.backup.sha256.slice(0, 12)}`)}`;
  const shown = style.verbose ? status.events : status.events.slice(-12);
  if (shown.length < status.events.length) yield style.dim(`  ${status.events.length - shown.length} earlier events: --verbose`);
  yield* columns(shown, [
    { header: '', cell: (one) => showMinute(one.at) },
    { header: '', cell: (one) => one.event },
    { header: '', cell: (one) => (one.detail === '' ? ' ' : escapeControl(one.detail)) },
  ], { headers: false });
}
