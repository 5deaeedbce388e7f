import { activePlaced } from '../../src/engine/core/membership.ts';
import { decodeConfiguration, memberOf, votersOf, type Configuration } from '../../src/engine/core/configuration.ts';
import type { Entry } from '../../src/engine/core/entry.ts';
import type { Input } from '../../src/engine/core/input.ts';
import { violationsBetween, violationsOf } from '../../src/engine/core/invariants.ts';
import { termAt } from '../../src/engine/core/log.ts';
import type { Message } from '../../src/engine/core/message.ts';
import type { Ready, Write } from '../../src/engine/core/ready.ts';
import type { RaftState } from '../../src/engine/core/state.ts';
import { quorumOf, type LogIndex, type MemberId } from '../../src/engine/core/types.ts';
import { digestOf, type CoreMember, type MemberObserver } from './core-member.ts';

export class BrokenInvariant extends Error {}

/** What really happened, kept outside of the members, and the properties of the protocol checked against it after every step. */
export class CoreTruth implements MemberObserver {
  readonly members = new Map<MemberId, CoreMember>();
  private readonly leaders = new Map<number, MemberId>();
  private readonly votes = new Map<string, MemberId>();
  private readonly chains = new Map<string, number>();
  private readonly committed: { term: number; chain: number }[] = [];
  private readonly digests: number[] = [];
  private readonly reads = new Map<string, LogIndex>();
  readonly counts: Record<string, number> = {};

