import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { addressArg, addressOf, checkMemberId, memberIdArg } from '../../cli/member-args.ts';
import { type MembershipChangeReport, MembershipCommand, membershipFlags } from '../../cli/membership-command.ts';
import { checkPeerAddress, refuseUsedDirectory } from '../../engine/live/join-settings.ts';

const TIMEOUT_MS = 60_000;

export default class MemberAdd extends MembershipCommand {
  static override summary = 'Add a member as a learner, and wait until it has caught up';
  static override description = `Shows what would happen; --execute does it. A learner gets the log and counts in no majority; member promote makes it a voter.
Returns when the member is healthy and holds what was committed when the wait began; --no-wait returns when the change is committed. Already a member: exit 0, changed false.
etcd gives the id itself and the member is started afterwards: its settings are shown, and member wait waits for it. One learner at a time.
Exit 8: added, but not caught up in time. Exit 4: id-reused, name-in-use, address-in-use, not-empty, too-many-learners, change-pending.`;
  static override examples = ['<%= config.bin %> <%= command.id %> n4 10.0.0.14:7001 --endpoint 10.0.0.11:7001 --cacert ca.crt --cert me.crt --key me.key', '<%= config.bin %> <%= command.id %> n4 127.0.0.1:7104 --lab ./lab --execute', '<%= config.bin %> <%= command.id %> n2 https://10.0.0.12:2380 --execute --endpoint https://10.0.0.11:2379 --cacert ca.crt --cert me.crt --key me.key'];
  static override args = { id: memberIdArg, address: addressArg };
  static override flags = { data: Flags.string({ helpValue: '<dir>', summary: 'Its data directory, where it is on this machine: refused (not-empty) unless empty or absent' }), name: Flags.string({ helpValue: '<name>', summary: 'Its name for people; default: its id' }), ...membershipFlags };

  protected async execute(): Promise<Answer<MembershipChangeReport>> {
    const { args, flags } = await this.parse(MemberAdd);
    const id = checkMemberId(args.id);
    const address = await addressOf(id, args.address, flags.lab);
    if (flags.data !== undefined) refuseUsedDirectory(flags.data);
    return this.change(flags, {
      request: (kind) => ({ kind: 'add', id, name: flags.name ?? id, address: checkPeerAddress(kind, address) }),
      words: ['member', 'add', id, address, ...(flags.name === undefined ? [] : ['--name', flags.name])],
      timeoutMs: this.globals.timeout ?? TIMEOUT_MS,
      awaits: id,
      keepsJournal: false,
      nextWhenDone: [['member', 'promote', id]],
    });
  }
}
