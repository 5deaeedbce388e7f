import { type RecoveryPlan, shortPlanId } from '../../engine/model/plan.ts';
import type { VerifyReport } from '../../engine/model/verify-report.ts';
import { escapeControl } from '../escape.ts';
import { checkLines } from './check-lines.ts';
import { headLine } from './head.ts';
import type { Style } from './style.ts';
import { fitLines } from './wrap.ts';

/** The screen of `recover verify` (S8). */
export function* verifyLines(report: VerifyReport, plan: RecoveryPlan, style: Style): Generator<string> {
  const held = report.checks.filter((one) => one.ok === true).length;
  const word = report.verdict === 'verified' ? style.good('VERIFIED') : style.bad('FAILED');
  const leader = report.leader === null ? 'no leader' : `leader ${escapeControl(plan.cluster.members.find((one) => one.id === report.leader)?.name ?? report.leader)}`;
  yield* fitLines(headLine(`${style.strong(word)}  ${held} of ${report.checks.length}  plan ${shortPlanId(plan)}`, `${escapeControl(report.endpoints[0] ?? '')}  ${leader}  term ${report.term ?? '?'}`), style);
  yield* checkLines(report.checks, style);
  if (report.failuresTolerated === 0) yield `${style.strong(style.caution('FRAGILE'))}  ${report.voters === 1 ? '1 voter' : `${report.voters} voters`}, none may fail`;
}
