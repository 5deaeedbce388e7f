import { forgetMemory } from './amnesia.ts';
import { noteAnswer, noteIncarnation, noteMatch } from './answers.ts';
import { advanceCommit } from './commit.ts';
import { withFields, withProgress } from './copies.ts';
import { bytesBetween, firstOfTermAt, lastOfTerm, stretchEnd, termAt } from './log.ts';
import type { AppendReply } from './message.ts';
import type { Outbox } from './outbox.ts';
import { peerOf, toProbe, wasHeard, withPeer } from './peers.ts';
import type { Progress } from './progress.ts';
import type { RaftState } from './state.ts';
import { tellTransferTarget } from './transfer.ts';
import type { LogIndex, MemberId } from './types.ts';

export function replicateToAll(state: RaftState, out: Outbox): RaftState {
  let next = state;
  for (const peer of state.leading?.peers ?? []) next = replicateTo(next, peer.id, out);
  return next;
}

/** Sends what the member lacks, as far as its window allows. */
export function replicateTo(state: RaftState, id: MemberId, out: Outbox): RaftState {
  let next = state;
  for (;;) {
    const peer = peerOf(next, id);
    if (peer === undefined || peer.state === 'snapshot') return next;
    if (peer.state === 'probe' ? peer.probeNumber !== 0 : !hasRoom(next, peer)) return next;
    const { maxEntriesPerMessage, maxBytesPerMessage } = next.settings;
    const sent = order(next, peer, stretchEnd(next.log, peer.next, maxEntriesPerMessage, maxBytesPerMessage), out);
    if (sent === null) return next;
    next = sent;
  }
}

function hasRoom(state: RaftState, peer: Progress): boolean {
  return peer.next <= state.log.last && peer.inflight.length < state.settings.maxInflightMessages && peer.inflightBytes < state.settings.maxInflightBytes;
}

/** Orders one append of `[peer.next, until)`; null when nothing can be sent now. */
function order(state: RaftState, peer: Progress, until: LogIndex, out: Outbox): RaftState | null {
  const prevTerm = termAt(state.log, peer.next - 1);
  if (prevTerm === null) return orderSnapshot(state, peer, out);
  const number = state.lastNumber + 1;
  const from = peer.next;
  out.appends.push({ to: peer.id, term: state.term, number, prev: { index: from - 1, term: prevTerm }, from, until, commit: state.commit });
  const bytes = bytesBetween(state.log, from, until);
  const isIdle = peer.catchUp.target === 0 && until > from;
  const common: Progress = withProgress(peer, {
    sentNumber: number,
    catchUp: isIdle ? { ...peer.catchUp, target: state.log.last, startedTick: state.now } : peer.catchUp,
  });
  const sent: Progress =
    peer.state === 'probe'
      ? withProgress(common, { probeNumber: peer.probeNumber === 0 ? number : peer.probeNumber, activeTick: state.now })
      : withProgress(common, {
          next: until,
          inflight: [...peer.inflight, { number, prev: from - 1, last: until - 1, bytes }],
          inflightBytes: peer.inflightBytes + bytes,
          // The retry timer runs from the oldest message without an answer, not from the newest.
          activeTick: peer.inflight.length === 0 ? state.now : peer.activeTick,
        });
  return withPeer(withFields(state, { lastNumber: number }), sent);
}

/** The log begins too late for this member. One that does not answer gets no snapshot: it would stream into the void. */
function orderSnapshot(state: RaftState, peer: Progress, out: Outbox): RaftState | null {
  if (state.snapshot.index < state.log.base.index || !wasHeard(state, peer)) return null;
  out.snapshotsTo.push(peer.id);
  return withPeer(state, withProgress(toProbe(peer, peer.next), { state: 'snapshot', snapshotIndex: state.snapshot.index, activeTick: state.now }));
}

/** At heartbeat pace: asks again where an answer is overdue. */
export function retryPeers(state: RaftState, out: Outbox): RaftState {
  let next = state;
  for (const { id } of state.leading?.peers ?? []) {
    let peer = peerOf(next, id);
    if (peer === undefined || peer.state === 'snapshot') continue;
    const waited = next.now - peer.activeTick;
    if (peer.state === 'replicate' && peer.inflight.length > 0 && waited >= next.settings.electionMinTicks) {
      peer = withProgress(toProbe(peer, peer.match + 1), { activeTick: next.now - next.settings.heartbeatTicks });
      next = withPeer(next, peer);
    }
    if (peer.state !== 'probe' || next.now - peer.activeTick < next.settings.heartbeatTicks) continue;
    // Without entries: whether the logs meet is all that is asked, and a member that is away costs little.
    next = order(next, peer, peer.next, out) ?? next;
  }
  return next;
}

