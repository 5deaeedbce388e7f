import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { placeArg } from '../../cli/flags.ts';
import { openNamed, placeFindings, placeFlags } from '../../cli/places.ts';
import { commandLine } from '../../cli/quote.ts';
import { fsckLines } from '../../cli/render/fsck.ts';
import { contextOf } from '../../cli/render/head.ts';
import { fsck, type FsckReport } from '../../engine/inspect/fsck.ts';
import type { EntryDecoder, MemberReading } from '../../engine/model/reading.ts';
import { decoderFor } from '../../engine/readers/decoders.ts';

export default class InspectFsck extends BaseCommand<FsckReport> {
  static override summary = 'Check logs, hard states and snapshots, each alone and against each other';
  static override description = 'Each finding names its rule, file and byte. Exit 3 when one is an error; --fail-on warn makes warnings count as well.';
  static override examples = ['<%= config.bin %> inspect fsck n1 n2 n3 --deep', '<%= config.bin %> inspect fsck n1 --fail-on warn'];
  static override strict = false;
  static override args = { place: placeArg() };
  static override flags = {
    ...placeFlags,
    deep: Flags.boolean({ summary: 'Also read the state machine files whole' }),
    'fail-on': Flags.option({ options: ['warn', 'error'] as const, default: 'error' as const })({ summary: 'Which findings make exit 3' }),
    decode: Flags.string({ helpValue: '<name or command>', summary: 'How to decode entries; default: by the store' }),
  };

  protected async execute(): Promise<Answer<FsckReport>> {
    const { argv, flags } = await this.parse(InspectFsck);
    const places = argv as string[];
    const opened = await openNamed(places, flags, { depth: flags.deep ? 'full' : 'log', progress: this.progress });
    const readings = opened.flatMap((one) => (one.kind === 'reading' ? [one.reading] : []));
    const decoders = new Map<MemberReading, EntryDecoder>();
    for (const reading of readings) decoders.set(reading, await decoderFor(reading.report, flags.decode));
    const { report, findings } = fsck(readings, { decoderOf: (reading) => decoders.get(reading) ?? null });
    const all = [...findings, ...placeFindings(opened.filter((one) => one.kind !== 'reading'))];
    return {
      data: report,
      findings: all,
      next: [commandLine('raft-inspector', 'inspect', 'member', ...places)],
      exits: [...opened.flatMap((one) => (one.kind === 'unreadable' ? [one.error.exitCode] : [])), ...(flags['fail-on'] === 'warn' && all.some((one) => one.severity === 'warn') ? [3 as const] : [])],
      screen: (style) => fsckLines(report, all, contextOf(readings.map((one) => one.report)), style),
    };
  }
}
