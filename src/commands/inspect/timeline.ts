import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { placeArg } from '../../cli/flags.ts';
import { openNamed, placeFindings, placeFlags } from '../../cli/places.ts';
import { commandLine } from '../../cli/quote.ts';
import { contextOf } from '../../cli/render/head.ts';
import { findingLines } from '../../cli/render/findings.ts';
import { timelineLines } from '../../cli/render/timeline.ts';
import { unreadableFinding } from '../../engine/places/unreadable.ts';
import { type Timeline, type TimelineSource, timelineOf } from '../../engine/inspect/timeline.ts';

export default class InspectTimeline extends BaseCommand<Timeline> {
  static override summary = 'The logs beside each other: terms, snapshots, membership changes, splits, damage';
  static override description = 'One row a member, all over the same range of indexes, so that a split stands where it happened.';
  static override examples = ['<%= config.bin %> inspect timeline n1 n2 n3'];
  static override strict = false;
  static override args = { place: placeArg() };
  static override flags = placeFlags;

  protected async execute(): Promise<Answer<Timeline>> {
    const { argv, flags } = await this.parse(InspectTimeline);
    const places = argv as string[];
    const opened = await openNamed(places, flags, { depth: 'log', progress: this.progress });
    const sources = opened.flatMap((one): TimelineSource[] => {
      if (one.kind === 'unreadable') return [];
      if (one.kind === 'reading') return [{ label: one.label, report: one.reading.report, configurations: one.reading.configurations, reading: one.reading }];
      return [{ label: one.label, report: one.evidence.report, configurations: one.evidence.configurations, runs: one.evidence.log.runs }];
    });
    const data = timelineOf(sources);
    return {
      data,
      findings: placeFindings(opened),
      next: [places.length > 1 ? commandLine('raft-inspector', 'recover', 'pick', ...places, '--explain') : commandLine('raft-inspector', 'inspect', 'member', ...places)],
      exits: opened.flatMap((one) => (one.kind === 'unreadable' ? [one.error.exitCode] : [])),
      *screen(style) {
        yield* timelineLines(data, contextOf(sources.map((one) => one.report)), style);
        yield* findingLines(opened.flatMap((one) => (one.kind === 'unreadable' ? [unreadableFinding(one.label, one.error)] : [])), style);
      },
    };
  }
}
