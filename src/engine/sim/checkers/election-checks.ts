import { quorumOf, type MemberId, type Term } from '../../core/types.ts';
import type { Envelope } from '../../ports/transport.ts';
import type { GroundTruth, MemberTruth, StepEvent } from '../ground-truth.ts';
import { votersOf } from '../log-copy.ts';
import type { DiskChange } from '../disk-truth.ts';
import type { Checker } from './checker.ts';

/** I1 one leader a term and one vote a member and term; I4 a leader has all that is committed; I18 only voters count and campaign. */
export class ElectionChecks implements Checker {
  private readonly leaders = new Map<Term, { readonly id: MemberId; readonly incarnation: number }>();
  private readonly votes = new Map<MemberId, Map<Term, MemberId>>();
  private readonly grants = new Map<string, Set<MemberId>>();

  constructor(private readonly truth: GroundTruth) {}

  stepped({ member, before, after }: StepEvent): void {
    if (before.role === after.role && before.term === after.term) return;
    if (after.role === 'pre-candidate' || after.role === 'candidate') this.checkCandidate(member);
    if (after.role === 'leader' && (before.role !== 'leader' || before.term !== after.term)) {
      this.checkUnique(member, after.term, after.incarnation);
      this.checkTally(member, after.term);
      this.checkComplete(member, after.term);
    }
  }

  sent(member: MemberTruth, { body }: Envelope): void {
    if (body.kind === 'vote-reply' && body.phase === 'vote' && body.isGranted) this.grant(member, body.term, body.to);
    if (body.kind === 'vote' && body.phase === 'vote') this.grant(member, body.term, member.id);
  }

  /** A vote is given when it is on the disk, not when the member makes up its mind: a candidacy whose commit failed never was. */
  stored(member: MemberTruth, { hardStateBefore }: DiskChange): void {
    const { term, vote } = member.disk.hardState;
    if (vote === member.id) this.grant(member, term, vote);
    else if (vote !== '') this.vote(member, term, vote);
    if (term < hardStateBefore.term) this.truth.violate('I1', member, `its stored term fell from ${hardStateBefore.term} to ${term}`);
    if (term === hardStateBefore.term && hardStateBefore.vote !== '' && vote !== hardStateBefore.vote) {
      this.truth.violate('I1', member, `its stored vote of term ${term} changed from ${hardStateBefore.vote} to ${vote === '' ? 'none' : vote}`);
    }
  }

  private vote(member: MemberTruth, term: Term, candidate: MemberId): void {
    let mine = this.votes.get(member.id);
    if (mine === undefined) this.votes.set(member.id, (mine = new Map<Term, MemberId>()));
    const known = mine.get(term);
    if (known !== undefined && known !== candidate) this.truth.violate('I1', member, `votes in term ${term} for ${candidate} after it voted for ${known}`);
    mine.set(term, candidate);
  }

  private grant(member: MemberTruth, term: Term, candidate: MemberId): void {
    this.vote(member, term, candidate);
    const key = `${term}:${candidate}`;
    const grants = this.grants.get(key) ?? new Set<MemberId>();
    this.grants.set(key, grants.add(member.id));
  }

  private checkUnique(member: MemberTruth, term: Term, incarnation: number): void {
    const known = this.leaders.get(term);
    if (known !== undefined && (known.id !== member.id || known.incarnation !== incarnation)) {
      this.truth.violate('I1', member, `leads term ${term}, as ${known.id} did${known.id === member.id ? ' in an earlier life' : ''}`);
    }
    this.leaders.set(term, { id: member.id, incarnation });
  }

  /** Counts the votes that were really given, by voters of the newest configuration in the leader's own log. */
  private checkTally(member: MemberTruth, term: Term): void {
    const voters = votersOf(member.view.configuration?.configuration);
    const grants = this.grants.get(`${term}:${member.id}`) ?? new Set<MemberId>();
    const counted = voters.filter((voter) => grants.has(voter) && (voter !== member.id || member.disk.votes.get(term) === member.id)).length;
    if (counted < quorumOf(voters.length)) this.truth.violate('I18', member, `leads term ${term} with ${counted} votes of its ${voters.length} voters`);
  }

  private checkCandidate(member: MemberTruth): void {
    if (!votersOf(member.view.configuration?.configuration).includes(member.id)) this.truth.violate('I18', member, 'campaigns though its own newest configuration does not list it as a voter');
  }

  /** Terms that committed never fall with the index, so the newest entry of an earlier term stands for all. */
  private checkComplete(member: MemberTruth, term: Term): void {
    let index = this.truth.commitIndex;
    while (index > 0 && (this.truth.committed[index]?.byTerm ?? 0) >= term) index -= 1;
    if (index > 0 && !this.truth.agrees(member.view, index)) this.truth.violate('I4', member, `leads term ${term} without entry ${index}, committed in term ${this.truth.committed[index]?.byTerm}`);
  }
}
