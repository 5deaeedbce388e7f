import path from 'node:path';
import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { labAnswer, labCommand, labDirFlag } from '../../cli/lab-frame.ts';
import { UsageError } from '../../engine/errors.ts';
import type { LabStatus } from '../../engine/lab/orders.ts';

export interface LabKillReport extends LabStatus {
  signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT';
  affected: string[];
}

export default class LabKill extends BaseCommand<LabKillReport> {
  static override summary = 'Kill members of a practice cluster (SIGKILL), or pause and continue them';
  static override description = 'A killed member keeps its disk and comes back with lab start; --stop pauses it without ending it, so that its sockets stay open.';
  static override examples = ['<%= config.bin %> lab kill n1', '<%= config.bin %> lab kill --all', '<%= config.bin %> lab kill n1 --stop', '<%= config.bin %> lab kill n1 --cont'];
  static override strict = false;
  static override usage = ['lab kill <id...> [--dir <dir>] [--stop|--cont]', 'lab kill --all'];
  static override flags = {
    dir: labDirFlag,
    all: Flags.boolean({ summary: 'Every member, at one moment' }),
    stop: Flags.boolean({ summary: 'Pause them (SIGSTOP) instead', exclusive: ['cont'] }),
    cont: Flags.boolean({ summary: 'Let paused ones go on (SIGCONT)', exclusive: ['stop'] }),
  };

  protected async execute(): Promise<Answer<LabKillReport>> {
    const { argv, flags } = await this.parse(LabKill);
    const dir = path.resolve(flags.dir);
    const { giveOrder } = await import('../../engine/lab/control.ts');
    const named = argv as string[];
    const isAll = Boolean(flags.all); // the framework leaves out what was not given
    if (isAll === named.length > 0) throw new UsageError(isAll ? '--all and named members say two things' : 'no member was named', 'Name members: lab kill n1 n2; or give --all');
    const ids = isAll ? (await giveOrder(dir, { kind: 'status' })).members.map((one) => one.id) : named;
    const signal = flags.stop ? 'SIGSTOP' : flags.cont ? 'SIGCONT' : 'SIGKILL';
    const status = await giveOrder(dir, { kind: 'kill', ids, signal }, this.globals.timeout ?? 30_000);
    const word = { SIGKILL: 'KILLED', SIGSTOP: 'PAUSED', SIGCONT: 'GOES ON' }[signal];
    const next = signal === 'SIGKILL' ? ids.slice(0, 2).map((id) => labCommand(flags.dir, 'start', id)) : [signal === 'SIGSTOP' ? labCommand(flags.dir, 'kill', ...ids, '--cont') : labCommand(flags.dir, 'status')];
    return labAnswer({ ...status, dir: flags.dir, signal, affected: ids }, next, `${word}  ${ids.join(', ')}`);
  }
}
