import fs from 'node:fs';
import path from 'node:path';
import type { ApplyRefusal } from '../engine/model/apply-report.ts';
import { type Finding, finding } from '../engine/model/finding.ts';
import type { RecoveryPlan } from '../engine/model/plan.ts';

/** Why a recovery has to be confirmed. It always has: what it makes is a cluster of one, of which none may fail. */
export function severeReason(plan: RecoveryPlan): string {
  const { verdict } = plan.why.loss;
  const rules = [...new Set(plan.overrides.map((one) => one.rule))];
  return [...(verdict === 'none' ? [] : [`the loss is ${verdict}`]), ...(rules.length === 0 ? [] : [`${rules.join(', ')} was overridden`]), 'it makes a cluster of one, of which none may fail'].join('; ');
}

/** Whether a data directory is that of a practice cluster, where nothing has to be confirmed. */
export function isLabMember(dataDir: string): boolean {
  return fs.existsSync(path.join(path.dirname(dataDir), 'lab.json'));
}

export function refusalFindings(refusals: readonly ApplyRefusal[], member: string): Finding[] {
  return refusals.map((one) => finding(one.rule, 'error', one.message, { member, fix: one.hint.replaceAll('\n', ' ') }));
}
