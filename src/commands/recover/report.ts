import crypto from 'node:crypto';
import { Flags } from '@oclif/core';
import { pickAgain, undoCommand, verifyCommand } from '../../cli/after-apply.ts';
import type { Answer } from '../../cli/answer.ts';
import { CaseCommand } from '../../cli/case-command.ts';
import { caseFlags, planArg } from '../../cli/case-flags.ts';
import { escapeControl, escapeJson } from '../../cli/escape.ts';
import { showSize } from '../../cli/measure.ts';
import { commandLine } from '../../cli/quote.ts';
import { reportFormat, type ReportFormat } from '../../cli/report-output.ts';
import { UsageError } from '../../engine/errors.ts';
import type { ReportPage } from '../../engine/model/report-page.ts';
import { lastDirectory } from '../../engine/recovery/apply/status.ts';
import { writeNewFile } from '../../engine/recovery/case-directory.ts';
import { readPlanText } from '../../engine/recovery/case-files.ts';
import { type CaseRecord, readCase } from '../../engine/recovery/report/case-record.ts';
import { isTakenBack, momentsOf } from '../../engine/recovery/report/moments.ts';
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
    const record = await readCase(caseDir, file, plan, readPlanText(file), VERIFICATION_FILE);
    const page = pageOfRecovery(record, this.config.version, undoCommand(plan, words));
    const next = nextFor(page, record, words);
    const text = format === 'json' ? `${escapeJson(JSON.stringify(page, null, 2))}\n` : format === 'html' ? renderHtml(page) : renderMarkdown(page);
    const lines = (): string[] => text.trimEnd().split('\n');
    if (flags.output === undefined || flags.output === '-') {
      if (this.globals.json && flags.output === '-') throw new UsageError('--json and -o - both want stdout', 'Leave one of them out');
      return { data: { page, output: null }, findings: [], next, screen: lines, markdown: lines };
    }
    writeNewFile(flags.output, text);
    const output = { path: flags.output, format, bytes: Buffer.byteLength(text), sha256: crypto.createHash('sha256').update(text).digest('hex') };
    return {
      data: { page, output },
      findings: [],
      next,
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
function nextFor(page: ReportPage, record: CaseRecord, words: readonly string[]): string[] {
  const { plan, caseDir } = record;
  if (page.verdict === 'RECOVERED') return [];
  const moments = momentsOf(record);
  // The running result is no more: what is left to do is to choose anew.
  if (isTakenBack(moments)) return pickAgain(lastDirectory(plan, caseDir) ?? plan.dataDir);
  const verify = verifyCommand(plan, words);
  if (moments.appliedMs === null) return [commandLine('raft-inspector', 'recover', 'status', ...words)];
  return verify === null ? [] : [verify];
}
