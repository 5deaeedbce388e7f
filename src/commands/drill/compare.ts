import fs from 'node:fs';
import path from 'node:path';
import { Args, Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { drillComparisonScreen } from '../../cli/render/drill-history.ts';
import { compareDrills, type DrillComparison } from '../../engine/drill/compare.ts';
import { HISTORY_DIRECTORY } from '../../engine/drill/history.ts';
import { finding } from '../../engine/model/finding.ts';

export default class DrillCompare extends BaseCommand<DrillComparison> {
  static override summary = 'Two runs side by side: measures, phases and checks';
  static override description = 'Each is a record, a directory that drill run --out wrote, or the id of a run in the history. What became more than half worse is a warning; runs of different drills are shown, and nothing is concluded.';
  static override examples = ['<%= config.bin %> drill compare 2025-12-16-a3f0 2026-03-14-7f21', '<%= config.bin %> drill compare results-old results-new --json'];
  static override args = { a: Args.string({ required: true, description: 'The earlier run' }), b: Args.string({ required: true, description: 'The later run' }) };
  static override flags = { history: Flags.string({ helpValue: '<dir>', default: `./${HISTORY_DIRECTORY}`, summary: 'Where runs named by their id lie' }) };

  protected async execute(): Promise<Answer<DrillComparison>> {
    const { args, flags } = await this.parse(DrillCompare);
    const { readRecord } = await import('../../engine/drill/record-file.ts');
    const [a, b] = [args.a, args.b].map((word) => readRecord(fileOf(word, flags.history)));
    if (a === undefined || b === undefined) throw new Error('two records were named');
    const compared = compareDrills(a, b);
    const worse = [...compared.measures, ...compared.phases].filter((one) => one.isWorse);
    return {
      data: compared,
      findings: worse.map((one) => finding('drill-worse', 'warn', `${one.measure}: ${one.a} -> ${one.b}`)),
      next: [],
      screen: (style) => drillComparisonScreen(compared, style),
    };
  }
}

function fileOf(word: string, history: string): string {
  if (/^\d{4}-\d{2}-\d{2}-[0-9a-f]+$/.test(word)) return path.join(history, `${word}.json`);
  return fs.statSync(word, { throwIfNoEntry: false })?.isDirectory() === true ? path.join(word, 'record.json') : word;
}
