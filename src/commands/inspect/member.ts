import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { placeArg } from '../../cli/flags.ts';
import { openNamed, placeFindings, placeFlags } from '../../cli/places.ts';
import { commandLine } from '../../cli/quote.ts';
import { memberLines, type ShownMember } from '../../cli/render/members.ts';
import { damageReason } from '../../engine/inspect/damage-reason.ts';
import type { OpenedMember } from '../../engine/places/open.ts';
import { unreadableMember } from '../../engine/places/unreadable.ts';

export default class InspectMember extends BaseCommand<{ members: ShownMember[] }> {
  static override summary = 'What each member holds: last entry, log, hard state, snapshots, health';
  static override description = 'Read-only, and never refused: a running member is looked at too, and a damaged one is shown as far as it can be read. Exit 3 when something is damaged.';
  static override examples = ['<%= config.bin %> inspect member n1 n2 n3', '<%= config.bin %> inspect member /var/lib/etcd --json', '<%= config.bin %> inspect member cp-1=root@cp-1:/var/lib/etcd n2.tgz'];
  static override strict = false;
  static override args = { place: placeArg() };
  static override flags = placeFlags;

  protected async execute(): Promise<Answer<{ members: ShownMember[] }>> {
    const { argv, flags } = await this.parse(InspectMember);
    const places = argv as string[];
    const opened = await openNamed(places, flags, { progress: this.progress, need: 'report' });
    const members = opened.map((one) => (one.kind === 'reading' ? one.reading.report : one.kind === 'evidence' ? { ...one.evidence.report, label: one.label, path: one.path } : unreadableMember(one.label, one.path, one.error)));
    const findings = placeFindings(opened);
    const reasonOf = (label: string, at: number): string | null => {
      const member = opened.find((one) => one.label === label);
      return member?.kind === 'reading' ? damageReason(member.reading, at) : null;
    };
    const words = [...places, ...(flags.from === undefined ? [] : ['--from', flags.from]), ...(flags['wal-dir'] === undefined ? [] : ['--wal-dir', flags['wal-dir']])];
    return {
      data: { members },
      findings,
      next: nextAfter(opened, words),
      exits: opened.flatMap((one) => (one.kind === 'unreadable' ? [one.error.exitCode] : [])),
      screen: (style) => memberLines(members, findings, style, reasonOf),
    };
  }
}

/** A place that holds no known store asks for what is looked for; one that is not there or not reachable has nothing to go on with. */
function nextAfter(opened: readonly OpenedMember[], words: readonly string[]): string[] {
  const failed = opened.flatMap((one) => (one.kind === 'unreadable' ? [one.error.code] : []));
  if (failed.length === opened.length) return failed.includes('UNKNOWN_STORE') ? [commandLine('raft-inspector', 'inspect', 'stores')] : [];
  return [opened.length > 1 ? commandLine('raft-inspector', 'recover', 'pick', ...words, '--explain') : commandLine('raft-inspector', 'inspect', 'log', ...words, '--tail', 20)];
}
