import crypto from 'node:crypto';
import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { CaseCommand } from '../../cli/case-command.ts';
import { caseFlags, planArg } from '../../cli/case-flags.ts';
import { escapeControl, escapeJson } from '../../cli/escape.ts';
import { showSize } from '../../cli/measure.ts';
import { commandLine } from '../../cli/quote.ts';
import { reportFormat, type ReportFormat } from '../../cli/report-output.ts';
import { UsageError } from '../../engine/errors.ts';
import type { ReportPage } from '../../engine/model/report-page.ts';
import { writeNewFile } from '../../engine/recovery/case-directory.ts';
import { readPlanText } from '../../engine/recovery/case-files.ts';
import { readCase } from '../../engine/recovery/report/case-record.ts';
import { pageOfRecovery } from '../../engine/recovery/report/page.ts';
import { VERIFICATION_FILE } from '../../engine/rehearsal/case-result.ts';
import { renderHtml } from '../../engine/report/html.ts';
import { renderMarkdown } from '../../engine/report/markdown.ts';

export interface RecoverReport {
  page: ReportPage;
  /** The file that was written; null when the report went to stdout. */
  output: { path: string; format: ReportFormat; bytes: number; sha256: string } | null;
}

const FORMATS: readonly ReportFormat[] = ['md', 'html', 'json'];

export default class RecoverReportCommand extends CaseCommand<RecoverReport> {
  static override summary = 'Tell what was done: a report of the recovery from its case directory';
  static override description = `Says what broke, what was done, what is proven and what is not, with every command, check and digest that the case holds.
HTML is one file without scripts that fetches nothing, for screen and paper. A case that is not finished can be reported too: the verdict says so.`;
  static override examples = ['<%= config.bin %> recover report', '<%= config.bin %> recover report -o report.html', '<%= config.bin %> recover report 5c2e91 --format md'];
  static override args = { plan: planArg };
  static override flags = {
    format: Flags.string({ helpGroup: 'GLOBAL', options: [...FORMATS], helpValue: FORMATS.join('|'), summary: "How to write it (default: what the file's ending says, else md)" }),
    output: Flags.string({ char: 'o', helpValue: '<file>', summary: 'A new file; default is stdout' }),
    ...caseFlags,
  };

  protected async execute(): Promise<Answer<RecoverReport>> {
    const { args, flags } = await this.parse(RecoverReportCommand);
    const format = this.globals.json && flags.output === undefined ? 'json' : reportFormat(flags.format, flags.output, FORMATS);
    const { plan, file, caseDir, words } = await this.openPlan(args.plan, flags.case);
    const page = pageOfRecovery(await readCase(caseDir, file, plan, readPlanText(file), VERIFICATION_FILE), this.config.version);
    const text = format === 'json' ? `${escapeJson(JSON.stringify(page, null, 2))}\n` : format === 'html' ? renderHtml(page) : renderMarkdown(page);
    const lines = (): string[] => text.trimEnd().split('\n');
    if (flags.output === undefined || flags.output === '-') {
      if (this.globals.json && flags.output === '-') throw new UsageError('--json and -o - both want stdout', 'Leave one of them out');
      return { data: { page, output: null }, findings: [], next: page.verdict === 'RECOVERED' ? [] : [nextFor(page, words)], screen: lines, markdown: lines };
    }
    writeNewFile(flags.output, text);
    const output = { path: flags.output, format, bytes: Buffer.byteLength(text), sha256: crypto.createHash('sha256').update(text).digest('hex') };
    return {
      data: { page, output },
      findings: [],
      next: page.verdict === 'RECOVERED' ? [] : [nextFor(page, words)],
      markdown: () => [`${page.verdict}: report written to ${escapeControl(output.path)}`],
      screen: (style) => [
        `${style.strong((page.verdict === 'RECOVERED' ? style.good : style.bad)(page.verdict))}  ${escapeControl(page.title)}  report in ${escapeControl(output.path)}  ${showSize(output.bytes)}`,
        ...(page.failure === null ? [] : [`  ${escapeControl(page.failure.text)}`]),
        `  ${style.dim(`sha256 ${output.sha256}`)}`,
      ],
    };
  }
}

/** What stands between this case and a good report. */
function nextFor(page: ReportPage, words: readonly string[]): string {
  const verb = page.failure?.text.startsWith('The plan has not been applied') === true || page.failure?.text.startsWith('The plan was begun') === true ? 'status' : 'verify';
  return commandLine('raft-inspector', 'recover', verb, ...words);
}
