import { Args } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { commandLine } from '../../cli/quote.ts';
import { inspectScreen } from '../../cli/render/snapshots.ts';
import { EXIT } from '../../engine/errors.ts';
import { verifyAll } from '../../engine/readers/snapshots/verify-all.ts';
import type { SnapshotsData } from './verify.ts';

export default class SnapshotInspect extends BaseCommand<SnapshotsData> {
  static override summary = 'Show what a snapshot holds: position, configuration, parts counted, sizes';
  static override description = 'Reads the file only, to its last byte. Exit 3 when it is damaged, 11 when it carries no checksum that could say so.';
  static override examples = ['<%= config.bin %> <%= command.id %> backup.snap', '<%= config.bin %> <%= command.id %> raft/snapshots/2-1212-1795167984921 --json'];
  static override strict = false;
  static override args = { snapshot: Args.string({ required: true, description: 'A snapshot file, a snapshot directory, or a data directory (several may be given)' }) };

  protected async execute(): Promise<Answer<SnapshotsData>> {
    const { argv } = await this.parse(SnapshotInspect);
    const nowMs = Date.now();
    const { reports, findings } = await verifyAll(argv as string[], { progress: this.progress });
    return {
      data: { snapshots: reports },
      findings,
      exits: reports.some((one) => one.verdict === 'unverifiable') ? [EXIT.unverifiable] : [],
      next: [commandLine('raft-inspector', 'snapshot', 'verify', ...(argv as string[]), '--trial-restore')],
      screen: (style) => inspectScreen(reports, nowMs, style),
    };
  }
}
