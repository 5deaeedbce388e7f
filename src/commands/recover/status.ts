import fs from 'node:fs';
import { Flags } from '@oclif/core';
import { pickAgain, undoCommand, verifyCommand } from '../../cli/after-apply.ts';
import type { Answer } from '../../cli/answer.ts';
import { CaseCommand } from '../../cli/case-command.ts';
import { caseFlags, planArg } from '../../cli/case-flags.ts';
import { commandLine } from '../../cli/quote.ts';
import { statusLines } from '../../cli/render/apply-undo.ts';
import { isLabMember } from '../../cli/apply-consent.ts';
import { shortId } from '../../cli/consent.ts';
import { EXIT, UsageError } from '../../engine/errors.ts';
import type { RecoveryStatus } from '../../engine/model/apply-report.ts';
import { lastDirectory, recoveryStatus } from '../../engine/recovery/apply/status.ts';
import { workplaceAt } from '../../engine/recovery/apply/workplace.ts';

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
    // A mistyped name must not pass for a directory on which nothing was begun. What was moved away leaves its journal.
    if (flags.data !== undefined && ![flags.data, workplaceAt(flags.data).journal].some((one) => fs.existsSync(one))) throw new UsageError(`${flags.data} does not exist, and no journal lies beside it`, 'Name the directory as it was given to recover apply');
    const dataDir = flags.data ?? lastDirectory(plan, caseDir) ?? undefined;
    const status = recoveryStatus(plan, { dataDir });
    const data = flags.data === undefined ? [] : ['--data', flags.data];
    const more = [...words, ...data];
    const confirm = isLabMember(status.dataDir) ? [] : ['--confirm', shortId(plan.cluster.clusterId ?? plan.planId)];
    const undo = undoCommand(plan, more);
    const verify = verifyCommand(plan, words);
    const next = {
      planned: [commandLine('raft-inspector', 'recover', 'apply', ...more)],
      applying: [commandLine('raft-inspector', 'recover', 'apply', ...more, '--execute', ...confirm), undo],
      applied: verify === null ? [] : [verify],
      undoing: [`${undo} --execute`],
      undone: pickAgain(status.dataDir),
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
