import { Args, Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { commandLine } from '../../cli/quote.ts';
import { columns } from '../../cli/render/table.ts';

interface DrillInitReport {
  /** The drill file; null when the catalogue was shown. */
  text: string | null;
  /** Where it was written; null for stdout. */
  file: string | null;
  scenarios: { name: string; topic: string; title: string; nodes: number; seconds: number; limits: Record<string, number> }[];
}

export default class DrillInit extends BaseCommand<DrillInitReport> {
  static override summary = 'Write a drill file to begin with, or list the drills there are';
  static override description = 'With a scenario: its drill file, every field explained, on stdout or to -o. Without: the catalogue, one line a drill, with the time it takes.';
  static override examples = ['<%= config.bin %> drill init', '<%= config.bin %> drill init quorum-loss-3 -o drills/quorum-loss.yaml'];
  static override args = { scenario: Args.string({ description: 'Name of a scenario or fault' }) };
  static override flags = { output: Flags.string({ char: 'o', helpValue: '<file>', summary: 'Write the drill file there; never over another' }) };

  protected async execute(): Promise<Answer<DrillInitReport>> {
    const { args, flags } = await this.parse(DrillInit);
    const { catalogue } = await import('../../engine/drill/scenarios/index.ts');
    const { drillTemplate } = await import('../../engine/drill/template.ts');
    const scenarios = catalogue().map(({ name, topic, title, nodes, seconds, limits }) => ({ name, topic, title, nodes, seconds, limits: { ...limits } as Record<string, number> }));
    if (args.scenario === undefined) {
      return {
        data: { text: null, file: null, scenarios },
        findings: [],
        next: [commandLine('raft-inspector', 'drill', 'run', 'quorum-loss-3', '--out', 'results'), commandLine('raft-inspector', 'drill', 'init', 'quorum-loss-3', '-o', 'drills/quorum-loss.yaml')],
        screen: (style) =>
          columns(scenarios, [
            { header: 'DRILL', cell: (one) => one.name, paint: style.strong },
            { header: 'TOPIC', cell: (one) => one.topic, drop: 1 },
            { header: 'MEMBERS', cell: (one) => one.nodes },
            { header: 'ABOUT', align: 'right', cell: (one) => `${one.seconds} s` },
            { header: 'WHAT HAPPENS', cell: (one) => one.title, drop: 2 },
          ], style.terminal ? { width: style.width } : {}),
      };
    }
    const text = drillTemplate(args.scenario);
    if (flags.output !== undefined) (await import('../../engine/recovery/case-directory.ts')).writeNewFile(flags.output, text);
    return {
      data: { text, file: flags.output ?? null, scenarios },
      findings: [],
      next: [commandLine('raft-inspector', 'drill', 'run', flags.output ?? args.scenario, '--out', 'results')],
      screen: (style) => (flags.output === undefined ? text.trimEnd().split('\n') : [`${style.good('WRITTEN')}  ${flags.output}`]),
    };
  }
}