  get commit(): LogIndex {
    return Math.max(0, this.committed.length - 1);
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  readBegins(member: CoreMember, id: number): void {
    this.reads.set(`${member.id}:${id}`, this.commit);
  }

  /** The log a cluster begins with is committed. */
  bootstrap(entries: readonly Entry[]): void {
    let chain = 0;
    this.committed[0] = { term: 0, chain };
    this.digests[0] = 0;
    for (const entry of entries) {
      chain = digestOf(chain, entry);
      this.chains.set(`${entry.index}/${entry.term}`, chain);
      this.committed[entry.index] = { term: entry.term, chain };
    }
  }

  /** A member is given a log by hand: entries behind the first ones, committed up to `commit`. */
  bootstrapMore(entries: readonly Entry[], first: readonly Entry[], commit: LogIndex): void {
    let chain = 0;
    for (const entry of [...first, ...entries]) {
      chain = digestOf(chain, entry);
      this.chains.set(`${entry.index}/${entry.term}`, chain);
      if (entry.index <= commit) this.committed[entry.index] = { term: entry.term, chain };
    }
  }

  fail(rule: string, message: string): never {
    throw new BrokenInvariant(`${rule}: ${message}`);
  }

  stepped(member: CoreMember, before: RaftState, input: Input, ready: Ready): void {
    const after = member.state;
    const broken = [...violationsOf(after), ...violationsBetween(before, after)][0];
    if (broken !== undefined) this.fail(broken.rule, `${broken.message} (after ${input.kind})`);
    if (ready.write !== null) this.checkWrite(member, before, ready.write);
    if (after.role !== before.role) this.checkRole(member, after);
    if (after.commit > before.commit) this.checkCommit(member, before, after);
    this.checkConfiguration(member, after);
    for (const read of ready.reads) {
      const atStart = this.reads.get(`${member.id}:${read.id}`) ?? 0;
      this.reads.delete(`${member.id}:${read.id}`);
      if (read.kind === 'accepted' && read.value < atStart) this.fail('I15', `${member.id} reads at ${read.value}, but ${atStart} was committed before the read began`);
      this.count(`read ${read.kind}`);
    }
    for (const change of ready.changes) this.count(change.kind === 'accepted' ? 'change accepted' : `change refused ${change.refusal.rule}`);
    for (const one of ready.transfers) this.count(`transfer ${one.kind}`);
    if (ready.restore !== null) {
      this.count('snapshot installed');
      if (member.digest !== this.digests[ready.restore.index]) this.fail('I19', `${member.id} restores another state at ${ready.restore.index}`);
    }
    if (ready.dropReceived) this.count('snapshot not needed');
    if (input.kind === 'message') this.count(input.message.kind);
    if (before.role === 'leader' && after.role !== 'leader') this.count(before.term === after.term ? 'stepped down for silence' : 'deposed');
    if (after.role === 'candidate' && after.campaign?.isTransfer === true && before.role !== 'candidate') this.count('campaign by transfer');
    if (after.amnesiacs.length > before.amnesiacs.length) this.count('amnesia');
  }

  private checkRole(member: CoreMember, after: RaftState): void {
    this.count(`became ${after.role}`);
    if (after.role !== 'leader') return;
    const other = this.leaders.get(after.term) ?? member.id;
    if (other !== member.id) this.fail('I1', `term ${after.term} has the leaders ${other} and ${member.id}`);
    this.leaders.set(after.term, member.id);
    const last = this.committed[this.commit];
    if (last !== undefined && this.commit > member.base.index && member.entryAt(this.commit)?.term !== last.term) {
      this.fail('I4', `${member.id} leads term ${after.term} without the committed entry ${this.commit} of term ${last.term}`);
    }
    if (this.commit < member.base.index) this.fail('I4', `${member.id} begins behind ${member.base.index}, committed is ${this.commit}`);
  }

  private checkWrite(member: CoreMember, before: RaftState, write: Write): void {
    if (write.truncateFrom !== null) {
      this.count('truncated');
      if (before.configurations.some((one) => one.index >= (write.truncateFrom ?? 0))) this.count('configuration truncated');
      if (write.truncateFrom <= before.commit || write.truncateFrom <= before.lastApplied) this.fail('I9', `${member.id} truncates from ${write.truncateFrom}, committed is ${before.commit}`);
    }
    for (const entry of write.entries) {
      const prev = member.entryAt(entry.index - 1);
      const prevChain = entry.index - 1 === member.base.index ? this.chainOf(entry.index - 1, member.base.term) : this.chainOf(entry.index - 1, prev?.term ?? -1);
      const chain = digestOf(prevChain, entry);
      const known = this.chains.get(`${entry.index}/${entry.term}`);
      if (known !== undefined && known !== chain) this.fail('I3', `${member.id}: entry ${entry.index} of term ${entry.term} differs, or what precedes it does`);
      this.chains.set(`${entry.index}/${entry.term}`, chain);
      if (entry.kind === 'confChange' && member.state.role === 'leader') this.checkChange(member, before, decodeConfiguration(entry.payload));
    }
  }

  private chainOf(index: LogIndex, term: number): number {
    return index === 0 ? 0 : (this.chains.get(`${index}/${term}`) ?? this.fail('I3', `nobody ever wrote entry ${index} of term ${term}`));
  }

  private checkChange(member: CoreMember, before: RaftState, changed: Configuration): void {
    const active = activePlaced(before);
    if (active.index > before.commit) this.fail('I12', `${member.id} changes the configuration while entry ${active.index} is not committed`);
    if (termAt(before.log, before.commit) !== before.term) this.fail('I12', `${member.id} changes the configuration before it committed in term ${before.term}`);
    const was = votersOf(active.configuration);
    const is = votersOf(changed);
    const difference = was.filter((id) => !is.includes(id)).length + is.filter((id) => !was.includes(id)).length;
    if (difference > 1) this.fail('I12', `${member.id} changes ${difference} voters at once`);
    if (!is.includes(member.id)) this.fail('I18', `${member.id} leads and appends its own removal`);
  }

  private checkCommit(member: CoreMember, before: RaftState, after: RaftState): void {
    if (after.role === 'leader' && before.role === 'leader') {
      const entry = member.entryAt(after.commit);
      if (entry === undefined || entry.term !== after.term) this.fail('I6', `${member.id} commits entry ${after.commit} of term ${entry?.term ?? -1} in term ${after.term}`);
      const voters = votersOf(activePlaced(after).configuration);
      const holders = voters.filter((id) => this.members.get(id)?.holdsDurably(after.commit, entry.term));
      if (holders.length < quorumOf(voters.length)) this.fail('I6', `${member.id} commits ${after.commit}, durable only on ${holders.join()} of ${voters.join()}`);
      for (let index = Math.max(this.committed.length, before.commit + 1); index <= after.commit; index++) {
        const one = member.entryAt(index);
        if (one === undefined) this.fail('I4', `${member.id} commits ${index} without holding it`);
        this.committed[index] = { term: one.term, chain: this.chainOf(index, one.term) };
      }
    }
    for (let index = Math.max(before.commit + 1, member.base.index + 1); index <= after.commit; index++) {
      const is = member.entryAt(index)?.term ?? -1;
      const truth = this.committed[index];
      if (truth === undefined) this.fail('I8', `${member.id} takes ${index} for committed, no leader committed it`);
      if (is !== truth.term) this.fail('I8', `${member.id} takes entry ${index} of term ${is} for committed, it is of term ${truth.term}`);
    }
  }

  private checkConfiguration(member: CoreMember, after: RaftState): void {
    const active = activePlaced(after);
    const entry = member.entryAt(active.index);
    if (active.index > member.base.index && entry?.kind !== 'confChange') this.fail('I13', `${member.id}: entry ${active.index} is no configuration`);
    for (let index = member.base.index + member.log.length; index > Math.max(active.index, member.base.index); index--) {
      if (member.entryAt(index)?.kind === 'confChange') this.fail('I13', `${member.id}: entry ${index} is a newer configuration than ${active.index}`);
      if (index < member.base.index + member.log.length - 8) break;
    }
    if ((after.role === 'candidate' || after.role === 'pre-candidate') && memberOf(active.configuration, member.id)?.role !== 'voter') this.fail('I18', `${member.id} campaigns without being a voter`);
  }

  stored(member: CoreMember, write: Write): void {
    const { hardState } = write;
    if (hardState === null) return;
    if (hardState.commit > member.disk.base.index + member.disk.entries.length) this.fail('I7', `${member.id} stores commit ${hardState.commit} beyond its log`);
    if (hardState.vote !== '') this.vote(member.id, hardState.term, hardState.vote);
  }

  private vote(voter: MemberId, term: number, candidate: MemberId): void {
    const known = this.votes.get(`${voter}/${term}`) ?? candidate;
    if (known !== candidate) this.fail('I1', `${voter} voted for ${known} and for ${candidate} in term ${term}`);
    this.votes.set(`${voter}/${term}`, candidate);
  }

  applied(member: CoreMember, entry: Entry, digest: number): void {
    const known = this.digests[entry.index] ?? digest;
    if (known !== digest) this.fail('I5', `${member.id} applied another entry at ${entry.index}`);
    this.digests[entry.index] = digest;
    if (!member.holdsDurably(entry.index, entry.term)) this.fail('I7', `${member.id} applied entry ${entry.index} before it was durable`);
  }

  sending(member: CoreMember, message: Message): void {
    const { hardState } = member.disk;
    const end = member.disk.base.index + member.disk.entries.length;
    if (message.kind === 'vote' && message.phase === 'vote') {
      const isDurable = hardState.term > message.term || (hardState.term === message.term && hardState.vote === member.id);
      if (!isDurable) this.fail('I11', `${member.id} stands for term ${message.term}, its disk says ${hardState.term}/${hardState.vote}`);
    } else if (message.kind === 'vote-reply' && message.phase === 'vote' && message.isGranted) {
      this.vote(member.id, message.term, message.to);
      const isDurable = hardState.term > message.term || (hardState.term === message.term && hardState.vote === message.to);
      if (!isDurable) this.fail('I11', `${member.id} grants ${message.to} term ${message.term}, its disk says ${hardState.term}/${hardState.vote}`);
    } else if (message.kind === 'append-reply' && message.result.kind === 'stored') {
      if (message.result.match > end && hardState.term <= message.term) this.fail('I11', `${member.id} acknowledges ${message.result.match}, its disk ends at ${end}`);
    } else if (message.kind === 'snapshot-reply' && message.index > end && hardState.term <= message.term) {
      this.fail('I11', `${member.id} acknowledges the snapshot ${message.index}, its disk ends at ${end}`);
    } else if (message.kind === 'heartbeat-reply' && message.durableIndex > end) {
      this.fail('I11', `${member.id} says it is durable up to ${message.durableIndex}, its disk ends at ${end}`);
    }
  }
}
