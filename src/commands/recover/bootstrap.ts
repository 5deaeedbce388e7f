import { Flags } from '@oclif/core';
import { verifyCommand } from '../../cli/after-apply.ts';
import type { Answer } from '../../cli/answer.ts';
import { isLabMember, refusalFindings, severeReason } from '../../cli/apply-consent.ts';
import { CaseCommand, namingWords, planInCase } from '../../cli/case-command.ts';
import { caseFlags } from '../../cli/case-flags.ts';
import { changeFlags, consentTo, shortId } from '../../cli/consent.ts';
import { factFlags, factWords } from '../../cli/fact-flags.ts';
import { placeArg } from '../../cli/flags.ts';
import { overridesOf } from '../../cli/live-command.ts';
import { originals, placeFlags } from '../../cli/places.ts';
import { connectionFlags, decisionsOf, planConnection, planFlags, planWords, refuseWithoutSource } from '../../cli/plan-flags.ts';
import { commandLine } from '../../cli/quote.ts';
import { applyLines } from '../../cli/render/apply.ts';
import { planScreen, startLines } from '../../cli/render/plan.ts';
import type { Style } from '../../cli/render/style.ts';
import { surveyAndPick } from '../../cli/survey-pick.ts';
import { type ExitCode, UsageError } from '../../engine/errors.ts';
import type { ApplyReport } from '../../engine/model/apply-report.ts';
import type { RecoveryPlan } from '../../engine/model/plan.ts';
import { planText } from '../../engine/model/plan-schema.ts';
import { applyPlan, previewApply } from '../../engine/recovery/apply/apply.ts';
import { APPLY_OVERRIDES } from '../../engine/recovery/apply/options.ts';
import { caseDirectory, refuseInsideData, writeNewFile } from '../../engine/recovery/case-directory.ts';
import { newPlanFile } from '../../engine/recovery/case-files.ts';
import { keepEvidence } from '../../engine/recovery/keep-evidence.ts';
import { makePlan } from '../../engine/recovery/plan/make-plan.ts';
import { repeatableHex } from '../../engine/recovery/plan/repeatable-chance.ts';
import { PLAN_OVERRIDES } from '../../engine/recovery/plan/refusals.ts';

/** What `recover bootstrap` answers. */
export interface BootstrapReport {
  plan: RecoveryPlan;
  /** Null in a preview: the plan is made again, with the same ids, and written when it is carried out. */
  planFile: string | null;
  apply: ApplyReport;
}

export default class RecoverBootstrap extends CaseCommand<BootstrapReport> {
  static override summary = 'Collect, pick, plan and apply for one directory in one go, by the same rules';
  static override description = `For the one disk that is left. Shows the plan and what stands in its way; acts with --execute, and then has to be confirmed with the id of the cluster.
With more than one disk use recover pick and recover plan: another disk often proves what this one cannot.
When it is cut off, recover apply goes on with the plan it wrote; recover undo brings the original back.`;
  static override examples = ['<%= config.bin %> recover bootstrap /var/lib/etcd', '<%= config.bin %> recover bootstrap /var/lib/etcd --execute --confirm 8c6d8b45', '<%= config.bin %> recover bootstrap --from /etc/systemd/system/etcd.service'];
  static override args = { place: placeArg() };
  static override flags = {
    ...planFlags,
    'backup-dir': Flags.string({ helpValue: '<dir>', summary: 'Where the backup goes (default: <data directory>.ri, on the same filesystem)' }),
    ...caseFlags,
    ...placeFlags,
    ...changeFlags,
    ...connectionFlags,
    ...factFlags,
  };

