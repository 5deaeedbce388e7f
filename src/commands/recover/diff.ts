import { Args } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { CaseCommand } from '../../cli/case-command.ts';
import { caseFlags } from '../../cli/case-flags.ts';
import { planDiffScreen } from '../../cli/render/plan-diff.ts';
import { diffPlans, type PlanDifference } from '../../engine/recovery/plan/diff.ts';

/** What `recover diff` answers. */
export interface PlanDiffReport {
  a: string;
  b: string;
  equal: boolean;
  differences: PlanDifference[];
}

export default class RecoverDiff extends CaseCommand<PlanDiffReport> {
  static override summary = 'Compare two plans: what they decide differently';
  static override description = 'Ids, times and digests of the plans themselves are left out. Exit 0 whether they differ or not.';
  static override examples = ['<%= config.bin %> recover diff case-8c6d8b45/plan.json case-8c6d8b45/plan-2.json', '<%= config.bin %> recover diff 5c2e91 77a0b3 --json'];
  static override args = {
    a: Args.string({ required: true, description: "A plan file, or the first characters of a plan's id" }),
    b: Args.string({ required: true, description: 'The other one' }),
  };
  static override flags = { ...caseFlags };

  protected async execute(): Promise<Answer<PlanDiffReport>> {
    const { args, flags } = await this.parse(RecoverDiff);
    const { plan: a } = await this.openPlan(args.a, flags.case);
    const { plan: b } = await this.openPlan(args.b, flags.case);
    const differences = diffPlans(a, b);
    return {
      data: { a: a.planId, b: b.planId, equal: differences.length === 0, differences },
      findings: [],
      next: [],
      screen: (style) => planDiffScreen(a, b, differences, style),
    };
  }
}
