import { inOrder, lengthOf, push } from './chain.ts';
import { withFields } from './copies.ts';
import type { ReadIndexReply } from './message.ts';
import { refusal, send, type Outbox } from './outbox.ts';
import type { RaftState } from './state.ts';

/** A read at a member that does not lead: the leader is asked, one question for all reads that arrived before it. */
export function askLeader(state: RaftState, id: number, out: Outbox): RaftState {
  if (state.leader === null) {
    out.reads.push({ id, kind: 'refused', refusal: state.isRemoved ? refusal(state, 'removed', 'this member was removed from the cluster') : refusal(state, 'not-leader', 'no leader is known') });
    return state;
  }
  if (lengthOf(state.asked?.ids ?? null) + lengthOf(state.unasked) >= state.settings.maxPendingReads) {
    out.reads.push({ id, kind: 'refused', refusal: refusal(state, 'overloaded', `${state.settings.maxPendingReads} reads wait already`) });
    return state;
  }
  const waiting = withFields(state, { unasked: push(state.unasked, id) });
  return state.asked === null ? ask(waiting, out) : waiting;
}

function ask(state: RaftState, out: Outbox): RaftState {
  if (state.unasked === null || state.leader === null) return state;
  const next: RaftState = withFields(state, { lastAttempt: state.lastAttempt + 1, asked: { firstAttempt: state.lastAttempt + 1, sentTick: state.now, ids: state.unasked }, unasked: null });
  return sendAttempt(next, state.leader, out);
}

function sendAttempt(state: RaftState, leader: string, out: Outbox): RaftState {
  send(out, { kind: 'read-index', from: state.id, to: leader, term: state.term, id: state.lastAttempt });
  return state;
}

/** At heartbeat pace, with a fresh id: the question or its answer may be lost. */
export function retryReads(state: RaftState, out: Outbox): RaftState {
  const { asked, leader } = state;
  if (asked === null || leader === null || state.now - asked.sentTick < state.settings.heartbeatTicks) return state;
  return sendAttempt(withFields(state, { lastAttempt: state.lastAttempt + 1, asked: { ...asked, sentTick: state.now } }), leader, out);
}

/** The answer to any attempt made after the reads arrived will do: its round was sent later still. */
export function onReadIndexReply(state: RaftState, answer: ReadIndexReply, out: Outbox): RaftState {
  const { asked } = state;
  if (asked === null || answer.index === null || answer.from !== state.leader || answer.id < asked.firstAttempt || answer.id > state.lastAttempt) return state;
  for (const id of inOrder(asked.ids)) out.reads.push({ id, kind: 'accepted', value: answer.index });
  return ask(withFields(state, { asked: null }), out);
}

export function failReads(state: RaftState, rule: 'not-leader' | 'leadership-lost', message: string, out: Outbox): RaftState {
  if (state.asked === null && state.unasked === null) return state;
  for (const id of [...inOrder(state.asked?.ids ?? null), ...inOrder(state.unasked)]) out.reads.push({ id, kind: 'refused', refusal: { rule, message, leader: null } });
  return withFields(state, { asked: null, unasked: null });
}
