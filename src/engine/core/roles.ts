import { withFields } from './copies.ts';
import { failReads } from './follower-reads.ts';
import type { Outbox } from './outbox.ts';
import { failLeaderReads } from './reads.ts';
import { nextRandom } from './rng.ts';
import type { RaftState } from './state.ts';
import type { MemberId, Term } from './types.ts';

/** Starts the election timer anew with a fresh timeout in [min, max) (Raft §5.2): equal timeouts would split votes for ever. */
export function resetElection(state: RaftState): RaftState {
  const { electionMinTicks, electionMaxTicks } = state.settings;
  const { seed, value } = nextRandom(state.rng);
  return withFields(state, { rng: seed, electionElapsed: 0, electionTimeout: electionMinTicks + (value % (electionMaxTicks - electionMinTicks)) });
}

/**
 * Follows `leader` (null: nobody known yet) in `term`, which is this member's or a later one. The vote is forgotten only when the
 * term grows: a member that steps down within a term has still voted in it.
 */
export function becomeFollower(state: RaftState, term: Term, leader: MemberId | null, out: Outbox): RaftState {
  if (term < state.term) throw new Error(`term cannot fall from ${state.term} to ${term}`);
  if (term === state.term && state.role === 'follower' && state.leader === leader) return state;
  let next = state;
  const isNewTerm = term > state.term;
  if (state.role === 'leader') next = failLeaderReads(next, out);
  if (isNewTerm || leader === null) next = failReads(next, 'leadership-lost', 'the leader that was asked may lead no more', out);
  const wasFollower = state.role === 'follower';
  next = withFields(next, { role: 'follower', leader, campaign: null, leading: null });
  if (isNewTerm) next = withFields(next, { term, vote: '', contactTick: null, isHeard: false, heardRound: 0, heardNumber: 0, verified: 0 });
  return isNewTerm || !wasFollower ? resetElection(next) : next;
}

/** Whether this term's leader was heard within the shortest election timeout: then nobody else needs to lead (Ongaro thesis 4.2.3). */
export function isInContact(state: RaftState): boolean {
  if (state.role === 'leader' || state.isHeard) return true;
  return state.contactTick !== null && state.now - state.contactTick < state.settings.electionMinTicks;
}
