import { memberOf } from './configuration.ts';
import { withFields } from './copies.ts';
import { onVoteReply, onVoteRequest } from './election.ts';
import { onAppend, refuseAppend } from './follower-log.ts';
import { onReadIndexReply } from './follower-reads.ts';
import { onHeartbeat, onHeartbeatReply, refuseHeartbeat } from './heartbeat.ts';
import { activeConfiguration, tellOne, wasRemoved } from './membership.ts';
import type { AppendRequest, Heartbeat, Message, ReadIndexRequest, Removed, TimeoutNow } from './message.ts';
import { send, type Outbox } from './outbox.ts';
import { onReadIndexRequest } from './reads.ts';
import { onAppendReply } from './replication.ts';
import { becomeFollower } from './roles.ts';
import { onSnapshotReply } from './snapshots.ts';
import type { RaftState } from './state.ts';
import { onTimeoutNow } from './transfer.ts';

/** A message arrived. What is not for this member, or from one that was removed, changes nothing. */
export function onMessage(state: RaftState, message: Message, out: Outbox): RaftState {
  if (message.to !== state.id || message.from === state.id) return state;
  if (message.kind === 'removed') return onRemoved(state, message, out);
  if (wasRemoved(state, message.from)) {
    tellOne(state, message.from, out);
    return state;
  }
  switch (message.kind) {
    case 'vote':
      return onVoteRequest(state, message, out);
    case 'vote-reply':
      return onVoteReply(state, message, out);
    case 'append':
    case 'heartbeat':
    case 'timeout-now':
      return fromLeader(state, message, out);
    case 'read-index':
      return onReadIndex(state, message, out);
    case 'append-reply':
    case 'heartbeat-reply':
    case 'snapshot-reply':
    case 'read-index-reply':
      return onAnswer(state, message, out);
    default:
      return message satisfies never;
  }
}

function fromLeader(state: RaftState, message: AppendRequest | Heartbeat | TimeoutNow, out: Outbox): RaftState {
  if (message.term < state.term) {
    if (message.kind === 'append') refuseAppend(state, message, out);
    if (message.kind === 'heartbeat') refuseHeartbeat(state, message, out);
    return state;
  }
  // One term has one leader. A second claim is damage or a stranger, and nothing good comes of following it.
  const isSecondLeader = message.term === state.term && (state.role === 'leader' || (state.leader !== null && state.leader !== message.from));
  if (isSecondLeader) return state;
  const follower = becomeFollower(state, message.term, message.from, out);
  switch (message.kind) {
    case 'append':
      return onAppend(follower, message, out);
    case 'heartbeat':
      return onHeartbeat(follower, message, out);
    case 'timeout-now':
      return onTimeoutNow(follower, out);
  }
}

/** An answer in a later term ends leadership or candidacy here, when it comes from a member; one of an earlier term is stale. */
function onAnswer(state: RaftState, message: Extract<Message, { kind: 'append-reply' | 'heartbeat-reply' | 'snapshot-reply' | 'read-index-reply' }>, out: Outbox): RaftState {
  if (message.term > state.term) return memberOf(activeConfiguration(state), message.from) === undefined ? state : becomeFollower(state, message.term, null, out);
  if (message.term < state.term) return state;
  switch (message.kind) {
    case 'append-reply':
      return onAppendReply(state, message, out);
    case 'heartbeat-reply':
      return onHeartbeatReply(state, message, out);
    case 'snapshot-reply':
      return onSnapshotReply(state, message, out);
    case 'read-index-reply':
      return onReadIndexReply(state, message, out);
  }
}

function onReadIndex(state: RaftState, request: ReadIndexRequest, out: Outbox): RaftState {
  if (request.term === state.term) return onReadIndexRequest(state, request, out);
  if (request.term < state.term) send(out, { kind: 'read-index-reply', from: state.id, to: request.from, term: state.term, id: request.id, index: null });
  return state;
}

/** Believed unless the own committed log already says better: the removal itself was not sent here (Ongaro thesis 4.2.3). */
function onRemoved(state: RaftState, message: Removed, out: Outbox): RaftState {
  const isBehind = state.commit < message.configurationIndex;
  if (state.isRemoved || (!isBehind && memberOf(activeConfiguration(state), state.id) !== undefined)) return state;
  return withFields(becomeFollower(state, state.term, null, out), { isRemoved: true });
}
