import path from 'node:path';
import { Args, Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { ChangeCommand } from '../../cli/change-command.ts';
import { overridesOf } from '../../cli/live-command.ts';
import { commandLine } from '../../cli/quote.ts';
import { restoreLines } from '../../cli/render/restore.ts';
import { type RestoreReport, restoreSnapshot, UNVERIFIED } from '../../engine/recovery/restore/restore.ts';

export default class SnapshotRestore extends ChangeCommand<RestoreReport> {
  static override summary = 'Make the data directory of a new cluster of one of a snapshot file';
  static override description = `For snapshots of our own engine, files of etcdctl snapshot save, and archives of consul snapshot save. The file is verified first and only read;
the directory is built beside its place, read back, and renamed: it is whole or not there. It becomes a cluster of its own, with new ids.
What was written after the snapshot is not in it: where a member's own directory survived, recover plan keeps more.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> backup.db --into /var/lib/etcd-new --name n1 --address https://10.0.0.11:2380 --execute',
    '<%= config.bin %> <%= command.id %> backup.snap --into ./n1-g2 --execute',
    '<%= config.bin %> <%= command.id %> consul.snap --into /opt/consul --id 6f2b4f1e-... --address 10.0.0.11:8300',
  ];
  static override args = { snapshot: Args.string({ required: true, description: 'The snapshot file' }) };
  static override flags = {
    into: Flags.string({ required: true, helpValue: '<new dir>', summary: 'The directory to make; it must not exist' }),
    name: Flags.string({ helpValue: '<name>', summary: "etcd: the member's name (default: default)" }),
    id: Flags.string({ helpValue: '<id>', summary: "Consul: the server's id; our own engine: the new member's id" }),
    address: Flags.string({ multiple: true, multipleNonGreedy: true, helpValue: '<address>', summary: 'Where other members will reach it: a peer URL for etcd, host:port else' }),
    'bump-revision': Flags.integer({ min: 1, helpValue: '<n>', summary: 'etcd: raise the revision by so much and mark all before it compacted, so that watchers start over' }),
    execute: Flags.boolean({ helpGroup: 'CHANGE', summary: 'Do it; without this flag it is only shown' }),
  };

  protected async execute(): Promise<Answer<RestoreReport>> {
    const { args, flags } = await this.parse(SnapshotRestore);
    const overrides = overridesOf(this.globals.override, [UNVERIFIED]);
    const addresses = flags.address ?? [];
    const again = commandLine('raft-inspector', 'snapshot', 'restore', args.snapshot, '--into', flags.into, ...(flags.name === undefined ? [] : ['--name', flags.name]), ...(flags.id === undefined ? [] : ['--id', flags.id]), ...addresses.flatMap((one) => ['--address', one]), ...(flags['bump-revision'] === undefined ? [] : ['--bump-revision', flags['bump-revision']]), ...[...overrides].flatMap((rule) => ['--override', rule]), '--execute');
    if (flags.execute) this.changing(again);
    const report = await restoreSnapshot({
      file: args.snapshot,
      into: path.resolve(flags.into),
      name: flags.name,
      id: flags.id,
      addresses,
      bumpRevision: flags['bump-revision'] ?? null,
      overrides: [...overrides],
      now: new Date(),
      act: flags.execute === true,
      progress: this.progress,
    });
    return { data: report, findings: [], next: report.state === 'preview' ? [again] : [commandLine('raft-inspector', 'inspect', 'member', flags.into)], screen: (style) => restoreLines(report, style) };
  }
}
