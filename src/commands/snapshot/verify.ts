import { Args, Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { durationFlag } from '../../cli/flags.ts';
import { commandLine } from '../../cli/quote.ts';
import { verifyScreen } from '../../cli/render/snapshots.ts';
import { EXIT, type ExitCode, UsageError } from '../../engine/errors.ts';
import type { MemberReport } from '../../engine/model/member-report.ts';
import type { SnapshotFileReport } from '../../engine/model/snapshot-file.ts';
import { openPlaces, type OpenedMember } from '../../engine/places/open.ts';
import { verifyAll } from '../../engine/readers/snapshots/verify-all.ts';

export interface SnapshotsData {
  snapshots: SnapshotFileReport[];
}

export default class SnapshotVerify extends BaseCommand<SnapshotsData> {
  static override summary = 'Check that snapshots are whole: hashes, structure, content to the last byte';
  static override description = 'Exit 3: one is bad; 10: older than --max-age; 11: one carries no checksum to be held to. Nothing is written.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> backup.snap.db --max-age 24h',
    '<%= config.bin %> <%= command.id %> /var/lib/consul --trial-restore',
    '<%= config.bin %> <%= command.id %> backup.snap --against /var/lib/etcd --json',
  ];
  static override strict = false;
  static override args = { snapshot: Args.string({ required: true, description: 'A snapshot file, a snapshot directory, or a data directory (several may be given)' }) };
  static override flags = {
    'max-age': durationFlag({ summary: 'The newest usable snapshot of each path may be this old (exit 10)' }),
    against: Flags.string({ helpValue: '<place>', summary: "A member's data: do index and term fit its log" }),
    'trial-restore': Flags.boolean({ summary: 'Decode the whole content as a restore would, and recount it' }),
  };

  protected async execute(): Promise<Answer<SnapshotsData>> {
    const { argv, flags } = await this.parse(SnapshotVerify);
    const nowMs = Date.now();
    const against = flags.against === undefined ? null : reportOf((await openPlaces([flags.against], { depth: 'log', progress: this.progress }))[0]);
    const { reports, findings, tooOld } = await verifyAll(argv as string[], {
      progress: this.progress,
      depth: flags['trial-restore'] ? 'restore' : 'count',
      nowMs,
      ...(against === null ? {} : { against }),
      ...(flags['max-age'] === undefined ? {} : { maxAgeMs: flags['max-age'] }),
    });
    const exits: ExitCode[] = [];
    if (reports.some((one) => one.verdict === 'unverifiable')) exits.push(EXIT.unverifiable);
    if (reports.some((one) => one.verdict === 'bad')) exits.push(EXIT.findings);
    if (tooOld) exits.push(EXIT['objective-missed']);
    const good = reports.find((one) => one.verdict === 'verified');
    return {
      data: { snapshots: reports },
      findings,
      exits,
      next: good === undefined ? [] : [commandLine('raft-inspector', 'snapshot', 'inspect', good.path)],
      screen: (style) => verifyScreen(reports, nowMs, style),
    };
  }
}

/** @throws {InspectorError} When the member cannot be read: then nothing can be held against it. */
function reportOf(member: OpenedMember | undefined): MemberReport {
  if (member?.kind === 'reading') return member.reading.report;
  if (member?.kind === 'unreadable') throw member.error;
  throw new UsageError('--against needs the data of a member, not an evidence file', 'Name its data directory or an archive of it');
}
