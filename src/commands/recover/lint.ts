import type { Answer } from '../../cli/answer.ts';
import { CaseCommand } from '../../cli/case-command.ts';
import { caseFlags, planArg } from '../../cli/case-flags.ts';
import { commandLine } from '../../cli/quote.ts';
import { findingLines } from '../../cli/render/findings.ts';
import { shortPlanId } from '../../engine/model/plan.ts';
import { lintPlan } from '../../engine/recovery/plan/lint.ts';

/** What `recover lint` answers. */
export interface LintReport {
  planId: string;
  file: string;
  digest: string;
  ok: boolean;
}

export default class RecoverLint extends CaseCommand<LintReport> {
  static override summary = 'Check a plan for itself: whole, unchanged, and no nonsense in it';
  static override description = 'Looks at the plan only. Whether the data is still as planned, apply checks before it does anything. Exit 3 when something is wrong, 4 when the plan was edited or is of a newer version.';
  static override examples = ['<%= config.bin %> recover lint', '<%= config.bin %> recover lint plan.json --json'];
  static override args = { plan: planArg };
  static override flags = { ...caseFlags };

  protected async execute(): Promise<Answer<LintReport>> {
    const { args, flags } = await this.parse(RecoverLint);
    const { plan, file, words } = await this.openPlan(args.plan, flags.case);
    const findings = lintPlan(plan);
    const ok = !findings.some((one) => one.severity === 'error');
    return {
      data: { planId: plan.planId, file, digest: plan.digest, ok },
      findings,
      next: ok ? [commandLine('raft-inspector', 'recover', 'show', ...words), commandLine('raft-inspector', 'recover', 'rehearse', ...words)] : [],
      *screen(style) {
        const errors = findings.filter((one) => one.severity === 'error').length;
        yield ok ? `${style.good('ok')}  plan ${shortPlanId(plan)} is whole and makes sense, sha256 ${plan.digest.slice(0, 16)}` : `${style.bad('bad')}  plan ${shortPlanId(plan)}: ${errors} ${errors === 1 ? 'thing' : 'things'} wrong`;
        yield* findingLines(findings, style);
      },
    };
  }
}
