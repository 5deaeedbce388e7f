import path from 'node:path';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { labAnswer, labCommand, labDirFlag } from '../../cli/lab-frame.ts';
import type { LabStatus } from '../../engine/lab/orders.ts';

export interface LabHealReport extends LabStatus {
  changed: boolean;
}

export default class LabHeal extends BaseCommand<LabHealReport> {
  static override summary = 'End every fault of a practice cluster: links, pauses, disks, clocks';
  static override description = 'Killed members stay killed: lab start starts them.';
  static override examples = ['<%= config.bin %> lab heal'];
  static override flags = { dir: labDirFlag };

  protected async execute(): Promise<Answer<LabHealReport>> {
    const { flags } = await this.parse(LabHeal);
    const dir = path.resolve(flags.dir);
    const { giveOrder } = await import('../../engine/lab/control.ts');
    const before = await giveOrder(dir, { kind: 'status' });
    const changed = before.links.some((one) => one.fault !== null) || before.members.some((one) => one.faults.length > 0 || one.state === 'paused');
    const status = await giveOrder(dir, { kind: 'heal' }, this.globals.timeout ?? 10_000);
    return labAnswer({ ...status, dir: flags.dir, changed }, [labCommand(flags.dir, 'status')], changed ? 'HEALED' : 'NOTHING TO HEAL');
  }
}
