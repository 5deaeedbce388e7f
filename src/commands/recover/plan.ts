import fs from 'node:fs';
import { Flags } from '@oclif/core';
import { undoCommand } from '../../cli/after-apply.ts';
import type { Answer } from '../../cli/answer.ts';
import { CaseCommand, namingWords } from '../../cli/case-command.ts';
import { caseFlags } from '../../cli/case-flags.ts';
import { escapeJson } from '../../cli/escape.ts';
import { factFlags, factWords } from '../../cli/fact-flags.ts';
import { placeArg } from '../../cli/flags.ts';
import { overridesOf } from '../../cli/live-command.ts';
import { originals, placeFlags } from '../../cli/places.ts';
import { addressFindings, connectionFlags, decisionsOf, planConnection, planFlags, refuseWithoutSource } from '../../cli/plan-flags.ts';
import { commandLine } from '../../cli/quote.ts';
import { findingLines } from '../../cli/render/findings.ts';
import { planScreen } from '../../cli/render/plan.ts';
import { surveyAndPick } from '../../cli/survey-pick.ts';
import { UsageError } from '../../engine/errors.ts';
import type { RecoveryPlan } from '../../engine/model/plan.ts';
import { planText } from '../../engine/model/plan-schema.ts';
import { caseDirectory, refuseFileInsideData, refuseInsideData, writeNewFile } from '../../engine/recovery/case-directory.ts';
import { newPlanFile } from '../../engine/recovery/case-files.ts';
import { keepEvidence } from '../../engine/recovery/keep-evidence.ts';
import { makePlan } from '../../engine/recovery/plan/make-plan.ts';
import { PLAN_OVERRIDES } from '../../engine/recovery/plan/refusals.ts';

export default class RecoverPlan extends CaseCommand<RecoveryPlan> {
  static override summary = 'Decide a recovery and write it down for review; changes nothing';
  static override description = `Picks the source as recover pick does, works out every change to its files, and writes a plan with a digest: who edits it by hand has to make it again.
Entries in doubt are kept unless --in-doubt drop is given; what is known committed is never cut. Refusals name their rule (exit 4); certain-loss, other-source and quorum-present can be lifted, one at a time.`;
  static override examples = [
    '<%= config.bin %> recover plan n1',
    '<%= config.bin %> recover plan n1 n2.tgz case-8c6d8b45/evidence/n3.json --dead n4,n5',
    '<%= config.bin %> recover plan --from /etc/kubernetes/manifests/etcd.yaml --target-members 3',
  ];
  static override strict = false;
  static override args = { place: placeArg() };
  static override flags = {
    ...planFlags,
    output: Flags.string({ char: 'o', helpValue: '<file>', summary: 'Where to write the plan (default: in the case directory); - for stdout' }),
    ...caseFlags,
    ...placeFlags,
    ...connectionFlags,
    ...factFlags,
  };

  protected async execute(): Promise<Answer<RecoveryPlan>> {
    const { argv, flags } = await this.parse(RecoverPlan);
    const places = argv as string[];
    overridesOf(this.globals.override, PLAN_OVERRIDES);
    if (flags.output !== undefined && flags.output !== '-' && fs.existsSync(flags.output)) throw new UsageError(`${flags.output} exists already`, 'Name another with -o, or move the old one away: nothing is overwritten');
    if (flags.output === '-' && (this.globals.json || this.globals.format !== undefined)) throw new UsageError('-o - prints the plan itself, which is JSON already', 'Leave --json and --format out');
    const { opened, disks, facts, outcome } = await surveyAndPick(places, flags, { need: 'records', progress: this.progress, redact: this.globals.redact, tool: this.config.version });
    const words = factWords(flags);
    const caseDir = caseDirectory(flags.case, outcome.clusterId, flags.source ?? outcome.report.source ?? 'unknown');
    const directories = originals(opened);
    this.keepIn(caseDir, directories);
    refuseWithoutSource(outcome, [...places, ...(flags.from === undefined ? [] : ['--from', flags.from]), ...words]);
    if (flags.output === undefined || flags.case !== undefined) refuseInsideData(caseDir, directories);
    if (flags.output !== undefined && flags.output !== '-') refuseFileInsideData(flags.output, directories);
    const plan = await makePlan({ ...decisionsOf(flags), disks, report: outcome.report, facts, factWords: words, dead: [...(facts.dead ?? [])], overrides: this.globals.override, tool: this.config.version, connection: await planConnection(flags), progress: this.progress });
    if (flags.output === '-') return this.toStdout(plan);
    const moved = await addressFindings(plan, flags);
    if (flags.output === undefined) keepEvidence(caseDir, disks.map((disk) => disk.evidence));
    const file = flags.output ?? newPlanFile(caseDir);
    writeNewFile(file, planText(plan));
    // A screen says where the plan was written; for scripts the commands to type do.
    const named = this.isForPeople() ? namingWords(file, caseDir, flags.case) : [file];
    return {
      data: plan,
      findings: [...outcome.findings, ...moved],
      // The loss is part of the plan, and was accepted with it.
      findingsDecide: false,
      // A plan of a copy does not know where the data is, and rehearse and apply have to be told.
      next: (plan.dataDir === null ? ['show'] : ['rehearse', 'apply']).map((verb) => commandLine('raft-inspector', 'recover', verb, ...named)),
      *screen(style) {
        yield* planScreen(plan, style, new Date(), undoCommand(plan, named));
        yield* findingLines(moved, style);
        yield `  ${'Written'.padEnd(12)}${file}`;
      },
    };
  }

  private isForPeople(): boolean {
    return !this.globals.json && (this.globals.format === undefined || this.globals.format === 'table' || this.globals.format === 'md');
  }

  private toStdout(plan: RecoveryPlan): Answer<RecoveryPlan> {
    return { data: plan, findings: [], findingsDecide: false, next: [], screen: () => escapeJson(planText(plan)).trimEnd().split('\n') };
  }
}
