import fs from 'node:fs';
import path from 'node:path';
import { Flags } from '@oclif/core';
import { startWords, undoCommand, verifyByHand, verifyCommand } from '../../cli/after-apply.ts';
import type { Answer } from '../../cli/answer.ts';
import { CaseCommand } from '../../cli/case-command.ts';
import { caseFlags, planArg } from '../../cli/case-flags.ts';
import { changeFlags, consentTo, shortId } from '../../cli/consent.ts';
import { isLabMember, refusalFindings, severeReason } from '../../cli/apply-consent.ts';
import { overridesOf } from '../../cli/live-command.ts';
import { commandLine } from '../../cli/quote.ts';
import { applyLines } from '../../cli/render/apply.ts';
import { answering, StepsSoFar } from '../../cli/steps-so-far.ts';
import { EXIT, type ExitCode, type InspectorError } from '../../engine/errors.ts';
import type { ApplyReport } from '../../engine/model/apply-report.ts';
import { type RecoveryPlan, shortPlanId } from '../../engine/model/plan.ts';
import { applyPlan, previewApply } from '../../engine/recovery/apply/apply.ts';
import { APPLY_OVERRIDES, type ApplyOptions } from '../../engine/recovery/apply/options.ts';
import { refusalOf } from '../../engine/recovery/apply/preflight.ts';
import { recoveryStatus } from '../../engine/recovery/apply/status.ts';
import { MOVED_ON } from '../../engine/recovery/apply/undo.ts';
import { placesOf } from '../../engine/recovery/apply/words.ts';

/** What is typed next, for whatever comes of an apply. */
interface WaysOn {
  readonly goesOn: string;
  readonly takeBack: readonly string[];
  readonly verify: string | null;
}

export default class RecoverApply extends CaseCommand<ApplyReport> {
  static override summary = 'Carry a plan out: back up, build beside, check, exchange by rename';
  static override description = `Shows what it would do; acts with --execute, and then has to be confirmed with the id of the cluster, since a cluster of one has no margin.
Nothing is touched before every check has passed, and nothing is exchanged before what was built has been read back.
Cut off anywhere, by Ctrl-C, a full disk or kill -9, the same command goes on where it was. recover undo brings the original back.`;
  static override examples = [
    '<%= config.bin %> recover apply',
    '<%= config.bin %> recover apply --execute --confirm 8c6d8b45',
    '<%= config.bin %> recover apply plan.json --into /srv/restored --execute --confirm 8c6d8b45',
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
    const overrides = overridesOf(this.globals.override, APPLY_OVERRIDES);
    const { plan, caseDir, words } = await this.openPlan(args.plan, flags.case);
    const options = { dataDir: flags.data, into: flags.into === undefined ? undefined : path.resolve(flags.into), backupDir: flags['backup-dir'], caseDir, overrides: [...overrides], progress: this.progress };
    const preview = await previewApply(plan, options);
    const again = ['raft-inspector', 'recover', 'apply', ...words, ...repeated('data', flags.data), ...repeated('into', flags.into), ...repeated('backup-dir', flags['backup-dir']), ...[...overrides].flatMap((rule) => ['--override', rule]), '--execute'];
    const clusterId = plan.cluster.clusterId ?? plan.planId;
    // Elsewhere it makes a cluster of one as well.
    const severe = severeReason(plan);
    const isLab = isLabMember(preview.dataDir);
    const goesOn = commandLine(...again, ...(isLab ? [] : ['--confirm', shortId(clusterId)]));
    const ways: WaysOn = { goesOn, verify: verifyCommand(plan, words), takeBack: ['raft-inspector', 'recover', 'undo', args.plan ?? shortPlanId(plan), ...repeated('case', flags.case), ...repeated('data', flags.data)] };
    if (preview.state === 'already-applied') return this.finished(preview, plan, words);
    const next = preview.refusals.length === 0 ? [goesOn] : wayOn(preview.refusals[0]?.exit, preview, plan, options, ways);
    if (flags.execute && preview.refusals.length > 0) await answering(() => applyPlan(plan, { ...options, refuseOnly: true }), () => ({ data: preview, next })); // it refuses in its own words
    const consent = await consentTo({ execute: flags.execute, confirm: flags.confirm, clusterId, isLab, severe, preview: (style) => applyLines(preview, plan, style) });
    if (consent === 'preview') return this.previewed(preview, plan, next);
    await this.beginCase(flags.data);
    return this.finished(await this.carryOut(plan, options, preview, ways), plan, words);
  }

  private async carryOut(plan: RecoveryPlan, options: ApplyOptions, preview: ApplyReport, ways: WaysOn): Promise<ApplyReport> {
    const from = performance.now();
    const soFar = new StepsSoFar(preview.steps);
    const report = (error: InspectorError | null): ApplyReport => ({
      ...preview,
      state: soFar.begun ? 'partial' : 'preview',
      backup: options.into === undefined ? recoveryStatus(plan, options).backup : null,
      steps: soFar.steps,
      refusals: error === null ? [] : [refusalOf(error)],
      durationMs: Math.round(performance.now() - from),
    });
    this.changing(ways.goesOn, () => report(null));
    return answering(() => applyPlan(plan, { ...options, onStep: soFar.watch(this.showSteps(preview.steps.map((one) => one.id))) }), (error) => ({ data: report(error), next: wayOn(error.exitCode, report(error), plan, options, ways) }));
  }

  private previewed(report: ApplyReport, plan: RecoveryPlan, next: string[]): Answer<ApplyReport> {
    return {
      data: report,
      findings: refusalFindings(report.refusals, plan.source),
      findingsDecide: false,
      exits: report.refusals.map((one) => one.exit as ExitCode),
      next,
      screen: (style) => applyLines(report, plan, style),
    };
  }

  private finished(report: ApplyReport, plan: RecoveryPlan, words: readonly string[]): Answer<ApplyReport> {
    const verify = verifyCommand(plan, words);
    const next = this.isForPeople() ? numbered([...startWords(plan, report.result === report.dataDir ? null : report.result), verify ?? verifyByHand(plan), ...fenceWords(plan)]) : verify === null ? [] : [verify];
    return { data: report, findings: [], next, screen: (style) => applyLines(report, plan, style, undoCommand(plan, words)) };
  }

  /** Scripts get commands only; people also what is to be done by hand. */
  private isForPeople(): boolean {
    return !this.globals.json && (this.globals.format === undefined || this.globals.format === 'table');
  }
}

/** What to type where an apply does not go on by itself. */
function wayOn(exit: number | undefined, report: ApplyReport, plan: RecoveryPlan, options: ApplyOptions, { goesOn, takeBack, verify }: WaysOn): string[] {
  if (exit === EXIT.partial) return report.refusals[0]?.hint.includes('recover undo') === true ? [commandLine(...takeBack, '--execute')] : [goesOn];
  if (exit !== EXIT.drift && exit !== EXIT.findings) return [];
  const { state } = recoveryStatus(plan, options);
  const letGo = commandLine(...takeBack, '--override', MOVED_ON);
  // A plan that was begun stands in the way of the next one.
  if (exit === EXIT.drift && report.refusals[0]?.rule !== MOVED_ON) return [...(state === 'applying' ? [letGo] : []), ...(fs.existsSync(report.dataDir) ? [commandLine('raft-inspector', 'recover', 'pick', ...placesOf(plan, report.dataDir))] : [])];
  // The server has run on the result: that is how it should be.
  if (state === 'applied') return verify === null ? [] : [verify];
  if (state !== 'applying') return [];
  return [exit === EXIT.drift ? letGo : commandLine(...takeBack)];
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
