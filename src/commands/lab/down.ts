import path from 'node:path';
import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { commandLine } from '../../cli/quote.ts';
import { labCommand, labDirFlag } from '../../cli/lab-frame.ts';

export interface LabDownReport {
  dir: string;
  clusterId: string;
  /** False: it was down already. */
  changed: boolean;
  purged: boolean;
  /** Data directories that stay. */
  data: string[];
}

export default class LabDown extends BaseCommand<LabDownReport> {
  static override summary = 'End a practice cluster; its data stay unless --purge is given';
  static override description = 'Its processes are ended and waited for; the supervisor ends with them.';
  static override examples = ['<%= config.bin %> lab down', '<%= config.bin %> lab down --dir ./lab --purge'];
  static override flags = {
    dir: labDirFlag,
    purge: Flags.boolean({ summary: 'Remove the directory, data and all' }),
  };

  protected async execute(): Promise<Answer<LabDownReport>> {
    const { flags } = await this.parse(LabDown);
    const { labDown } = await import('../../engine/lab/down.ts');
    const { before, wasRunning, isPurged } = await labDown(path.resolve(flags.dir), flags.purge ? 'purge' : 'keep');
    const data = isPurged ? [] : before.members.map((one) => path.join(flags.dir, one.id));
    const inspect = commandLine('raft-inspector', 'inspect', 'timeline', ...data);
    return {
      data: { dir: flags.dir, clusterId: before.clusterId, changed: wasRunning || isPurged, purged: isPurged, data },
      findings: [],
      next: isPurged ? [] : [inspect, labCommand(flags.dir, 'up')],
      *screen(style) {
        yield `${style.strong('DOWN')}  cluster ${before.clusterId}  ${isPurged ? `${flags.dir} is removed` : `data stay in ${flags.dir}`}`;
      },
    };
  }
}
