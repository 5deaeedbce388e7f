import { withFields, withProgress } from './copies.ts';
import { toProbe, withPeer } from './peers.ts';
import type { Progress } from './progress.ts';
import type { RaftState } from './state.ts';
import type { LogIndex } from './types.ts';

/**
 * A member that shows less than it acknowledged in this term lost part of its disk, or got an older one back. Each entry it forgot
 * may be one that was committed on its word, so neither its acks nor its votes count again until it is replaced under a new id.
 * It is still sent the log: one more copy does no harm.
 */
export function forgetMemory(state: RaftState, peer: Progress, lastIndex: LogIndex): RaftState {
  const forgotten: Progress = withProgress(toProbe(withProgress(peer, { match: 0 }), lastIndex + 1), {
    hasAmnesia: true,
    matchNumber: state.lastNumber,
    matchRound: state.lastRound,
    incarnationRound: state.lastRound,
  });
  const amnesiacs = state.amnesiacs.includes(peer.id) ? state.amnesiacs : [...state.amnesiacs, peer.id];
  return withPeer(withFields(state, { amnesiacs }), forgotten);
}
