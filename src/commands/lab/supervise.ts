import path from 'node:path';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { durationFlag } from '../../cli/flags.ts';
import { LAB_LIFETIME_MS, labDirFlag, programOf } from '../../cli/lab-frame.ts';

export default class LabSupervise extends BaseCommand<Record<string, never>> {
  static override hidden = true;
  static override summary = 'The process behind a practice cluster: lab up starts it';
  static override examples = ['<%= config.bin %> lab supervise --dir ./lab'];
  static override flags = {
    dir: labDirFlag,
    lifetime: durationFlag({ summary: 'When the lab ends by itself (default 12h)' }),
  };

  protected async execute(): Promise<Answer<Record<string, never>>> {
    const { flags } = await this.parse(LabSupervise);
    const { LabSupervisor } = await import('../../engine/lab/supervisor.ts');
    let ended: () => void = () => undefined;
    const end = new Promise<void>((resolve) => (ended = resolve));
    const supervisor = await LabSupervisor.start({ dir: path.resolve(flags.dir), program: programOf(this.config.root), lifetimeMs: flags.lifetime ?? LAB_LIFETIME_MS }, ended);
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void supervisor.end());
    await end;
    process.exit(0);
  }

  protected override answerInterrupts(): () => void {
    return () => undefined;
  }
}
