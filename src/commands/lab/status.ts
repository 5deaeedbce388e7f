import path from 'node:path';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { labAnswer, labCommand, labDirFlag } from '../../cli/lab-frame.ts';
import { EXIT } from '../../engine/errors.ts';
import { finding } from '../../engine/model/finding.ts';
import type { LabStatus } from '../../engine/lab/orders.ts';

export default class LabStatusCommand extends BaseCommand<LabStatus> {
  static override summary = 'How a practice cluster stands: members, links, and what is broken on purpose';
  static override description = 'Asks the supervisor, so that members cut off from everything show too. Exit 6 when nobody leads, 0 when the lab is down: that is a state, not a fault.';
  static override examples = ['<%= config.bin %> lab status', '<%= config.bin %> lab status --dir ./lab --json'];
  static override flags = { dir: labDirFlag };

  protected async execute(): Promise<Answer<LabStatus>> {
    const { flags } = await this.parse(LabStatusCommand);
    const dir = path.resolve(flags.dir);
    const [{ giveOrder }, { stoppedStatus }, { isLabRunning }] = await Promise.all([import('../../engine/lab/control.ts'), import('../../engine/lab/down.ts'), import('../../engine/lab/lab-file.ts')]);
    const status = isLabRunning(dir) ? await giveOrder(dir, { kind: 'status' }, this.globals.timeout ?? 10_000) : stoppedStatus(dir);
    const failed = status.members.filter((one) => one.state === 'failed');
    return {
      ...labAnswer({ ...status, dir: flags.dir }, nextOf(flags.dir, status)),
      findings: failed.map((one) => finding('member-failed', 'warn', `${one.id} ended by itself: ${one.ended?.error?.message ?? `exit ${one.ended?.code}`}`, { member: one.id, fix: one.ended?.error?.hint ?? '' })),
      exits: status.isRunning && status.leader === null ? [EXIT.unreachable] : [],
    };
  }
}

function nextOf(dir: string, status: LabStatus): string[] {
  if (!status.isRunning) return [labCommand(dir, 'up')];
  const gone = status.members.find((one) => one.state === 'killed' || one.state === 'failed' || one.state === 'stopped');
  const isFaulty = status.links.some((one) => one.fault !== null) || status.members.some((one) => one.faults.length > 0 || one.state === 'paused');
  return [...(gone === undefined ? [] : [labCommand(dir, 'start', gone.id)]), ...(isFaulty ? [labCommand(dir, 'heal')] : [])];
}