  protected async execute(): Promise<Answer<BootstrapReport>> {
    const { args, flags } = await this.parse(RecoverBootstrap);
    const lifted = overridesOf(this.globals.override, [...PLAN_OVERRIDES, ...APPLY_OVERRIDES]);
    const places = args.place === undefined ? [] : [args.place];
    if (places.length > 0 && flags.from !== undefined) throw new UsageError('a place and --from name two directories', 'Give one of them');
    const { opened, disks, facts, outcome } = await surveyAndPick(places, flags, { need: 'records', progress: this.progress, redact: this.globals.redact, tool: this.config.version });
    const words = factWords(flags);
    const named = [...places, ...(flags.from === undefined ? [] : ['--from', flags.from])];
    const caseDir = caseDirectory(flags.case, outcome.clusterId, outcome.report.source ?? 'unknown');
    this.keepIn(caseDir, originals(opened));
    refuseWithoutSource(outcome, [...named, ...words]);
    const [only] = opened;
    if (only?.kind !== 'reading' || !only.isOriginal) throw new UsageError(`${named.join(' ')} is no directory of this machine`, 'Name the data directory itself; plans of archives are made with recover plan and applied with --into');
    refuseInsideData(caseDir, [only.directory]);
    const decided = { ...decisionsOf(flags), factWords: words, overrides: [...lifted], tool: this.config.version, connection: await planConnection(flags) };
    const made = await makePlan({ ...decided, disks, report: outcome.report, facts, dead: [...(facts.dead ?? [])], randomHex: repeatableHex(only.directory, decided), progress: this.progress });
    // A run that was cut off before it changed the data has written this very plan, and begun it.
    const begun = await planInCase(caseDir, made.planId);
    const plan = begun?.plan ?? made;
    const options = { backupDir: flags['backup-dir'], caseDir, overrides: [...lifted], progress: this.progress };
    const preview = await previewApply(plan, options);
    // Where the store has no cluster id the server's own stands for it: the plan's would be another one in the next run.
    const clusterId = plan.cluster.clusterId ?? plan.outcome.memberId ?? plan.source;
    const isLab = isLabMember(preview.dataDir);
    const confirm = isLab ? [] : ['--confirm', shortId(clusterId)];
    const again = commandLine('raft-inspector', 'recover', 'bootstrap', ...named, ...planWords(flags), ...words, ...repeated('backup-dir', flags['backup-dir']), ...repeated('case', flags.case), ...[...lifted].flatMap((rule) => ['--override', rule]), '--execute', ...confirm);
    if (flags.execute && preview.refusals.length > 0) await applyPlan(plan, options); // it refuses, in its own words
    const consent = await consentTo({ execute: flags.execute, confirm: flags.confirm, clusterId, isLab, severe: severeReason(plan), preview: (style) => bothScreens(plan, preview, style) });
    if (consent === 'preview') {
      return {
        data: { plan, planFile: null, apply: preview },
        findings: [...outcome.findings, ...refusalFindings(preview.refusals, plan.source)],
        findingsDecide: false,
        exits: preview.refusals.map((one) => one.exit as ExitCode),
        next: preview.refusals.length > 0 ? [] : [again],
        screen: (style) => bothScreens(plan, preview, style),
      };
    }
    keepEvidence(caseDir, disks.map((disk) => disk.evidence));
    const planFile = begun?.file ?? newPlanFile(caseDir);
    if (begun === null) writeNewFile(planFile, planText(plan));
    this.changing(commandLine('raft-inspector', 'recover', 'apply', planFile, ...repeated('backup-dir', flags['backup-dir']), '--execute', ...(isLab ? [] : ['--confirm', shortId(plan.cluster.clusterId ?? plan.planId)])));
    const apply = await applyPlan(plan, { ...options, onStep: this.showSteps(['backup', 'build', 'check', 'swap']) });
    const verify = verifyCommand(plan, namingWords(planFile, caseDir, flags.case));
    return {
      data: { plan, planFile, apply },
      findings: outcome.findings,
      findingsDecide: false,
      next: verify === null ? [] : [verify],
      *screen(style) {
        yield* bothScreens(plan, apply, style);
        yield* startLines(plan, style);
      },
    };
  }
}

function* bothScreens(plan: RecoveryPlan, report: ApplyReport, style: Style): Generator<string> {
  yield* planScreen(plan, style);
  yield* applyLines(report, plan, style);
}

function repeated(flag: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`--${flag}`, value];
}
