import { quorumValue } from './configuration.ts';
import { withFields } from './copies.ts';
import { broadcastHeartbeat } from './heartbeat.ts';
import { termAt } from './log.ts';
import { activeConfiguration, tellRemoved } from './membership.ts';
import { isPlanted } from './mutants.ts';
import type { Outbox } from './outbox.ts';
import { peerOf } from './peers.ts';
import type { RaftState } from './state.ts';
import type { LogIndex, MemberId } from './types.ts';

/** How far a member's durable log is known to equal the leader's; of this member itself, its own durable log. */
export function storedBy(state: RaftState, id: MemberId): LogIndex {
  if (id === state.id) return state.disk.durable;
  const peer = peerOf(state, id);
  return peer === undefined || peer.hasAmnesia ? 0 : peer.match;
}

/**
 * A leader commits what a quorum of the newest configuration's voters hold durable, and counts only for entries of its own term:
 * an older entry on a quorum can still be overwritten (Raft §5.4.2, Fig. 8).
 */
export function advanceCommit(state: RaftState, out: Outbox): RaftState {
  if (state.leading === null || state.log.last === state.commit) return state;
  const index = quorumValue(activeConfiguration(state), (voter) => storedBy(state, voter));
  if (index <= state.commit) return state;
  if (termAt(state.log, index) !== state.term && !isPlanted(state.settings, 'M01')) return state;
  const committed: RaftState = withFields(state, { commit: index });
  tellRemoved(state, committed, out);
  // While more is under way the next append brings the news. An idle log has no next append, and a first commit lets reads begin.
  const isQuiet = index === state.log.last;
  const mayReadsBegin = state.leading.waitingReads !== null && state.leading.readRounds.length === 0;
  return isQuiet || mayReadsBegin ? broadcastHeartbeat(committed, out) : committed;
}

/** Whether this leader has committed an entry of its own term: only then does it know what is committed (Ongaro thesis 6.4). */
export function hasCommittedInTerm(state: RaftState): boolean {
  return termAt(state.log, state.commit) === state.term;
}

/** Applying must stop here: no state machine may be ahead of its own durable log (Ongaro thesis 10.2.1). */
export function applicableIndex(state: RaftState): LogIndex {
  return Math.min(state.commit, state.disk.durable);
}
