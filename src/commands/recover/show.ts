import { undoCommand } from '../../cli/after-apply.ts';
import type { Answer } from '../../cli/answer.ts';
import { CaseCommand } from '../../cli/case-command.ts';
import { caseFlags, planArg } from '../../cli/case-flags.ts';
import { commandLine } from '../../cli/quote.ts';
import { planScreen } from '../../cli/render/plan.ts';
import type { RecoveryPlan } from '../../engine/model/plan.ts';
import { lintPlan } from '../../engine/recovery/plan/lint.ts';

export default class RecoverShow extends CaseCommand<RecoveryPlan> {
  static override summary = 'Show a plan: what it would make of which disk, step by step';
  static override description = 'Reads the plan only, never the disks: voters before and after, what becomes of the entries in doubt, each file that changes, what has to be fenced, and the way back. --verbose adds the reasons, joins, evidence and digests.';
  static override examples = ['<%= config.bin %> recover show', '<%= config.bin %> recover show plan.json --verbose', '<%= config.bin %> recover show 5c2e91 --case case-8c6d8b45'];
  static override args = { plan: planArg };
  static override flags = { ...caseFlags };

  protected async execute(): Promise<Answer<RecoveryPlan>> {
    const { args, flags } = await this.parse(RecoverShow);
    const { plan, words } = await this.openPlan(args.plan, flags.case);
    return {
      data: plan,
      findings: lintPlan(plan),
      next: nextAfter(plan, words),
      screen: (style) => planScreen(plan, style, new Date(), undoCommand(plan, words)),
    };
  }
}

/** A plan made of an archive is tried and built on the directory unpacked from it, which is called like the member unless somebody renamed it. */
function nextAfter(plan: RecoveryPlan, words: readonly string[]): string[] {
  const data = plan.dataDir === null ? ['--data', plan.source] : [];
  const into = plan.dataDir === null ? ['--into', `${plan.source}-recovered`] : [];
  return [commandLine('raft-inspector', 'recover', 'rehearse', ...words, ...data), commandLine('raft-inspector', 'recover', 'apply', ...words, ...data, ...into)];
}
