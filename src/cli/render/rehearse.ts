import { type RecoveryPlan, shortPlanId } from '../../engine/model/plan.ts';
import type { RehearsalReport } from '../../engine/model/verify-report.ts';
import { escapeControl } from '../escape.ts';
import { showDuration } from '../measure.ts';
import { checkLines } from './check-lines.ts';
import { headLine } from './head.ts';
import type { Style } from './style.ts';
import { fitLines, wrapAfter } from './wrap.ts';

const WORDS = { pass: ['PASSED', 'good'], fail: ['FAILED', 'bad'], unverifiable: ['UNVERIFIABLE', 'caution'] } as const;

/** The screen of `recover rehearse`: verdict, phases with their times, checks. */
export function* rehearseLines(report: RehearsalReport, plan: RecoveryPlan, style: Style): Generator<string> {
  const [word, paint] = WORDS[report.verdict];
  yield* fitLines(headLine(`${style.strong(style[paint](word))}  rehearsal of plan ${shortPlanId(plan)}`, `${report.server ?? 'no server'}  on a copy  ${showDuration(report.durationMs)}`), style);
  for (const [at, phase] of report.phases.entries()) {
    const done = phase.ok ? style.good('done') : style.bad('FAIL');
    yield* wrapAfter(`  ${at + 1} ${phase.name.padEnd(8)}${done}  ${showDuration(phase.durationMs).padStart(7)}  `, escapeControl(phase.detail), Math.max(80, style.width));
  }
  yield* checkLines(report.checks, style);
  if (report.verdict !== 'pass') yield* wrapAfter('  ', escapeControl(report.detail), Math.max(80, style.width));
  yield style.dim('  The source was only read; the copy is gone.');
}
