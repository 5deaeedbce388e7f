import { noteIncarnation, noteMatch } from './answers.ts';
import { advanceCommit } from './commit.ts';
import { withFields, withProgress } from './copies.ts';
import { clipDisk } from './entries.ts';
import type { Input } from './input.ts';
import { emptyLog, termAt, trimLog } from './log.ts';
import type { SnapshotPosition, SnapshotReply } from './message.ts';
import { isPlanted } from './mutants.ts';
import { sendAfterWrite, type Outbox } from './outbox.ts';
import { peerOf, toProbe, withPeer } from './peers.ts';
import { replicateTo } from './replication.ts';
import { becomeFollower } from './roles.ts';
import type { RaftState } from './state.ts';
import type { LogIndex } from './types.ts';

/** A whole snapshot from a leader lies ready (Raft §7). */
export function onSnapshotReceived(state: RaftState, input: Extract<Input, { kind: 'snapshot-received' }>, out: Outbox): RaftState {
  const { snapshot, from, term } = input;
  const isForeign = term < state.term || (term === state.term && (state.role === 'leader' || (state.leader !== null && state.leader !== from)));
  if (isForeign) {
    out.dropReceived = true;
    return state;
  }
  const follower: RaftState = withFields(becomeFollower(state, term, from, out), { isHeard: true });
  const next = takeSnapshot(follower, snapshot, out);
  sendAfterWrite(out, { kind: 'snapshot-reply', from: next.id, to: from, term: next.term, index: snapshot.index, incarnation: next.incarnation });
  return next;
}

function takeSnapshot(state: RaftState, snapshot: SnapshotPosition, out: Outbox): RaftState {
  const { index, term } = snapshot;
  const isOld = index <= state.commit && !isPlanted(state.settings, 'M32');
  if (isOld || termAt(state.log, index) === term) {
    // The log holds all that the snapshot covers, and what follows it stays: only the commit index may be news (Raft §7, step 6).
    out.dropReceived = true;
    return withFields(state, { commit: Math.max(state.commit, index), verified: Math.max(state.verified, index) });
  }
  out.install = { snapshot, keepSuffix: false };
  out.restore = snapshot;
  const base = { index, term };
  return withFields(state, {
    log: emptyLog(base),
    snapshot: base,
    configurations: [{ index: snapshot.configurationIndex, configuration: snapshot.configuration }],
    commit: index,
    lastApplied: index,
    verified: index,
    disk: clipDisk(state.disk, index),
  });
}

export function onSnapshotReply(state: RaftState, answer: SnapshotReply, out: Outbox): RaftState {
  const before = peerOf(state, answer.from);
  if (before === undefined || answer.index > state.commit) return state;
  const known = noteIncarnation(state, before, answer.incarnation);
  if (known === null) return state;
  const matched = noteMatch(state, known, answer.index);
  const isNews = matched.match > before.match;
  const heard = withProgress(matched, { isHeard: matched.isHeard || isNews });
  const isMet = heard.state === 'snapshot' && heard.match >= state.log.base.index;
  const flowing = isMet ? withProgress(toProbe(heard, heard.match + 1), { state: 'replicate' as const, activeTick: state.now }) : heard;
  return replicateTo(advanceCommit(withPeer(state, flowing), out), answer.from, out);
}

/** The stream ended. Delivered, the member may have answered already, or its answer was lost: the log asks where it stands. */
export function onSnapshotSent(state: RaftState, input: Extract<Input, { kind: 'snapshot-sent' }>, out: Outbox): RaftState {
  const peer = peerOf(state, input.to);
  if (peer === undefined || peer.state !== 'snapshot') return state;
  if (input.outcome === 'delivered') return replicateTo(withPeer(state, toProbe(peer, input.index + 1)), peer.id, out);
  // A number that nothing sent so far has: the next attempt waits for the heartbeat, or a dead link would be streamed at without pause.
  return withPeer(state, withProgress(toProbe(peer, peer.match + 1), { probeNumber: state.lastNumber + 1, activeTick: state.now }));
}

export function onSnapshotTaken(state: RaftState, snapshot: SnapshotPosition): RaftState {
  if (snapshot.index <= state.snapshot.index) return state;
  if (snapshot.index > state.lastApplied) throw new RangeError(`snapshot at ${snapshot.index}, but applied is only ${state.lastApplied}`);
  return withFields(state, { snapshot: { index: snapshot.index, term: snapshot.term } });
}

/** The storage dropped what snapshots cover; the configuration in force at the new beginning is kept. */
export function onTrimmed(state: RaftState, firstIndex: LogIndex): RaftState {
  if (firstIndex - 1 > state.snapshot.index) throw new RangeError(`log trimmed to ${firstIndex}, but the snapshot covers only ${state.snapshot.index}`);
  const log = trimLog(state.log, firstIndex);
  if (log === state.log) return state;
  const held = state.configurations.findLastIndex((one) => one.index <= log.base.index);
  return withFields(state, { log, configurations: held > 0 ? state.configurations.slice(held) : state.configurations });
}
