import path from 'node:path';
import { Args } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { labAnswer, labCommand, labDirFlag } from '../../cli/lab-frame.ts';
import { commandLine } from '../../cli/quote.ts';
import type { LabStatus } from '../../engine/lab/orders.ts';

export interface LabStartReport extends LabStatus {
  started: string;
  /** It was made now, and is no part of the cluster before `member add`. */
  isNew: boolean;
  /** It is what a recovery made, taken into the lab now; `started` is then its new id. */
  isRecovered: boolean;
  changed: boolean;
}

export default class LabStart extends BaseCommand<LabStartReport> {
  static override summary = 'Start a killed member of a practice cluster again, or a new one';
  static override description = 'A new id gets certificates, a configuration with join: true and links; it waits until it is added with member add. A recovered member (recover apply --into <lab>/n1-g2, or in place) is taken in under its new id and runs alone; older members can be started to see them refused. Faults that were set for the earlier process of the member are gone.';
  static override examples = ['<%= config.bin %> lab start n2', '<%= config.bin %> lab start n4 --dir ./lab'];
  static override args = { id: Args.string({ required: true, description: 'Member id; one that is not known means a recovered member in the lab, else a new one' }) };
  static override flags = { dir: labDirFlag };

  protected async execute(): Promise<Answer<LabStartReport>> {
    const { args, flags } = await this.parse(LabStart);
    const dir = path.resolve(flags.dir);
    const { giveOrder } = await import('../../engine/lab/control.ts');
    const before = await giveOrder(dir, { kind: 'status' });
    const known = before.members.find((one) => one.id === args.id);
    const changed = known?.pid === null || known === undefined || known.state === 'paused';
    const status = changed ? await giveOrder(dir, { kind: 'start', id: args.id }, this.globals.timeout ?? 60_000) : before;
    const member = status.members.find((one) => one.id === args.id) ?? status.members.find((one) => one.dataDir === known?.dataDir);
    const id = member?.id ?? args.id;
    const isRecovered = member?.origin === 'recovered' && !before.members.some((one) => one.id === id);
    const isNew = known === undefined && !isRecovered;
    const add = commandLine('raft-inspector', 'member', 'add', id, member?.address ?? '', '--lab', flags.dir, '--execute');
    const headline = !changed ? `ALREADY RUNS  ${id}` : isRecovered ? `RECOVERED AND STARTED  ${id}: a cluster of one, generation ${status.generation}` : isNew ? `MADE AND STARTED  ${id}: no part of the cluster before member add` : `STARTED  ${id}`;
    return labAnswer({ ...status, dir: flags.dir, started: id, isNew, isRecovered, changed }, isNew ? [add] : [labCommand(flags.dir, 'status')], headline);
  }
}