/** An answer to an append of this term. Stale ones, by message number or process incarnation, change nothing. */
export function onAppendReply(state: RaftState, answer: AppendReply, out: Outbox): RaftState {
  const before = peerOf(state, answer.from);
  if (before === undefined || answer.number <= 0 || answer.number > before.sentNumber) return state;
  const known = noteIncarnation(state, before, answer.incarnation);
  if (known === null) return state;
  const heard = withPeer(state, noteAnswer(known, answer.number));
  return answer.result.kind === 'stored' ? onStored(heard, answer, answer.result.match, out) : onConflict(heard, answer, answer.result, out);
}

function onStored(state: RaftState, answer: AppendReply, match: LogIndex, out: Outbox): RaftState {
  const peer = peerOf(state, answer.from);
  if (peer === undefined || match > state.log.last) return state;
  const matched = noteMatch(state, peer, match);
  const inflight = matched.inflight.filter((one) => one.number > answer.number && one.last > match);
  const isProgress = match > peer.match || inflight.length < peer.inflight.length;
  const open: Progress = withProgress(matched, {
    inflight,
    inflightBytes: inflight.reduce((sum, one) => sum + one.bytes, 0),
    activeTick: isProgress ? state.now : matched.activeTick,
  });
  // Stored up to `match` also when a snapshot was under way: the log alone is enough again, if it still reaches down there.
  const isMet = open.state === 'probe' ? isProgress || (open.probeNumber > 0 && answer.number >= open.probeNumber) : open.state === 'snapshot' && open.match >= state.log.base.index;
  const flowing: Progress = isMet ? withProgress(toProbe(open, open.match + 1), { state: 'replicate', activeTick: state.now }) : open;
  const committed = advanceCommit(withPeer(state, flowing), out);
  return replicateTo(tellTransferTarget(committed, out), answer.from, out);
}

type Conflict = Extract<AppendReply['result'], { kind: 'conflict' }>;

/** The logs do not meet at `prev`: goes back by a whole term at a time (Raft §5.3, end). */
function onConflict(state: RaftState, answer: AppendReply, conflict: Conflict, out: Outbox): RaftState {
  const peer = peerOf(state, answer.from);
  if (peer === undefined || peer.state === 'snapshot') return state;
  const sent = peer.inflight.find((one) => one.number === answer.number);
  if (peer.state === 'probe' ? peer.probeNumber === 0 || answer.number < peer.probeNumber : sent === undefined) return state;
  const prev = sent === undefined ? peer.next - 1 : sent.prev;
  if (prev <= peer.match || conflict.lastIndex < peer.match) {
    // It denies what it acknowledged. Asked before that acknowledgement: merely late. Asked afterwards: it lost its memory.
    return answer.number > peer.matchNumber ? replicateTo(forgetMemory(state, peer, conflict.lastIndex), peer.id, out) : state;
  }
  return replicateTo(withPeer(state, toProbe(peer, meetingPoint(state, prev, conflict))), answer.from, out);
}

function meetingPoint(state: RaftState, prev: LogIndex, conflict: Conflict): LogIndex {
  const ours = conflict.conflictTerm === null ? null : lastOfTerm(state.log, conflict.conflictTerm);
  const wanted = ours !== null && ours >= conflict.firstIndex && ours < prev ? ours + 1 : conflict.firstIndex;
  return Math.max(1, Math.min(wanted, prev));
}

/** What a follower tells of a mismatch at `prev`. */
export function describeConflict(state: RaftState, prevIndex: LogIndex): Conflict {
  const lastIndex = state.log.last;
  if (prevIndex > lastIndex) return { kind: 'conflict', conflictTerm: null, firstIndex: lastIndex + 1, lastIndex };
  const firstOfTerm = firstOfTermAt(state.log, prevIndex) ?? prevIndex;
  // Up to the commit index the logs are equal by definition: no need to go back further.
  return { kind: 'conflict', conflictTerm: termAt(state.log, prevIndex), firstIndex: Math.max(firstOfTerm, state.commit + 1), lastIndex };
}
