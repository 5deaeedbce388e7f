import fs from 'node:fs';
import path from 'node:path';
import { Args, Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { commandLine } from '../../cli/quote.ts';
import { drillScreen } from '../../cli/render/drill.ts';
import { reportFormat } from '../../cli/report-output.ts';
import { UsageError } from '../../engine/errors.ts';
import { HISTORY_DIRECTORY, readHistory } from '../../engine/drill/history.ts';
import type { DrillRecord } from '../../engine/model/drill-record.ts';

const FORMATS = ['table', 'md', 'html', 'json', 'junit', 'yaml'] as const;

export default class DrillReport extends BaseCommand<DrillRecord> {
  static override summary = 'Make the report of a drill again: for people, for a browser, for a pipeline';
  static override description = 'Reads the record that drill run left (record.json, its directory, or a file of the history) and prints it. The HTML page is one file without script or network, for screen and paper; past runs of the history make its trend.';
  static override examples = ['<%= config.bin %> drill report results --format html -o report.html', '<%= config.bin %> drill report drills/history/2026-03-14-7f21.json --format junit'];
  static override args = { record: Args.string({ required: true, description: 'A record, or the directory that drill run --out wrote' }) };
  static override flags = {
    format: Flags.string({ options: [...FORMATS], helpValue: FORMATS.join('|'), summary: 'How to print it' }),
    output: Flags.string({ char: 'o', helpValue: '<file>', summary: 'Write it there; never over another file' }),
    history: Flags.string({ helpValue: '<dir>', default: `./${HISTORY_DIRECTORY}`, summary: 'Past runs, for the trend' }),
  };

  protected async execute(): Promise<Answer<DrillRecord>> {
    const { args, flags } = await this.parse(DrillReport);
    const { readRecord } = await import('../../engine/drill/record-file.ts');
    const { pageOfDrill } = await import('../../engine/report/drill-page.ts');
    const { renderHtml } = await import('../../engine/report/html.ts');
    const { renderJunit } = await import('../../engine/report/junit.ts');
    const { renderMarkdown } = await import('../../engine/report/markdown.ts');
    const file = fs.statSync(args.record, { throwIfNoEntry: false })?.isDirectory() === true ? path.join(args.record, 'record.json') : args.record;
    const record = readRecord(file);
    const { records, findings } = readHistory(flags.history);
    const page = pageOfDrill(record, records);
    if (flags.output !== undefined && (flags.format === 'table' || flags.format === 'yaml')) throw new UsageError(`--format ${flags.format} is for the terminal, not for a file`, 'Leave --format out: the ending of the file decides (html, md, json, xml)');
    // A file has a format by its ending where none is asked for.
    const format = flags.output === undefined ? (flags.format ?? 'table') : reportFormat(flags.format, flags.output, ['md', 'html', 'json', 'junit']);
    const text = { html: () => renderHtml(page), junit: () => renderJunit(page), md: () => renderMarkdown(page), json: () => `${JSON.stringify(record, null, 1)}\n` }[format];
    if (flags.output !== undefined && text !== undefined) {
      (await import('../../engine/recovery/case-directory.ts')).writeNewFile(flags.output, text());
      return { data: record, findings, next: [commandLine('open', flags.output)], screen: (style) => [`${style.good('WRITTEN')}  ${flags.output}`], markdown: () => [`Written to ${flags.output}.`] };
    }
    const lines = (): string[] => text?.().trimEnd().split('\n') ?? [];
    return { data: record, findings, next: [], screen: (style) => (text === undefined ? drillScreen(record, records, style) : lines()), markdown: lines };
  }
}
