import { forgetMemory } from './amnesia.ts';
import { noteIncarnation } from './answers.ts';
import { hasCommittedInTerm } from './commit.ts';
import { withFields, withProgress } from './copies.ts';
import type { Heartbeat, HeartbeatReply } from './message.ts';
import { send, type Outbox } from './outbox.ts';
import { peerOf, withPeer } from './peers.ts';
import { confirmReads } from './reads.ts';
import { replicateTo } from './replication.ts';
import type { RaftState } from './state.ts';

/**
 * Sends a round of heartbeats. Every round has a fresh number, so that an answer shows when it was asked for: reads that wait are
 * confirmed by answers to rounds sent after they arrived, and nothing sooner (Ongaro thesis 6.4).
 */
export function broadcastHeartbeat(state: RaftState, out: Outbox): RaftState {
  if (state.leading === null) return state;
  const { leading } = state;
  const round = state.lastRound + 1;
  for (const peer of leading.peers) {
    send(out, { kind: 'heartbeat', from: state.id, to: peer.id, term: state.term, commit: Math.min(state.commit, peer.match), round });
  }
  const mayRead = leading.waitingReads !== null && leading.transfer === null && hasCommittedInTerm(state);
  const next: RaftState = withFields(state, {
    lastRound: round,
    leading: {
      ...leading,
      heartbeatElapsed: 0,
      waitingReads: mayRead ? null : leading.waitingReads,
      readRounds: mayRead && leading.waitingReads !== null ? [...leading.readRounds, { round, index: state.commit, tickets: leading.waitingReads }] : leading.readRounds,
    },
  });
  // Also of earlier rounds: a smaller configuration may need no further answer, and then none comes.
  return confirmReads(next, out);
}

/** A heartbeat of this term's leader. The commit index counts only as far as the leader's messages proved the logs equal. */
export function onHeartbeat(state: RaftState, heartbeat: Heartbeat, out: Outbox): RaftState {
  send(out, heartbeatReply(state, heartbeat, heartbeat.round));
  const commit = Math.max(state.commit, Math.min(heartbeat.commit, state.verified));
  const isNews = heartbeat.round > state.heardRound;
  return isNews || commit > state.commit ? withFields(state, { commit, isHeard: state.isHeard || isNews, heardRound: Math.max(state.heardRound, heartbeat.round) }) : state;
}

/** Answers a leader of an earlier term: it learns the term and steps down. Round 0: this confirms no read of anyone. */
export function refuseHeartbeat(state: RaftState, heartbeat: Heartbeat, out: Outbox): void {
  send(out, heartbeatReply(state, heartbeat, 0));
}

function heartbeatReply(state: RaftState, heartbeat: Heartbeat, round: number): HeartbeatReply {
  return { kind: 'heartbeat-reply', from: state.id, to: heartbeat.from, term: state.term, round, incarnation: state.incarnation, durableIndex: state.disk.durable };
}

export function onHeartbeatReply(state: RaftState, answer: HeartbeatReply, out: Outbox): RaftState {
  const before = peerOf(state, answer.from);
  if (before === undefined || answer.round <= 0 || answer.round > state.lastRound) return state;
  const peer = noteIncarnation(state, before, answer.incarnation);
  if (peer === null) {
    // Starts are counted on the member's own disk. Fewer than before, told after the greater number was known: an older disk came back.
    return answer.round > before.incarnationRound ? forgetMemory(state, withProgress(before, { incarnation: answer.incarnation }), answer.durableIndex) : state;
  }
  if (answer.round > peer.matchRound && answer.durableIndex < peer.match) return replicateTo(forgetMemory(state, peer, answer.durableIndex), peer.id, out);
  if (answer.round <= peer.answeredRound) return peer === before ? state : replicateTo(withPeer(state, peer), peer.id, out);
  const heard = withPeer(state, withProgress(peer, { answeredRound: answer.round, isHeard: true }));
  return replicateTo(confirmReads(heard, out), peer.id, out);
}
