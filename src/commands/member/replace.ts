import { Args, Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { addressArg, addressOf, checkMemberId } from '../../cli/member-args.ts';
import { caseFlag, type MembershipChangeReport, MembershipCommand, membershipFlags } from '../../cli/membership-command.ts';
import { checkPeerAddress, refuseUsedDirectory } from '../../engine/live/join-settings.ts';

const TIMEOUT_MS = 5 * 60_000;

export default class MemberReplace extends MembershipCommand {
  static override summary = 'Put a new member in the place of another one';
  static override description = `Shows what would happen; --execute does it. An old member that is up stays until its successor counts: add, wait, promote, remove.
One that is down only weighs on the majority: remove, add, wait, promote.
Every step is written to a journal and asked for under an id made of the arguments: run it again to go on where it stopped (exit 8), nothing is done twice.`;
  static override examples = ['<%= config.bin %> <%= command.id %> n2 n4 10.0.0.14:7001 --endpoint 10.0.0.11:7001 --cacert ca.crt --cert me.crt --key me.key', '<%= config.bin %> <%= command.id %> n2 n4 127.0.0.1:7104 --execute --lab ./lab'];
  static override args = { old: Args.string({ required: true, description: 'The member that leaves' }), new: Args.string({ required: true, description: 'The id of the member that comes; never used before' }), address: addressArg };
  static override flags = { data: Flags.string({ helpValue: '<dir>', summary: 'Its data directory, where it is on this machine: refused (not-empty) unless empty or absent' }), name: Flags.string({ helpValue: '<name>', summary: 'Name of the new member; default: its id' }), case: caseFlag, ...membershipFlags };

  protected async execute(): Promise<Answer<MembershipChangeReport>> {
    const { args, flags } = await this.parse(MemberReplace);
    const id = checkMemberId(args.new);
    const address = await addressOf(id, args.address, flags.lab);
    if (flags.data !== undefined) refuseUsedDirectory(flags.data);
    return this.change(flags, {
      request: (kind) => ({ kind: 'replace', old: args.old, id, name: flags.name ?? id, address: checkPeerAddress(kind, address) }),
      words: ['member', 'replace', args.old, id, address, ...(flags.name === undefined ? [] : ['--name', flags.name]), ...(flags.case === undefined ? [] : ['--case', flags.case])],
      timeoutMs: this.globals.timeout ?? TIMEOUT_MS,
      awaits: null,
      keepsJournal: true,
      nextWhenDone: [['member', 'list']],
    });
  }
}
