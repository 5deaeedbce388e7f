import { inOrder, lengthOf, push } from './chain.ts';
import { hasCommittedInTerm } from './commit.ts';
import { memberOf, quorumValue } from './configuration.ts';
import { askLeader } from './follower-reads.ts';
import { broadcastHeartbeat } from './heartbeat.ts';
import { activeConfiguration } from './membership.ts';
import type { ReadIndexRequest } from './message.ts';
import { refusal, send, type Outbox } from './outbox.ts';
import { peerOf, withLeading } from './peers.ts';
import type { Leading, RaftState, ReadTicket } from './state.ts';
import type { LogIndex } from './types.ts';

/** A read of this member's own runtime. */
export function onRead(state: RaftState, id: number, out: Outbox): RaftState {
  if (state.leading === null) return askLeader(state, id, out);
  if (state.leading.transfer !== null) {
    out.reads.push({ id, kind: 'refused', refusal: refusal(state, 'transferring', 'leadership is being handed over') });
    return state;
  }
  if (pendingReads(state.leading) >= state.settings.maxPendingReads) {
    out.reads.push({ id, kind: 'refused', refusal: refusal(state, 'overloaded', `${state.settings.maxPendingReads} reads wait already`) });
    return state;
  }
  return addRead(state, { id, from: null }, out);
}

/** A follower's or learner's read. Refused, it asks again: whoever leads then answers. */
export function onReadIndexRequest(state: RaftState, request: ReadIndexRequest, out: Outbox): RaftState {
  const { leading } = state;
  const isServed = leading !== null && leading.transfer === null && memberOf(activeConfiguration(state), request.from) !== undefined && pendingReads(leading) < state.settings.maxPendingReads;
  if (isServed) return addRead(state, { id: request.id, from: request.from }, out);
  answer(state, { id: request.id, from: request.from }, null, out);
  return state;
}

function pendingReads(leading: Leading): number {
  return leading.readRounds.reduce((sum, round) => sum + round.tickets.length, lengthOf(leading.waitingReads));
}

/** Starts a round at once when none is under way; otherwise the read joins all others that wait for the next. */
function addRead(state: RaftState, ticket: ReadTicket, out: Outbox): RaftState {
  const next = withLeading(state, { waitingReads: push(state.leading?.waitingReads ?? null, ticket) });
  return next.leading?.readRounds.length === 0 && hasCommittedInTerm(next) ? broadcastHeartbeat(next, out) : next;
}

/** Answers the reads whose round a quorum of voters has answered; this member counts itself when it is a voter. */
export function confirmReads(state: RaftState, out: Outbox): RaftState {
  const { leading } = state;
  if (leading === null || leading.readRounds.length === 0) return state;
  const confirmed = quorumValue(activeConfiguration(state), (voter) => {
    if (voter === state.id) return state.lastRound;
    const peer = peerOf(state, voter);
    return peer === undefined || peer.hasAmnesia ? 0 : peer.answeredRound;
  });
  const open = leading.readRounds.filter((one) => one.round > confirmed);
  if (open.length === leading.readRounds.length) return state;
  for (const one of leading.readRounds) if (one.round <= confirmed) for (const ticket of inOrder(one.tickets)) answer(state, ticket, one.index, out);
  const next = withLeading(state, { readRounds: open });
  return open.length === 0 && leading.waitingReads !== null && leading.transfer === null ? broadcastHeartbeat(next, out) : next;
}

/** Leadership is over: what waits cannot be confirmed any more. */
export function failLeaderReads(state: RaftState, out: Outbox): RaftState {
  const { leading } = state;
  if (leading === null) return state;
  for (const tickets of [...leading.readRounds.map((one) => one.tickets), leading.waitingReads]) {
    for (const ticket of inOrder(tickets)) answer(state, ticket, null, out);
  }
  return withLeading(state, { readRounds: [], waitingReads: null });
}

function answer(state: RaftState, ticket: ReadTicket, index: LogIndex | null, out: Outbox): void {
  if (ticket.from !== null) send(out, { kind: 'read-index-reply', from: state.id, to: ticket.from, term: state.term, id: ticket.id, index });
  else if (index !== null) out.reads.push({ id: ticket.id, kind: 'accepted', value: index });
  else out.reads.push({ id: ticket.id, kind: 'refused', refusal: { rule: 'leadership-lost', message: 'leadership was lost before the read was confirmed', leader: null } });
}
