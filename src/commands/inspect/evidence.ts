import { Args } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { commandLine } from '../../cli/quote.ts';
import { findingLines } from '../../cli/render/findings.ts';
import { memberLines } from '../../cli/render/members.ts';
import { UsageError } from '../../engine/errors.ts';
import type { Evidence } from '../../engine/model/evidence.ts';
import { openPlaces } from '../../engine/places/open.ts';
import { placeFindings } from '../../cli/places.ts';

export default class InspectEvidence extends BaseCommand<{ evidence: Evidence[] }> {
  static override summary = 'What evidence files say, and whether they are whole';
  static override description = 'Evidence files are what recover collect writes: enough to choose a source elsewhere. Nothing but the files themselves is read.';
  static override examples = ['<%= config.bin %> inspect evidence n1.evidence.json n2.evidence.json'];
  static override strict = false;
  static override args = { file: Args.string({ required: true, description: 'An evidence file, as recover collect writes it' }) };

  protected async execute(): Promise<Answer<{ evidence: Evidence[] }>> {
    const { argv } = await this.parse(InspectEvidence);
    const opened = await openPlaces(argv as string[], { depth: 'log' });
    const other = opened.find((one) => one.kind === 'reading');
    if (other) throw new UsageError(`${other.path} is no evidence file`, commandLine('raft-inspector', 'inspect', 'member', other.path));
    const evidence = opened.flatMap((one) => (one.kind === 'evidence' ? [one.evidence] : []));
    const findings = placeFindings(opened);
    return {
      data: { evidence },
      findings,
      next: evidence.length === 0 ? [] : [commandLine('raft-inspector', 'recover', 'pick', ...(argv as string[]), '--explain')],
      exits: opened.flatMap((one) => (one.kind === 'unreadable' ? [one.error.exitCode] : [])),
      *screen(style) {
        if (evidence.length === 0) yield `${style.bad('UNREADABLE')}  no evidence file could be read`;
        if (evidence.length === 0) yield* findingLines(findings, style);
        else yield* memberLines(evidence.map((one) => one.report), findings, style, () => null);
        for (const one of evidence) yield style.dim(`  ${one.report.label}  collected ${one.collectedAt} by raft-inspector ${one.tool}, digest ${one.digest.slice(0, 16)}`);
      },
    };
  }
}
