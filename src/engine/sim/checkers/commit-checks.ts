import type { RaftState } from '../../core/state.ts';
import { quorumOf } from '../../core/types.ts';
import type { GroundTruth, MemberTruth, StepEvent } from '../ground-truth.ts';
import { votersOf } from '../log-copy.ts';
import type { Checker } from './checker.ts';

/** I6 what a leader may commit, by the disks; I8 what a follower may take as committed; I12 one membership change at a time. */
export class CommitChecks implements Checker {
  constructor(private readonly truth: GroundTruth) {}

  stepped(event: StepEvent): void {
    const { member, before, after } = event;
    if (after.commit > before.commit) {
      if (after.role === 'leader') this.checkLeader(member, after);
      else this.checkFollower(event);
    }
    this.checkChanges(event);
  }

  private checkLeader(member: MemberTruth, { commit, term }: RaftState): void {
    const hash = member.view.hash(commit);
    if (hash === undefined || member.view.term(commit) !== term) {
      this.truth.violate('I6', member, `the leader of term ${term} commits ${commit}, which is of term ${member.view.term(commit) ?? 'none'}`);
      return;
    }
    const voters = votersOf(member.view.configuration?.configuration);
    const holders = voters.filter((voter) => this.truth.member(voter).holds(commit, hash));
    if (holders.length < quorumOf(voters.length)) {
      this.truth.violate('I6', member, `the leader of term ${term} commits ${commit}, which lies on the disks of ${holders.length} of ${voters.length} voters (${holders.join(', ') || 'none'})`);
    }
    const known = this.truth.committed[Math.min(commit, this.truth.commitIndex)];
    if (known !== undefined && member.view.hash(Math.min(commit, this.truth.commitIndex)) !== known.hash) {
      this.truth.violate('I5', member, `commits ${Math.min(commit, this.truth.commitIndex)} with another content than was committed in term ${known.byTerm}`);
    }
    this.truth.commit(member, commit, term);
  }

  private checkFollower({ member, before, input, after }: StepEvent): void {
    if (!this.truth.agrees(member.view, after.commit)) {
      this.truth.violate('I8', member, `takes ${after.commit} as committed; committed is up to ${this.truth.commitIndex}${after.commit <= this.truth.commitIndex ? ', with another content' : ''}`);
    }
    if (input.kind !== 'message') return;
    const { message } = input;
    const limit = message.kind === 'append' ? Math.min(message.commit, message.prev.index + message.entries.length) : message.kind === 'heartbeat' ? message.commit : null;
    if (limit !== null && after.commit > Math.max(before.commit, limit)) this.truth.violate('I8', member, `commit ${after.commit} after a message that proves no more than ${limit}`);
  }

  private checkChanges({ member, before, after, ready, viewBefore }: StepEvent): void {
    if (after.role !== 'leader' || ready.write === null) return;
    const changes = ready.write.entries.filter((entry) => entry.kind === 'confChange' && entry.term === after.term);
    if (changes.length > 1) this.truth.violate('I12', member, `appends ${changes.length} changes at once`);
    // Nobody outside of a configuration ever needs to lead: a leader hands over before its own removal.
    const isOwnRemoval = changes.length > 0 && !votersOf(member.view.configuration?.configuration).includes(member.id);
    if (isOwnRemoval) this.truth.violate('I12', member, `the leader of term ${after.term} appends its own removal`);
    for (const entry of ready.write.entries) {
      if (entry.kind !== 'confChange' || entry.term !== after.term) continue;
      if (viewBefore.configurationIndex > before.commit) this.truth.violate('I12', member, `appends the change ${entry.index} while that of ${viewBefore.configurationIndex} is not committed`);
      if (member.view.term(before.commit) !== after.term) this.truth.violate('I12', member, `appends the change ${entry.index} before anything of its own term ${after.term} is committed`);
      const { configurations } = member.view;
      const at = configurations.findIndex((one) => one.index === entry.index);
      const [newer, older] = [votersOf(configurations[at]?.configuration), votersOf(configurations[at - 1]?.configuration)];
      const differing = newer.filter((id) => !older.includes(id)).length + older.filter((id) => !newer.includes(id)).length;
      if (differing > 1) this.truth.violate('I12', member, `the change ${entry.index} differs by ${differing} voters from the one before it`);
    }
  }
}
