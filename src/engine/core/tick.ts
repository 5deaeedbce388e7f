import { hasQuorum } from './configuration.ts';
import { withFields, withProgress } from './copies.ts';
import { mayCampaign, startPreVote } from './election.ts';
import { retryReads } from './follower-reads.ts';
import { broadcastHeartbeat } from './heartbeat.ts';
import type { Input } from './input.ts';
import { activeConfiguration } from './membership.ts';
import type { Outbox } from './outbox.ts';
import { isReachable } from './peers.ts';
import { retryPeers } from './replication.ts';
import { becomeFollower, resetElection } from './roles.ts';
import type { Leading, RaftState } from './state.ts';
import { expireTransfer, retryTransfer } from './transfer.ts';

/** Time passes. Messages that arrived meanwhile were given before, so that a member that slept does not campaign against a leader it can hear. */
export function onTick(before: RaftState, { ticks, wallClockMs }: Extract<Input, { kind: 'tick' }>, out: Outbox): RaftState {
  const state = wallClockMs === undefined ? before : withFields(before, { wallClockMs });
  const now = state.now + ticks;
  const next = state.leading === null ? tickFollower(state, now, ticks, out) : tickLeader(state, state.leading, now, ticks, out);
  // A commit index that moved without any append is stored once the member is idle: recovery reads it.
  const { disk } = next;
  if (next.commit > disk.hardState.commit && disk.lastWritten === disk.lastWrite && now - disk.lastWriteTick >= next.settings.heartbeatTicks) out.storeCommit = true;
  return next;
}

function tickFollower(state: RaftState, now: number, ticks: number, out: Outbox): RaftState {
  if (state.isHeard) return retryReads(resetElection(withFields(state, { now, isHeard: false, contactTick: now })), out);
  // While the own disk is at work (a vote, the last entries) no time is counted: whoever it concerns has not even been answered.
  const next: RaftState = withFields(state, { now, electionElapsed: state.electionElapsed + (isWriting(state) ? 0 : ticks) });
  if (next.electionElapsed < next.electionTimeout || isWriting(next)) return next.asked === null ? next : retryReads(next, out);
  return mayCampaign(next) ? startPreVote(next, out) : retryReads(resetElection(next), out);
}

/** To stand now would queue one more write, and a slow disk would never catch up. */
function isWriting({ disk }: RaftState): boolean {
  return disk.lastWritten < disk.lastWrite;
}

function tickLeader(state: RaftState, leading: Leading, now: number, ticks: number, out: Outbox): RaftState {
  const isAnyHeard = leading.peers.some((peer) => peer.isHeard);
  const peers = isAnyHeard ? leading.peers.map((peer) => (peer.isHeard ? withProgress(peer, { isHeard: false, contactTick: now }) : peer)) : leading.peers;
  const heartbeatElapsed = leading.heartbeatElapsed + ticks;
  let next: RaftState = withFields(state, { now, leading: { ...leading, peers, heartbeatElapsed } });
  if (!hasContact(next, leading) || isDiskStalled(next)) return becomeFollower(next, next.term, null, out);
  next = expireTransfer(next);
  if (heartbeatElapsed < next.settings.heartbeatTicks) return next;
  retryTransfer(next, out);
  return retryPeers(broadcastHeartbeat(next, out), out);
}

/** The others would commit for ever what this leader can neither store nor apply nor answer; without heartbeats one of them takes over. */
function isDiskStalled(state: RaftState): boolean {
  return isWriting(state) && state.now - state.disk.progressTick >= state.settings.maxDiskStallTicks;
}

/** A leader that no quorum answers must not go on as if it led: another may (Ongaro thesis 6.2). */
function hasContact(state: RaftState, leading: Leading): boolean {
  if (state.now - leading.sinceTick < state.settings.electionMaxTicks) return true;
  return hasQuorum(activeConfiguration(state), (voter) => isReachable(state, voter));
}
