import path from 'node:path';
import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { durationFlag, REPEATABLE, sizeFlag } from '../../cli/flags.ts';
import { labAnswer, labCommand, labDirFlag } from '../../cli/lab-frame.ts';
import { UsageError } from '../../engine/errors.ts';
import type { LabStatus } from '../../engine/lab/orders.ts';

export interface LabPartitionReport extends LabStatus {
  fault: string;
  affected: { from: string; to: string }[];
}

export default class LabPartition extends BaseCommand<LabPartitionReport> {
  static override summary = 'Break or slow the links between members of a practice cluster';
  static override description = 'Every directed link has a proxy of its own. A cut resets connections; a stall keeps them and lets nothing through. With --delay, --jitter or --throttle and no --mode, links are slowed and not broken. Several partitions add up; lab heal ends them all. Clients reach members directly, whatever the links do.';
  static override examples = [
    '<%= config.bin %> lab partition --isolate n1',
    '<%= config.bin %> lab partition --groups n1,n2/n3,n4,n5 --mode stall',
    '<%= config.bin %> lab partition --one-way n1:n2',
    '<%= config.bin %> lab partition --bridge n3',
    '<%= config.bin %> lab partition --delay 50ms --jitter 20ms',
  ];
  static override flags = {
    dir: labDirFlag,
    isolate: Flags.string({ ...REPEATABLE, delimiter: ',', helpValue: '<id>', summary: 'Cut this member off from all others' }),
    groups: Flags.string({ helpValue: '<a,b/c>', summary: 'Members speak within their group only' }),
    bridge: Flags.string({ helpValue: '<id>', summary: 'Split the others into halves (or --groups) that only this member connects' }),
    'one-way': Flags.string({ ...REPEATABLE, helpValue: '<a:b>', summary: 'What a says does not reach b' }),
    mode: Flags.option({ options: ['cut', 'stall'] as const })({ summary: 'How links break (default cut)' }),
    delay: durationFlag({ summary: 'Bytes take this much longer, each way' }),
    jitter: durationFlag({ summary: 'Up to this much is added at random' }),
    throttle: sizeFlag({ helpValue: '<size>', summary: 'Bytes a second each way' }),
  };

  protected async execute(): Promise<Answer<LabPartitionReport>> {
    const { flags } = await this.parse(LabPartition);
    const dir = path.resolve(flags.dir);
    const [{ giveOrder }, { linksOf, parseGroups, parseOneWay }, { showFault }] = await Promise.all([
      import('../../engine/lab/control.ts'),
      import('../../engine/lab/partition.ts'),
      import('../../engine/lab/link-fault.ts'),
    ]);
    const isSlow = flags.delay !== undefined || flags.jitter !== undefined || flags.throttle !== undefined;
    const choice = {
      ...(flags.isolate === undefined ? {} : { isolate: flags.isolate }),
      ...(flags.groups === undefined ? {} : { groups: parseGroups(flags.groups) }),
      ...(flags.bridge === undefined ? {} : { bridge: flags.bridge }),
      ...(flags['one-way'] === undefined ? {} : { oneWay: flags['one-way'].map(parseOneWay) }),
    };
    if (Object.keys(choice).length === 0 && !isSlow) throw new UsageError('nothing says which links', 'Give --isolate, --groups, --bridge or --one-way; --delay alone slows every link');
    const members = (await giveOrder(dir, { kind: 'status' })).members.map((one) => one.id);
    const links = linksOf(choice, members);
    const fault = { mode: flags.mode ?? (isSlow ? null : 'cut'), stalls: 'both' as const, delayMs: flags.delay ?? 0, jitterMs: flags.jitter ?? 0, bytesPerSecond: flags.throttle ?? null };
    const status = await giveOrder(dir, { kind: 'links', links, fault }, this.globals.timeout ?? 10_000);
    return labAnswer({ ...status, dir: flags.dir, fault: showFault(fault), affected: links }, [labCommand(flags.dir, 'status'), labCommand(flags.dir, 'heal')], `IN FORCE  ${showFault(fault)} on ${links.length} of ${members.length * (members.length - 1)} links`);
  }
}
