import path from 'node:path';
import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { isLabMember, refusalFindings } from '../../cli/apply-consent.ts';
import { CaseCommand } from '../../cli/case-command.ts';
import { caseFlags, planArg } from '../../cli/case-flags.ts';
import { changeFlags, consentTo, shortId } from '../../cli/consent.ts';
import { overridesOf } from '../../cli/live-command.ts';
import { commandLine } from '../../cli/quote.ts';
import { undoableLines, undoLines } from '../../cli/render/apply-undo.ts';
import { answering, StepsSoFar } from '../../cli/steps-so-far.ts';
import { EXIT, type ExitCode, type InspectorError } from '../../engine/errors.ts';
import type { UndoReport } from '../../engine/model/apply-report.ts';
import { type RecoveryPlan, shortPlanId } from '../../engine/model/plan.ts';
import { planBeside } from '../../engine/recovery/apply/plan-beside.ts';
import type { ApplyOptions } from '../../engine/recovery/apply/options.ts';
import { refusalOf } from '../../engine/recovery/apply/preflight.ts';
import { lastDirectory, recoveryStatus, type Undoable, undoable } from '../../engine/recovery/apply/status.ts';
import { MOVED_ON, previewUndo, undoPlan } from '../../engine/recovery/apply/undo.ts';
import { findCase } from '../../engine/recovery/case-files.ts';

/** Without a plan: what can be taken back. */
interface UndoList {
  undoable: Undoable[];
}

interface Asked {
  plan: RecoveryPlan;
  caseDir: string | null;
  words: readonly string[];
}

export default class RecoverUndo extends CaseCommand<UndoReport | UndoList> {
  static override summary = 'Bring back what was there before a plan was applied, to the byte';
  static override description = `Without a plan it lists what can be taken back; with one, or with --execute and a case that holds one plan, it is about that plan.
The backup is verified first, restored beside, and exchanged by rename: names, content, modes, owners and times are those of before.
Refuses when the data changed since the apply (exit 7): writes accepted since would be lost. With --override ${MOVED_ON} it goes back all the same,
and keeps what is there now beside the data.`;
  static override examples = ['<%= config.bin %> recover undo', '<%= config.bin %> recover undo 5c2e91 --execute', '<%= config.bin %> recover undo --data /var/lib/etcd --execute'];
  static override args = { plan: planArg };
  static override flags = {
    data: Flags.string({ helpValue: '<dir>', summary: 'The data directory, when the plan was applied to another one than it says; alone: undo what was last done there' }),
    ...caseFlags,
    ...changeFlags,
  };

  protected async execute(): Promise<Answer<UndoReport | UndoList>> {
    const { args, flags } = await this.parse(RecoverUndo);
    const overrides = overridesOf(this.globals.override, [MOVED_ON]);
    if (args.plan === undefined && flags.data === undefined && !flags.execute) return this.list(findCase(flags.case));
    const { plan, caseDir, words } = await this.asked(args.plan, flags.data, flags.case);
    const dataDir = flags.data ?? (caseDir === null ? null : lastDirectory(plan, caseDir)) ?? undefined;
    const options = { dataDir, caseDir, overrides: [...overrides], progress: this.progress };
    const preview = await previewUndo(plan, options);
    const clusterId = plan.cluster.clusterId ?? plan.planId;
    const severe = overrides.size === 0 ? null : `${[...overrides].join(', ')} is overridden: ${preview.setAside === null ? 'the plan is let go, and what lies there stays as it is' : 'writes accepted since the apply leave the directory'}`;
    const isLab = isLabMember(preview.dataDir);
    const goesOn = commandLine('raft-inspector', 'recover', 'undo', ...words, ...[...overrides].flatMap((rule) => ['--override', rule]), '--execute', ...(severe === null || isLab ? [] : ['--confirm', shortId(clusterId)]));
    const named = args.plan === undefined && flags.data === undefined ? [shortPlanId(plan), ...words] : words;
    const next = preview.refusals.length === 0 ? [goesOn] : wayOn(preview.refusals[0]?.exit, plan, options, named);
    if (flags.execute && preview.refusals.length > 0) await answering(() => undoPlan(plan, { ...options, refuseOnly: true }), () => ({ data: preview, next })); // it refuses in its own words
    const consent = preview.state === 'already-undone' ? 'go' : await consentTo({ execute: flags.execute, confirm: flags.confirm, clusterId, isLab, severe, preview: (style) => undoLines(preview, plan, style) });
    if (consent === 'preview') {
      return {
        data: preview,
        findings: refusalFindings(preview.refusals, plan.source),
        findingsDecide: false,
        exits: preview.refusals.map((one) => one.exit as ExitCode),
        next,
        screen: (style) => undoLines(preview, plan, style),
      };
    }
    const report = preview.state === 'already-undone' ? preview : await this.carryOut(plan, options, preview, goesOn, named);
    return { data: report, findings: [], next: [commandLine('raft-inspector', 'inspect', 'member', report.dataDir)], screen: (style) => undoLines(report, plan, style) };
  }

  private async carryOut(plan: RecoveryPlan, options: ApplyOptions, preview: UndoReport, goesOn: string, named: readonly string[]): Promise<UndoReport> {
    const from = performance.now();
    const soFar = new StepsSoFar(preview.steps);
    const report = (error: InspectorError | null): UndoReport => ({ ...preview, state: soFar.begun ? 'partial' : 'preview', steps: soFar.steps, refusals: error === null ? [] : [refusalOf(error)], durationMs: Math.round(performance.now() - from) });
    this.changing(goesOn, () => report(null));
    return answering(() => undoPlan(plan, { ...options, onStep: soFar.watch(this.showSteps(['check', 'restore'])) }), (error) => ({ data: report(error), next: error.exitCode === EXIT.partial ? [goesOn] : wayOn(error.exitCode, plan, options, named) }));
  }

  private async asked(word: string | undefined, data: string | undefined, given: string | undefined): Promise<Asked> {
    if (word !== undefined || data === undefined) {
      const { plan, caseDir, words } = await this.openPlan(word, given);
      return { plan, caseDir, words: [...words, ...(data === undefined ? [] : ['--data', data])] };
    }
    const { plan } = await planBeside(data);
    return { plan, caseDir: given ?? null, words: ['--data', data, ...(given === undefined ? [] : ['--case', given])] };
  }

  private async list(caseDir: string): Promise<Answer<UndoList>> {
    const found = await undoable(caseDir);
    const next = found.filter((one) => one.state !== 'undone').map((one) => commandLine('raft-inspector', 'recover', 'undo', shortPlanId(one), ...(path.dirname(one.file) === caseDir && caseDir.startsWith('case-') ? [] : ['--case', caseDir])));
    return { data: { undoable: found }, findings: [], next, screen: (style) => undoableLines(found, caseDir, style) };
  }
}

/** Where the data has changed: what it would be to go back all the same, or, with nothing to take back, what lies there. */
function wayOn(exit: number | undefined, plan: RecoveryPlan, options: ApplyOptions, named: readonly string[]): string[] {
  if (exit !== EXIT.drift) return [];
  const { state, dataDir } = recoveryStatus(plan, options);
  if (state === 'undone') return [commandLine('raft-inspector', 'inspect', 'member', dataDir)];
  return [commandLine('raft-inspector', 'recover', 'undo', ...named, '--override', MOVED_ON)];
}
