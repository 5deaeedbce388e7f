import { memberOf, votersOf, type Configuration } from './configuration.ts';
import { withFields } from './copies.ts';
import { startVote, mayCampaign } from './election.ts';
import type { Input } from './input.ts';
import { activeConfiguration } from './membership.ts';
import { refusal, send, type Outbox } from './outbox.ts';
import { isReachable, peerOf, withLeading } from './peers.ts';
import type { Refusal } from './ready.ts';
import { replicateTo } from './replication.ts';
import type { Handover, RaftState } from './state.ts';
import type { MemberId } from './types.ts';

/** Moves leadership on purpose (Ongaro thesis 3.10). */
export function onTransfer(state: RaftState, input: Extract<Input, { kind: 'transfer' }>, out: Outbox): RaftState {
  const refuse = (rule: Refusal['rule'], message: string): RaftState => {
    out.transfers.push({ id: input.id, kind: 'refused', refusal: refusal(state, rule, message) });
    return state;
  };
  if (state.leading === null) return state.isRemoved ? refuse('removed', 'this member was removed from the cluster') : refuse('not-leader', 'only the leader hands over leadership');
  if (state.leading.transfer !== null) return refuse('transferring', `leadership is being handed to ${state.leading.transfer.to}`);
  const to = input.to ?? bestTarget(state, activeConfiguration(state));
  if (to === null) return refuse('transfer-target', 'no other voter answers');
  if (to === state.id) return refuse('transfer-target', `${to} leads already`);
  if (memberOf(activeConfiguration(state), to)?.role !== 'voter') return refuse('transfer-target', `${to} is no voter`);
  if (!isReachable(state, to)) return refuse('transfer-target', `${to} does not answer, or lost entries it had acknowledged`);
  return startTransfer(state, { kind: 'transfer', id: input.id, to }, out);
}

/** The reachable other voter that stores most; null when there is none. */
export function bestTarget(state: RaftState, configuration: Configuration): MemberId | null {
  let best: MemberId | null = null;
  for (const voter of votersOf(configuration)) {
    if (voter === state.id || !isReachable(state, voter)) continue;
    if (best === null || (peerOf(state, voter)?.match ?? 0) > (peerOf(state, best)?.match ?? 0)) best = voter;
  }
  return best;
}

export function startTransfer(state: RaftState, request: Pick<Handover, 'kind' | 'id'> & { readonly to: MemberId }, out: Outbox): RaftState {
  const { electionMaxTicks } = state.settings;
  const handover: Handover = { kind: request.kind, id: request.id, term: state.term, deadlineTick: state.now + 2 * electionMaxTicks };
  const next = withLeading(withFields(state, { handover }), { transfer: { to: request.to, startedTick: state.now, isTold: false } });
  return tellTransferTarget(replicateTo(next, request.to, out), out);
}

/** Once the target stores all of the log it may campaign at once. */
export function tellTransferTarget(state: RaftState, out: Outbox): RaftState {
  const transfer = state.leading?.transfer ?? null;
  if (transfer === null || transfer.isTold || peerOf(state, transfer.to)?.match !== state.log.last) return state;
  sendTimeoutNow(state, transfer.to, out);
  return withLeading(state, { transfer: { ...transfer, isTold: true } });
}

/** At heartbeat pace, for the first may be lost. */
export function retryTransfer(state: RaftState, out: Outbox): void {
  const transfer = state.leading?.transfer ?? null;
  if (transfer?.isTold === true) sendTimeoutNow(state, transfer.to, out);
}

function sendTimeoutNow(state: RaftState, to: MemberId, out: Outbox): void {
  send(out, { kind: 'timeout-now', from: state.id, to, term: state.term });
}

/** A leader that still leads after the longest election timeout goes on leading. */
export function expireTransfer(state: RaftState): RaftState {
  const transfer = state.leading?.transfer ?? null;
  if (transfer === null || state.now - transfer.startedTick < state.settings.electionMaxTicks) return state;
  return withLeading(state, { transfer: null });
}

/** The leader's request: no poll first, and contact with the leader is no reason to refuse, since it asked. */
export function onTimeoutNow(state: RaftState, out: Outbox): RaftState {
  return mayCampaign(state) ? startVote(state, 'transfer', out) : state;
}

/** Answers whoever asked for leadership to move, once it is known where it went. */
export function settleHandover(state: RaftState, out: Outbox): RaftState {
  const { handover } = state;
  if (handover === null) return state;
  const isElsewhere = state.term > handover.term && state.leader !== null && state.leader !== state.id;
  const isOver = state.leading !== null ? state.leading.transfer === null : state.now >= handover.deadlineTick;
  if (!isElsewhere && !isOver) return state;
  const { id } = handover;
  if (!isElsewhere) {
    const refused = refusal(state, 'transfer-timeout', 'leadership did not move in time');
    (handover.kind === 'transfer' ? out.transfers : out.changes).push({ id, kind: 'refused', refusal: refused });
  } else if (handover.kind === 'removal') {
    out.changes.push({ id, kind: 'refused', refusal: refusal(state, 'removes-leader', `the leader handed over before its removal: ask ${state.leader} again, under the same changeId`) });
  } else if (state.leader !== null) {
    out.transfers.push({ id, kind: 'accepted', value: { leader: state.leader, term: state.term } });
  }
  return withFields(state, { handover: null });
}
