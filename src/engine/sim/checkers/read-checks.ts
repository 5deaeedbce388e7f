import type { Message } from '../../core/message.ts';
import type { RaftState } from '../../core/state.ts';
import { quorumOf, type LogIndex, type MemberId, type Term } from '../../core/types.ts';
import type { GroundTruth, MemberTruth, StepEvent } from '../ground-truth.ts';
import { votersOf } from '../log-copy.ts';
import type { Checker } from './checker.ts';

/** What one process did about reads in one term. Moments are numbers of its steps. */
interface Reading {
  readonly term: Term;
  readonly isLeader: boolean;
  readonly arrivals: Map<string, number>;
  /** When each heartbeat round was first sent. */
  readonly rounds: { readonly round: number; readonly step: number }[];
  /** Newest round each voter answered. */
  readonly answered: Map<MemberId, number>;
  /** When each question to the leader was sent. */
  readonly attempts: Map<number, number>;
}

/** I15: a read index is confirmed by a quorum round that began after the read arrived, and by a leader that committed in its term. */
export class ReadChecks implements Checker {
  private readonly readings = new Map<MemberId, Reading>();

  constructor(private readonly truth: GroundTruth) {}

  booted(member: MemberTruth): void {
    this.readings.delete(member.id);
  }

  stepped({ member, input, after, ready }: StepEvent): void {
    const reading = this.readingOf(member, after);
    const step = member.steps;
    if (input.kind === 'read') reading.arrivals.set(`own:${input.id}`, step);
    if (input.kind === 'message') this.take(reading, input.message, step);
    for (const message of ready.messages) {
      if (message.kind === 'heartbeat' && message.round > (reading.rounds.at(-1)?.round ?? 0)) reading.rounds.push({ round: message.round, step });
      if (message.kind === 'read-index') reading.attempts.set(message.id, step);
      if (message.kind === 'read-index-reply' && message.index !== null) this.checkAnswer(member, after, reading, `${message.to}:${message.id}`, message.index);
    }
    for (const outcome of ready.reads) {
      if (outcome.kind === 'accepted') {
        if (after.role === 'leader') this.checkAnswer(member, after, reading, `own:${outcome.id}`, outcome.value);
        else this.checkAsked(member, reading, outcome.id, outcome.value, input.kind === 'message' ? input.message : null);
      }
      reading.arrivals.delete(`own:${outcome.id}`);
    }
  }

  private readingOf(member: MemberTruth, after: RaftState): Reading {
    let reading = this.readings.get(member.id);
    const isLeader = after.role === 'leader';
    if (reading === undefined || reading.term !== after.term || reading.isLeader !== isLeader) {
      // Reads that a follower holds outlive a change of term: it asks the next leader for them, with a fresh question.
      reading = { term: after.term, isLeader, arrivals: isLeader ? new Map<string, number>() : (reading?.arrivals ?? new Map<string, number>()), rounds: [], answered: new Map(), attempts: isLeader ? new Map<number, number>() : (reading?.attempts ?? new Map<number, number>()) };
      this.readings.set(member.id, reading);
    }
    return reading;
  }

  private take(reading: Reading, message: Message, step: number): void {
    if (message.kind === 'read-index') {
      // A repeated question does not make the answer to the first one late.
      const key = `${message.from}:${message.id}`;
      if (!reading.arrivals.has(key)) reading.arrivals.set(key, step);
    }
    if (message.kind === 'heartbeat-reply' && message.term === reading.term) reading.answered.set(message.from, Math.max(reading.answered.get(message.from) ?? 0, message.round));
  }

  private checkAnswer(member: MemberTruth, after: RaftState, reading: Reading, key: string, index: LogIndex): void {
    const arrival = reading.arrivals.get(key);
    if (arrival === undefined) return this.truth.violate('I15', member, `answers the read ${key}, which never arrived in term ${reading.term}`);
    if (member.view.term(after.commit) !== after.term) this.truth.violate('I15', member, `answers a read in term ${after.term} before anything of that term is committed`);
    if (index > after.commit) this.truth.violate('I15', member, `answers a read with ${index}, committed is ${after.commit}`);
    const voters = votersOf(member.view.configuration?.configuration);
    if (voters.length === 1 && voters[0] === member.id) return;
    const earliest = reading.rounds.find((round) => round.step >= arrival)?.round ?? Number.POSITIVE_INFINITY;
    const confirmed = voters.filter((voter) => voter === member.id || (reading.answered.get(voter) ?? 0) >= earliest);
    if (confirmed.length < quorumOf(voters.length)) this.truth.violate('I15', member, `answers the read ${key} after ${confirmed.length} of ${voters.length} voters confirmed a round that began after it arrived`);
  }

  private checkAsked(member: MemberTruth, reading: Reading, id: number, index: LogIndex, message: Message | null): void {
    if (message?.kind !== 'read-index-reply' || message.index === null) return this.truth.violate('I15', member, `a follower answers a read without the leader's word`);
    const [asked, arrival] = [reading.attempts.get(message.id), reading.arrivals.get(`own:${id}`)];
    if (asked === undefined || arrival === undefined || asked < arrival) this.truth.violate('I15', member, `answers a read by a question that was sent before the read arrived`);
    if (index < message.index) this.truth.violate('I15', member, `answers a read with ${index}, the leader said ${message.index}`);
  }
}
