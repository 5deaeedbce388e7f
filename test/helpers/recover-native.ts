import path from 'node:path';
import type { ApplyReport } from '../../src/engine/model/apply-report.ts';
import type { RecoveryPlan } from '../../src/engine/model/plan.ts';
import { openPlaces } from '../../src/engine/places/open.ts';
import { applyPlan } from '../../src/engine/recovery/apply/apply.ts';
import { surveyDisks } from '../../src/engine/recovery/open-survey.ts';
import { pick } from '../../src/engine/recovery/pick.ts';
import { makePlan, type PlanRequest } from '../../src/engine/recovery/plan/make-plan.ts';

/** Picks among the disks and plans, as `recover plan` does. */
export async function planOf(places: readonly string[], over: Partial<PlanRequest> = {}): Promise<RecoveryPlan> {
  const disks = await surveyDisks(await openPlaces(places), { tool: 'test' });
  const facts = over.facts ?? {};
  const report = pick(disks.map((one) => one.evidence), facts);
  return await makePlan({ disks, report, facts, factWords: [], inDoubt: 'keep', newClusterId: 'auto', bumpRevision: null, selfAddress: null, targetMembers: 3, overrides: [], tool: 'test', dead: [], connection: null, ...over });
}

/** Applies it beside the source (`into`), or in place. */
export function apply(plan: RecoveryPlan, into?: string): Promise<ApplyReport> {
  return applyPlan(plan, { caseDir: null, overrides: plan.overrides.map((one) => one.rule), ...(into === undefined ? {} : { into: path.resolve(into) }) });
}
