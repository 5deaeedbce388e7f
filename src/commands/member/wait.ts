import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { REAL_TIME, withCluster } from '../../cli/live-command.ts';
import { liveFlags } from '../../cli/live-flags.ts';
import { showDuration } from '../../cli/measure.ts';
import { memberIdArg } from '../../cli/member-args.ts';
import { commandLine } from '../../cli/quote.ts';
import { escapeControl } from '../../cli/escape.ts';
import { waitForMember } from '../../engine/live/caught-up.ts';
import { ASSIGNS_IDS } from '../../engine/live/cluster.ts';
import { type LiveMember, memberNamed } from '../../engine/live/member-list.ts';

interface MemberWaitReport {
  member: LiveMember;
  waitedMs: number;
}

const TIMEOUT_MS = 60_000;

export default class MemberWait extends BaseCommand<MemberWaitReport> {
  static override summary = 'Wait until a member is healthy and has caught up';
  static override description = 'Caught up: it holds everything that was committed when the wait began. Exit 6 when that did not come within --timeout (default 1m); exit 4 (unknown-member) when it is none.';
  static override examples = ['<%= config.bin %> <%= command.id %> n4 --lab ./lab', '<%= config.bin %> <%= command.id %> n4 --timeout 5m --endpoint 127.0.0.1:7001 --json'];
  static override args = { id: memberIdArg };
  static override flags = { ...liveFlags };

  protected async execute(): Promise<Answer<MemberWaitReport>> {
    const { args, flags } = await this.parse(MemberWait);
    return withCluster(flags, async ({ cluster, words }) => {
      const timeoutMs = this.globals.timeout ?? TIMEOUT_MS;
      const id = ASSIGNS_IDS.has(cluster.kind) ? (memberNamed(await cluster.memberList({ timeoutMs }), args.id)?.id ?? args.id) : args.id;
      const { member, waitedMs } = await waitForMember(cluster, id, { timeoutMs, ...REAL_TIME });
      return {
        data: { member, waitedMs },
        findings: [],
        next: member.role === 'learner' ? [commandLine('raft-inspector', 'member', 'promote', member.id, ...words)] : [],
        screen: (style) => [`${style.good('OK')}  ${escapeControl(member.id)} is healthy and caught up, entry ${member.matchIndex}${style.dim(`  after ${showDuration(waitedMs)}`)}`],
      };
    });
  }
}
