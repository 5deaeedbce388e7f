import path from 'node:path';
import { Flags } from '@oclif/core';
import { startWords, verifyByHand, verifyCommand } from '../../cli/after-apply.ts';
import type { Answer } from '../../cli/answer.ts';
import { CaseCommand } from '../../cli/case-command.ts';
import { caseFlags, planArg } from '../../cli/case-flags.ts';
import { changeFlags, consentTo, shortId } from '../../cli/consent.ts';
import { isLabMember, refusalFindings, severeReason } from '../../cli/apply-consent.ts';
import { overridesOf } from '../../cli/live-command.ts';
import { commandLine } from '../../cli/quote.ts';
import { applyLines } from '../../cli/render/apply.ts';
import type { ExitCode } from '../../engine/errors.ts';
import type { ApplyReport } from '../../engine/model/apply-report.ts';
import type { RecoveryPlan } from '../../engine/model/plan.ts';
import { applyPlan, previewApply } from '../../engine/recovery/apply/apply.ts';

export default class RecoverApply extends CaseCommand<ApplyReport> {
  static override summary = 'Carry a plan out: back up, build beside, check, exchange by rename';
  static override description = `Shows what it would do; acts with --execute, and then has to be confirmed with the id of the cluster, since a cluster of one has no margin.
Nothing is touched before every check has passed, and nothing is exchanged before what was built has been read back.
Cut off anywhere, by Ctrl-C, a full disk or kill -9, the same command goes on where it was. recover undo brings the original back.`;
  static override examples = [
    '<%= config.bin %> recover apply',
    '<%= config.bin %> recover apply --execute --confirm 8c6d8b45',
    '<%= config.bin %> recover apply plan.json --into /srv/restored',
  ];
  static override args = { plan: planArg };
  static override flags = {
    data: Flags.string({ helpValue: '<dir>', summary: 'Where the data of this member lies, when not where the plan says' }),
    into: Flags.string({ helpValue: '<dir|.tgz>', summary: 'Build the result there, in a new directory or archive, and leave the source untouched' }),
    'backup-dir': Flags.string({ helpValue: '<dir>', summary: 'Where the backup goes (default: <data directory>.ri, on the same filesystem)' }),
    ...caseFlags,
    ...changeFlags,
  };

  protected async execute(): Promise<Answer<ApplyReport>> {
    const { args, flags } = await this.parse(RecoverApply);
    const overrides = overridesOf(this.globals.override, ['certain-loss', 'other-plan']);
    const { plan, caseDir, words } = await this.openPlan(args.plan, flags.case);
    const options = { dataDir: flags.data, into: flags.into === undefined ? undefined : path.resolve(flags.into), backupDir: flags['backup-dir'], caseDir, overrides: [...overrides], progress: this.progress };
    const preview = await previewApply(plan, options);
    const again = ['raft-inspector', 'recover', 'apply', ...words, ...repeated('data', flags.data), ...repeated('into', flags.into), ...repeated('backup-dir', flags['backup-dir']), ...[...overrides].flatMap((rule) => ['--override', rule]), '--execute'];
    const clusterId = plan.cluster.clusterId ?? plan.planId;
    // Elsewhere nothing is changed that anybody relies on.
    const severe = flags.into === undefined ? severeReason(plan) : null;
    const isLab = isLabMember(preview.dataDir);
    const goesOn = commandLine(...again, ...(severe === null || isLab ? [] : ['--confirm', shortId(clusterId)]));
    if (preview.state === 'already-applied') return this.finished(preview, plan, words);
    if (flags.execute && preview.refusals.length > 0) await applyPlan(plan, options); // it refuses, in its own words
    const consent = await consentTo({ execute: flags.execute, confirm: flags.confirm, clusterId, isLab, severe, preview: (style) => applyLines(preview, plan, style) });
    if (consent === 'preview') return this.previewed(preview, plan, goesOn);
    this.changing(goesOn);
    return this.finished(await applyPlan(plan, { ...options, onStep: this.showSteps(flags.into === undefined ? ['backup', 'build', 'check', 'swap'] : ['build', 'check', 'swap']) }), plan, words);
  }

  private previewed(report: ApplyReport, plan: RecoveryPlan, goesOn: string): Answer<ApplyReport> {
    return {
      data: report,
      findings: refusalFindings(report.refusals, plan.source),
      findingsDecide: false,
      exits: report.refusals.map((one) => one.exit as ExitCode),
      next: report.refusals.length > 0 ? [] : [goesOn],
      screen: (style) => applyLines(report, plan, style),
    };
  }

  private finished(report: ApplyReport, plan: RecoveryPlan, words: readonly string[]): Answer<ApplyReport> {
    const verify = verifyCommand(plan, words);
    const next = this.isForPeople() ? numbered([...startWords(plan), verify ?? verifyByHand(plan), ...fenceWords(plan)]) : verify === null ? [] : [verify];
    return { data: report, findings: [], next, screen: (style) => applyLines(report, plan, style) };
  }

  /** Scripts get commands only; people also what is to be done by hand. */
  private isForPeople(): boolean {
    return !this.globals.json && (this.globals.format === undefined || this.globals.format === 'table');
  }
}

function repeated(flag: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`--${flag}`, value];
}

function fenceWords(plan: RecoveryPlan): string[] {
  const names = plan.fences.map((one) => one.member).sort();
  if (names.length === 0) return [];
  return [`keep ${names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`} off until their data is wiped`];
}

function numbered(steps: readonly string[]): string[] {
  return steps.map((one, at) => `${at + 1} ${one}`);
}
