import { withProgress } from './copies.ts';
import { toProbe } from './peers.ts';
import type { CatchUp, Progress } from './progress.ts';
import type { RaftState } from './state.ts';
import type { LogIndex } from './types.ts';

/** A message of this number was answered. An answer already seen proves no contact: networks repeat messages. */
export function noteAnswer(peer: Progress, number: number): Progress {
  return number > peer.answeredNumber ? withProgress(peer, { answeredNumber: number, isHeard: true }) : peer;
}

/**
 * Compares the answering process with the one known. Null: the answer comes from an earlier life and must be dropped.
 * A later life starts over from what it still holds.
 */
export function noteIncarnation(state: RaftState, peer: Progress, incarnation: number): Progress | null {
  if (incarnation === peer.incarnation) return peer;
  if (incarnation < peer.incarnation) return null;
  const known: Progress = withProgress(peer, { incarnation, incarnationRound: state.lastRound });
  return peer.incarnation > 0 && peer.state !== 'snapshot' ? toProbe(known, known.match + 1) : known;
}

/** The member stores the leader's log up to `match`; never takes back what it said before. */
export function noteMatch(state: RaftState, peer: Progress, match: LogIndex): Progress {
  if (match <= peer.match) return peer;
  return withProgress(peer, {
    match,
    next: Math.max(peer.next, match + 1),
    matchNumber: state.lastNumber,
    matchRound: state.lastRound,
    catchUp: afterMatch(state, peer.catchUp, match),
  });
}

function afterMatch(state: RaftState, catchUp: CatchUp, match: LogIndex): CatchUp {
  if (catchUp.target === 0 || match < catchUp.target) return catchUp;
  // Nothing is left: the round after this one is empty and takes no time, however long this one took (a learner that was started late).
  // Target 0: the next round starts with the next entry sent.
  if (state.log.last <= match) return { target: 0, startedTick: state.now, lastRoundTicks: 0 };
  return { target: state.log.last, startedTick: state.now, lastRoundTicks: state.now - catchUp.startedTick };
}
