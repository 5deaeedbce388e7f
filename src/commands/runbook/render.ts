import { Flags } from '@oclif/core';
import { canBeAsked } from '../../cli/after-apply.ts';
import type { Answer } from '../../cli/answer.ts';
import { CaseCommand } from '../../cli/case-command.ts';
import { caseFlags, planArg } from '../../cli/case-flags.ts';
import { shortId } from '../../cli/consent.ts';
import { escapeControl } from '../../cli/escape.ts';
import { commandLine, quote } from '../../cli/quote.ts';
import type { RecoveryPlan } from '../../engine/model/plan.ts';
import { writeNewFile } from '../../engine/recovery/case-directory.ts';
import { renderRunbook } from '../../engine/runbook/render.ts';

export interface RunbookReport {
  planId: string;
  /** The runbook, Markdown. */
  text: string;
  /** The file that was written; null when it went to stdout. */
  path: string | null;
}

export default class RunbookRender extends CaseCommand<RunbookReport> {
  static override summary = 'Write a recovery plan as a runbook: steps, commands, gates, and the way back';
  static override description = `Markdown, to print or to keep in the ticket: when not to act, each step with its exact command, what it must answer and what to do when it does not,
gates with lines to record the answers on (write traffic stopped, the others fenced), and how to undo it.`;
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> plan.json -o runbook.md'];
  static override args = { plan: planArg };
  static override flags = {
    output: Flags.string({ char: 'o', helpValue: '<file>', summary: 'A new file; default is stdout' }),
    ...caseFlags,
  };

  protected async execute(): Promise<Answer<RunbookReport>> {
    const { args, flags } = await this.parse(RunbookRender);
    const { plan, words } = await this.openPlan(args.plan, flags.case);
    const text = renderRunbook(plan, { plan: words.map(quote).join(' '), confirm: quote(shortId(plan.cluster.clusterId ?? plan.planId)), connection: connectionWords(plan), quote });
    const lines = (): string[] => text.trimEnd().split('\n');
    const isFile = flags.output !== undefined && flags.output !== '-';
    if (flags.output !== undefined && isFile) writeNewFile(flags.output, text);
    return {
      data: { planId: plan.planId, text, path: isFile ? (flags.output ?? null) : null },
      findings: [],
      next: [commandLine('raft-inspector', 'recover', 'rehearse', ...words)],
      markdown: isFile ? () => [`Runbook written to ${escapeControl(flags.output ?? '')}`] : lines,
      screen: isFile ? (style) => [`${style.strong('WRITTEN')}  runbook of plan ${plan.planId.slice(0, 6)}  ${escapeControl(flags.output ?? '')}`] : lines,
    };
  }
}

/** The flags of live commands: what the plan carries, else a place to fill in; null where none speaks to such clusters. */
function connectionWords(plan: RecoveryPlan): string | null {
  const { connection } = plan;
  if (!canBeAsked(plan)) return null;
  if (connection === null || connection.endpoints.length === 0) return '--endpoint <host:port>';
  const flag = (name: string, value: string | null): string[] => (value === null ? [] : [name, value]);
  return commandLine(...connection.endpoints.flatMap((one) => ['--endpoint', one]), ...flag('--cacert', connection.cacert), ...flag('--cert', connection.cert), ...flag('--key', connection.key));
}
