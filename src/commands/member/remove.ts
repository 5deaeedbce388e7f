import type { Answer } from '../../cli/answer.ts';
import { memberIdArg } from '../../cli/member-args.ts';
import { type MembershipChangeReport, MembershipCommand, membershipFlags } from '../../cli/membership-command.ts';

const TIMEOUT_MS = 15_000;

export default class MemberRemove extends MembershipCommand {
  static override summary = 'Take a member out of the cluster, for good';
  static override description = `Shows what would happen; --execute does it. A leader hands over first. The id can never be used again. Removed already: exit 0, changed false.
Refused (exit 4): margin-lost when the voters that are left and up make no majority, last-voter, unknown-member, change-pending.
Where no further failure is tolerated afterwards, the cluster's id has to be typed, or given with --confirm.`;
  static override examples = ['<%= config.bin %> <%= command.id %> n2 --lab ./lab', '<%= config.bin %> <%= command.id %> n2 --execute --confirm 55c00990 --endpoint 10.0.0.11:7001 --cacert ca.crt --cert me.crt --key me.key'];
  static override args = { id: memberIdArg };
  static override flags = { ...membershipFlags };

  protected async execute(): Promise<Answer<MembershipChangeReport>> {
    const { args, flags } = await this.parse(MemberRemove);
    return this.change(flags, {
      request: () => ({ kind: 'remove', id: args.id }),
      words: ['member', 'remove', args.id],
      timeoutMs: this.globals.timeout ?? TIMEOUT_MS,
      awaits: null,
      keepsJournal: false,
      nextWhenDone: [['member', 'list']],
    });
  }
}
