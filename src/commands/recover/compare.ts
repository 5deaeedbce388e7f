import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { placeArg, walDirFlag } from '../../cli/flags.ts';
import { commandLine } from '../../cli/quote.ts';
import { compareScreen } from '../../cli/render/compare.ts';
import { finding } from '../../engine/model/finding.ts';
import { UsageError } from '../../engine/errors.ts';
import { openPlaces } from '../../engine/places/open.ts';
import { comparePairs } from '../../engine/recovery/divergence.ts';
import { compareMembers } from '../../engine/recovery/invariants.ts';
import type { CompareReport } from '../../engine/recovery/invariants.ts';
import { surveyDisks } from '../../engine/recovery/open-survey.ts';

export default class RecoverCompare extends BaseCommand<CompareReport> {
  static override summary = 'Compare the logs of several members, and check what must hold across them';
  static override description = 'Says for each pair of members up to where their logs are equal, where they part and what only one of them holds, and which of the rules that hold in every cluster are broken. Exit 3 when one is.';
  static override examples = ['<%= config.bin %> recover compare n1 n2 n3', '<%= config.bin %> recover compare n1 n2 --hash-state --json'];
  static override strict = false;
  static override args = { place: placeArg({ required: true }) };
  static override flags = {
    'hash-state': Flags.boolean({ summary: 'Hash the state machines too (reads them whole)' }),
    'wal-dir': walDirFlag,
  };

  protected async execute(): Promise<Answer<CompareReport>> {
    const { argv, flags } = await this.parse(RecoverCompare);
    const places = argv as string[];
    if (places.length < 2) throw new UsageError('one member cannot be compared', 'Name two places or more');
    const opened = await openPlaces(places, { depth: flags['hash-state'] ? 'full' : 'log', progress: this.progress, ...(flags['wal-dir'] === undefined ? {} : { walDir: flags['wal-dir'] }) });
    const disks = await surveyDisks(opened, { tool: this.config.version });
    const readings = new Map(disks.map((disk) => [disk.evidence, disk.reading ?? undefined]));
    const evidences = disks.map((disk) => disk.evidence);
    const data = compareMembers(evidences, comparePairs(evidences, (evidence) => readings.get(evidence)));
    const broken = data.invariants.filter((one) => one.holds === false);
    return {
      data,
      findings: [
        ...evidences.flatMap((one) => one.findings),
        ...broken.map((one) => finding('invariant-broken', 'error', `${one.name}: ${one.where}`, { fix: 'Do not combine these members; recover pick says which one to trust' })),
      ],
      next: [commandLine('raft-inspector', 'recover', 'pick', ...places, '--explain')],
      screen: (style) => compareScreen(data, opened.map((one) => one.label), style),
    };
  }
}
