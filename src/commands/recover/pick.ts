import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { factFlags, factsFrom, factWords } from '../../cli/fact-flags.ts';
import { placeArg, walDirFlag } from '../../cli/flags.ts';
import { commandLine } from '../../cli/quote.ts';
import { jsonKey, showKey } from '../../cli/redact.ts';
import { pickScreen } from '../../cli/render/pick.ts';
import { EXIT } from '../../engine/errors.ts';
import type { ExitCode } from '../../engine/errors.ts';
import type { LossVerdict, PickReport } from '../../engine/model/pick-report.ts';
import { openPlaces } from '../../engine/places/open.ts';
import { comparePairs } from '../../engine/recovery/divergence.ts';
import { surveyDisks } from '../../engine/recovery/open-survey.ts';
import { examine } from '../../engine/recovery/pick.ts';

const WORSE: readonly LossVerdict[] = ['none', 'possible', 'unknown', 'certain'];

export default class RecoverPick extends BaseCommand<PickReport> {
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
  static override args = { place: placeArg({ required: true }) };
  static override flags = {
    explain: Flags.boolean({ summary: 'Show how the logs compare, what is proven, and what would improve it' }),
    'max-loss': Flags.string({ options: ['none', 'possible', 'unknown'], helpValue: '<verdict>', summary: 'Exit 10 when the verdict is worse' }),
    'wal-dir': walDirFlag,
    ...factFlags,
  };

  protected async execute(): Promise<Answer<PickReport>> {
    const { argv, flags } = await this.parse(RecoverPick);
    const places = argv as string[];
    const { redact } = this.globals;
    const opened = await openPlaces(places, { depth: 'log', progress: this.progress, need: 'report', ...(flags['wal-dir'] === undefined ? {} : { walDir: flags['wal-dir'] }) });
    const facts = factsFrom(flags, opened.map((one) => one.label));
    const disks = await surveyDisks(opened, { tool: this.config.version });
    const readings = new Map(disks.map((disk) => [disk.evidence, disk.reading ?? undefined]));
    const evidences = disks.map((disk) => disk.evidence);
    const pairs = comparePairs(evidences, (evidence) => readings.get(evidence));
    const outcome = examine(evidences, facts, { pairs, showKey: (key) => jsonKey(key, redact) ?? '' });
    const { report } = outcome;
    const again = ['raft-inspector', 'recover', 'pick', ...places, ...factWords(flags)];
    const exits: ExitCode[] = [];
    if (report.source === null) exits.push(EXIT['no-candidate']);
    else if (flags['max-loss'] !== undefined && WORSE.indexOf(report.loss.verdict) > WORSE.indexOf(flags['max-loss'] as LossVerdict)) exits.push(EXIT['objective-missed']);
    return {
      data: report,
      findings: outcome.findings,
      next: nextAfter(report, places, factWords(flags), again, flags.explain === true),
      exits,
      findingsDecide: false,
      screen: (style) => pickScreen({ outcome, facts, explain: flags.explain === true, showKey: (key) => showKey(key, redact), command: commandLine(...again) }, style),
    };
  }
}

function nextAfter(report: PickReport, places: readonly string[], words: readonly string[], again: readonly string[], explained: boolean): string[] {
  if (report.source === null) return explained ? [] : [commandLine(...again, '--explain')];
  const plan = commandLine('raft-inspector', 'recover', 'plan', ...places, ...words);
  return explained ? [plan] : [commandLine(...again, '--explain'), plan];
}
