import type { Answer } from '../../cli/answer.ts';
import { checkMemberId, memberIdArg } from '../../cli/member-args.ts';
import { type MembershipChangeReport, MembershipCommand, membershipFlags } from '../../cli/membership-command.ts';

const TIMEOUT_MS = 10_000;

export default class MemberPromote extends MembershipCommand {
  static override summary = 'Make a learner a voter';
  static override description = `Shows what would happen; --execute does it. Already a voter: exit 0, changed false.
A learner that is a few entries behind is waited for as long as --timeout allows; one that is further behind is refused (exit 4, learner-lagging).
Where no further failure is tolerated afterwards, the cluster's id has to be typed, or given with --confirm.`;
  static override examples = ['<%= config.bin %> <%= command.id %> n4 --lab ./lab', '<%= config.bin %> <%= command.id %> n4 --execute --lab ./lab --json'];
  static override args = { id: memberIdArg };
  static override flags = { ...membershipFlags };

  protected async execute(): Promise<Answer<MembershipChangeReport>> {
    const { args, flags } = await this.parse(MemberPromote);
    const id = checkMemberId(args.id);
    return this.change(flags, {
      request: () => ({ kind: 'promote', id }),
      words: ['member', 'promote', id],
      timeoutMs: this.globals.timeout ?? TIMEOUT_MS,
      awaits: null,
      keepsJournal: false,
      nextWhenDone: [['member', 'list']],
    });
  }
}
