import type { PlanDifference } from '../../engine/recovery/plan/diff.ts';
import { shortPlanId, type RecoveryPlan } from '../../engine/model/plan.ts';
import { escapeControl } from '../escape.ts';
import type { Style } from './style.ts';
import { wrapAfter } from './wrap.ts';

const SHOWN = 20;

/** Two plans side by side: only what they decide differently. */
export function* planDiffScreen(a: RecoveryPlan, b: RecoveryPlan, differences: readonly PlanDifference[], style: Style): Generator<string> {
  const names = `plan ${shortPlanId(a)} and plan ${shortPlanId(b)}`;
  if (differences.length === 0) {
    yield `${style.good('EQUAL')}  ${names} decide the same`;
    return;
  }
  yield `${style.caution('DIFFERENT')}  ${names} in ${differences.length} ${differences.length === 1 ? 'place' : 'places'}`;
  const width = Math.max(80, style.width);
  const shown = style.verbose ? differences : differences.slice(0, SHOWN);
  for (const { field, a: left, b: right } of shown) {
    if (left !== null && right !== null) yield* wrapAfter(`  ${style.caution('~')} ${escapeControl(field)}  `, `${escapeControl(left)} -> ${escapeControl(right)}`, width);
    else if (right !== null) yield* wrapAfter(`  ${style.good('+')} ${escapeControl(field)}  `, escapeControl(right), width);
    else yield* wrapAfter(`  ${style.bad('-')} ${escapeControl(field)}  `, escapeControl(left ?? ''), width);
  }
  if (shown.length < differences.length) yield style.dim(`  ${differences.length - shown.length} more: --verbose`);
}
