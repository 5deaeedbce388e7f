import { Flags } from '@oclif/core';
import { verifyCommand } from '../../cli/after-apply.ts';
import type { Answer } from '../../cli/answer.ts';
import { CaseCommand } from '../../cli/case-command.ts';
import { caseFlags, planArg } from '../../cli/case-flags.ts';
import { commandLine } from '../../cli/quote.ts';
import { statusLines } from '../../cli/render/apply-undo.ts';
import { isLabMember } from '../../cli/apply-consent.ts';
import { shortId } from '../../cli/consent.ts';
import { EXIT } from '../../engine/errors.ts';
import type { RecoveryStatus } from '../../engine/model/apply-report.ts';
import { shortPlanId } from '../../engine/model/plan.ts';
import { lastDirectory, recoveryStatus } from '../../engine/recovery/apply/status.ts';

export default class RecoverStatus extends CaseCommand<RecoveryStatus> {
  static override summary = 'Say how far a plan came, and what goes on';
  static override description = 'Reads the journal beside the data, which is written before and after each step. Exit 8 when something was begun and not finished.';
  static override examples = ['<%= config.bin %> recover status', '<%= config.bin %> recover status 5c2e91 --json'];
  static override args = { plan: planArg };
  static override flags = {
    data: Flags.string({ helpValue: '<dir>', summary: 'The data directory, when the plan was applied to another one than it says' }),
    ...caseFlags,
  };

  protected async execute(): Promise<Answer<RecoveryStatus>> {
    const { args, flags } = await this.parse(RecoverStatus);
    const { plan, caseDir, words } = await this.openPlan(args.plan, flags.case);
    const dataDir = flags.data ?? lastDirectory(plan, caseDir) ?? undefined;
    const status = recoveryStatus(plan, { dataDir });
    const data = flags.data === undefined ? [] : ['--data', flags.data];
    const more = [...words, ...data];
    const confirm = isLabMember(status.dataDir) ? [] : ['--confirm', shortId(plan.cluster.clusterId ?? plan.planId)];
    const undo = ['raft-inspector', 'recover', 'undo', args.plan ?? shortPlanId(plan), ...(flags.case === undefined ? [] : ['--case', flags.case]), ...data];
    const verify = verifyCommand(plan, words);
    const next = {
      planned: [commandLine('raft-inspector', 'recover', 'apply', ...more)],
      applying: [commandLine('raft-inspector', 'recover', 'apply', ...more, '--execute', ...confirm), commandLine(...undo)],
      applied: verify === null ? [] : [verify],
      undoing: [commandLine(...undo, '--execute')],
      undone: [],
    }[status.state];
    return {
      data: status,
      findings: [],
      exits: status.state === 'applying' || status.state === 'undoing' ? [EXIT.partial] : [],
      next,
      screen: (style) => statusLines(status, plan, style),
    };
  }
}
