import { Args, Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { CaseCommand } from '../../cli/case-command.ts';
import { caseFlags } from '../../cli/case-flags.ts';
import { overridesOf } from '../../cli/live-command.ts';
import { commandLine } from '../../cli/quote.ts';
import { fenceLines } from '../../cli/render/fence.ts';
import type { RecoveryPlan } from '../../engine/model/plan.ts';
import { fence, type FenceReport } from '../../engine/recovery/apply/fence.ts';
import { caseDirectories, planFiles } from '../../engine/recovery/case-files.ts';

export default class RecoverFence extends CaseCommand<FenceReport> {
  static override summary = 'Make the directory of an old member unable to start, without touching its data';
  static override description = `After a recovery an old member that comes back can disturb the new cluster, or form the old one again with its like.
Of our own engine it lays a file that node start refuses on; of any other server it renames the data directory. --lift takes it back.
Refuses on a running server, and on the disk that the plan recovers from.`;
  static override examples = ['<%= config.bin %> recover fence /var/lib/etcd --plan 5c2e91', '<%= config.bin %> recover fence lab/n2 --execute', '<%= config.bin %> recover fence lab/n2 --lift --execute'];
  static override args = { dir: Args.string({ required: true, description: 'The data directory of the member that must not come back' }) };
  static override flags = {
    plan: Flags.string({ helpValue: '<plan>', summary: "The plan that replaced it: a file, or the first characters of its id (default: the case's only plan, if there is one)" }),
    lift: Flags.boolean({ summary: 'Take the fence away again' }),
    ...caseFlags,
    execute: Flags.boolean({ helpGroup: 'CHANGE', summary: 'Do it; without this flag it is only shown' }),
  };

  protected async execute(): Promise<Answer<FenceReport>> {
    const { args, flags } = await this.parse(RecoverFence);
    // Each of its refusals protects something that no flag can make right.
    overridesOf(this.globals.override, []);
    const plan = await this.planIfAny(flags.plan, flags.case);
    const lift = flags.lift === true;
    const again = commandLine('raft-inspector', 'recover', 'fence', args.dir, ...(flags.plan === undefined ? [] : ['--plan', flags.plan]), ...(flags.case === undefined ? [] : ['--case', flags.case]), lift && '--lift', '--execute');
    if (flags.execute) this.changing(again);
    const planIs = flags.plan === undefined && flags.case === undefined ? 'found' : 'named';
    const report = await fence({ dataDir: args.dir, plan, planIs, lift, act: flags.execute === true });
    // The plan that lies here is of another cluster: its case has nothing to do with this disk.
    if (plan !== null && report.planId === null) this.keepIn(null);
    return { data: report, findings: [], next: report.state === 'preview' ? [again] : [], screen: (style) => fenceLines(report, lift, style) };
  }

  /** A disk can be fenced without a plan; where a case lies here, its plan says whose disk must not be. */
  private async planIfAny(word: string | undefined, given: string | undefined): Promise<RecoveryPlan | null> {
    const isThere = word !== undefined || given !== undefined || caseDirectories().flatMap(planFiles).length === 1;
    return isThere ? (await this.openPlan(word, given)).plan : null;
  }
}
