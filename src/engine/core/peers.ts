import { withFields, withProgress } from './copies.ts';
import type { Progress } from './progress.ts';
import type { Leading, RaftState } from './state.ts';
import type { LogIndex, MemberId } from './types.ts';

/** What a leader assumes of a member that has not answered yet. */
export function newProgress(state: RaftState, id: MemberId, next: LogIndex): Progress {
  return {
    id,
    state: 'probe',
    match: 0,
    next,
    inflight: [],
    inflightBytes: 0,
    probeNumber: 0,
    sentNumber: 0,
    answeredNumber: 0,
    answeredRound: 0,
    matchNumber: 0,
    matchRound: 0,
    incarnationRound: 0,
    incarnation: 0,
    activeTick: state.now,
    contactTick: null,
    isHeard: false,
    snapshotIndex: 0,
    hasAmnesia: state.amnesiacs.includes(id),
    catchUp: { target: Math.max(1, state.log.last), startedTick: state.now, lastRoundTicks: null },
  };
}

export function peerOf(state: RaftState, id: MemberId): Progress | undefined {
  return state.leading?.peers.find((peer) => peer.id === id);
}

export function withLeading(state: RaftState, change: Partial<Leading>): RaftState {
  return state.leading === null ? state : withFields(state, { leading: { ...state.leading, ...change } });
}

export function withPeer(state: RaftState, peer: Progress): RaftState {
  return state.leading === null ? state : withLeading(state, { peers: state.leading.peers.map((one) => (one.id === peer.id ? peer : one)) });
}

/** Whether the member answered something new within the longest election timeout (and has its memory: an amnesiac counts for nothing). */
export function isReachable(state: RaftState, id: MemberId): boolean {
  if (id === state.id) return true;
  const peer = peerOf(state, id);
  if (peer === undefined || peer.hasAmnesia) return false;
  return wasHeard(state, peer);
}

export function wasHeard(state: RaftState, peer: Progress): boolean {
  return peer.isHeard || (peer.contactTick !== null && state.now - peer.contactTick < state.settings.electionMaxTicks);
}

/** Back to one message at a time: what was under way is taken for lost. */
export function toProbe(peer: Progress, next: LogIndex): Progress {
  return withProgress(peer, { state: 'probe', next: Math.max(next, peer.match + 1), inflight: [], inflightBytes: 0, probeNumber: 0 });
}
