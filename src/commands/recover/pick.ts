import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { CaseCommand } from '../../cli/case-command.ts';
import { type FactFlagValues, factFlags, factWords } from '../../cli/fact-flags.ts';
import { placeArg } from '../../cli/flags.ts';
import { originals, placeFlags } from '../../cli/places.ts';
import { commandLine } from '../../cli/quote.ts';
import { showKey } from '../../cli/redact.ts';
import { pickScreen } from '../../cli/render/pick.ts';
import { surveyAndPick } from '../../cli/survey-pick.ts';
import { EXIT } from '../../engine/errors.ts';
import type { ExitCode } from '../../engine/errors.ts';
import type { LossVerdict, PickReport } from '../../engine/model/pick-report.ts';
import { caseDirectory } from '../../engine/recovery/case-directory.ts';
import type { PickOutcome } from '../../engine/recovery/pick.ts';

const WORSE: readonly LossVerdict[] = ['none', 'possible', 'unknown', 'certain'];

export default class RecoverPick extends CaseCommand<PickReport> {
  static override summary = 'Choose the disk to recover from, and say what would be lost';
  static override description = `Ranks members by their last entry, term first, as Raft elections do; length, current term and file times never decide.
Says what can be proven: with a majority of the voters' disks whole, that no committed write is missing.
Exit 0 whenever a source is named, 9 when none can be, 10 when the loss is worse than --max-loss.`;
  static override examples = [
    '<%= config.bin %> recover pick n1 n2 --explain',
    '<%= config.bin %> recover pick n1.tgz cp-2:/var/lib/etcd --json',
    '<%= config.bin %> recover pick n1 --seen-revision 520 --max-loss none',
  ];
  static override strict = false;
  static override args = { place: placeArg() };
  static override flags = {
    explain: Flags.boolean({ summary: 'Show how the logs compare, what is proven, and what would improve it' }),
    'max-loss': Flags.string({ options: ['none', 'possible', 'unknown'], helpValue: '<verdict>', summary: 'Exit 10 when the verdict is worse' }),
    ...placeFlags,
    ...factFlags,
  };

  protected async execute(): Promise<Answer<PickReport>> {
    const { argv, flags } = await this.parse(RecoverPick);
    const places = argv as string[];
    const { redact } = this.globals;
    const { opened, facts, outcome } = await surveyAndPick(places, flags, { need: 'report', progress: this.progress, redact, tool: this.config.version });
    // Only where a case of this cluster is kept already: looking begins none.
    this.keepIn(caseDirectory(undefined, outcome.clusterId, outcome.report.source ?? 'unknown'), originals(opened));
    const { report } = outcome;
    const named = [...places, ...(flags.from === undefined ? [] : ['--from', flags.from])];
    const again = ['raft-inspector', 'recover', 'pick', ...named, ...factWords(flags)];
    const exits: ExitCode[] = [];
    if (report.source === null) exits.push(EXIT['no-candidate']);
    else if (flags['max-loss'] !== undefined && WORSE.indexOf(report.loss.verdict) > WORSE.indexOf(flags['max-loss'] as LossVerdict)) exits.push(EXIT['objective-missed']);
    return {
      data: report,
      findings: outcome.findings,
      next: nextAfter(outcome, (facts) => [...named, ...factWords({ ...flags, ...facts })], flags.explain === true),
      exits,
      findingsDecide: false,
      screen: (style) => pickScreen({ outcome, facts, explain: flags.explain === true, showKey: (key) => showKey(key, redact), command: commandLine(...again) }, style),
    };
  }
}

/** `words` name the places and what the operator knows, with what is to be said otherwise. */
function nextAfter({ report, clusters, isMixed, findings, unread }: PickOutcome, words: (facts: FactFlagValues) => string[], explained: boolean): string[] {
  const pick = (facts: FactFlagValues, ...more: string[]): string => commandLine('raft-inspector', 'recover', 'pick', ...words(facts), ...more);
  const ids = clusters.flatMap((one) => one.clusterId ?? []);
  if (isMixed && ids.length > 0) return ids.map((id) => pick({ 'cluster-id': id }));
  const explain = explained ? [] : [pick({}, '--explain')];
  if (report.source === null) return explain;
  // What plan would refuse is not offered, but what it would take: the members that were not read.
  if (findings.some((one) => one.rule === 'dead-mismatch')) return [...explain, ...(unread.length > 0 ? [pick({ dead: unread.map((one) => one.name).join(',') })] : [])];
  return [...explain, commandLine('raft-inspector', 'recover', 'plan', ...words({}))];
}
