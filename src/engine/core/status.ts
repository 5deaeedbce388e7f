import type { Configuration, Member } from './configuration.ts';
import { firstIndexOf, lastPosition } from './log.ts';
import { activePlaced, isChangePending, wasRemoved } from './membership.ts';
import { peerOf } from './peers.ts';
import type { Progress } from './progress.ts';
import type { Role } from './raft.ts';
import type { RaftState } from './state.ts';
import type { LogIndex, LogPosition, MemberId, Term } from './types.ts';

/** One member as this one sees it. Ticks are 10 ms; nulls where this member does not lead. */
export interface PeerStatus extends Member {
  readonly matchIndex: LogIndex | null;
  readonly contactAgeTicks: number | null;
  readonly hasAmnesia: boolean;
  readonly state: Progress['state'] | 'self' | 'unknown';
}

/** What a member can say of itself. */
export interface RaftStatus {
  readonly id: MemberId;
  readonly role: Role;
  readonly term: Term;
  readonly votedFor: MemberId | null;
  readonly leader: MemberId | null;
  /** Ticks since this term's leader was heard; 0 for the leader itself, null when it never was. */
  readonly leaderContactTicks: number | null;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly durableIndex: LogIndex;
  readonly firstIndex: LogIndex;
  readonly lastEntry: LogPosition;
  readonly snapshotIndex: LogIndex;
  readonly configurationIndex: LogIndex;
  readonly configuration: Configuration;
  readonly isChangePending: boolean;
  readonly isTransferring: boolean;
  readonly isRemoved: boolean;
  readonly members: readonly PeerStatus[];
}

export function statusOf(state: RaftState): RaftStatus {
  const active = activePlaced(state);
  return {
    id: state.id,
    role: state.role,
    term: state.term,
    votedFor: state.vote === '' ? null : state.vote,
    leader: state.leader,
    leaderContactTicks: leaderContactTicks(state),
    commitIndex: state.commit,
    appliedIndex: state.lastApplied,
    durableIndex: state.disk.durable,
    firstIndex: firstIndexOf(state.log),
    lastEntry: lastPosition(state.log),
    snapshotIndex: state.snapshot.index,
    configurationIndex: active.index,
    configuration: active.configuration,
    isChangePending: isChangePending(state),
    isTransferring: state.leading !== null && state.leading.transfer !== null,
    isRemoved: state.isRemoved || wasRemoved(state, state.id),
    members: active.configuration.members.map((member) => peerStatus(state, member)),
  };
}

/** Ticks since this term's leader was heard; 0 for the leader itself, null when it never was. */
export function leaderContactTicks(state: RaftState): number | null {
  if (state.role === 'leader' || state.isHeard) return 0;
  return state.contactTick === null ? null : state.now - state.contactTick;
}

function peerStatus(state: RaftState, member: Member): PeerStatus {
  if (member.id === state.id) return { ...member, matchIndex: state.disk.durable, contactAgeTicks: 0, hasAmnesia: false, state: 'self' };
  const peer = peerOf(state, member.id);
  if (peer === undefined) return { ...member, matchIndex: null, contactAgeTicks: null, hasAmnesia: state.amnesiacs.includes(member.id), state: 'unknown' };
  const contactAgeTicks = peer.isHeard ? 0 : peer.contactTick === null ? null : state.now - peer.contactTick;
  return { ...member, matchIndex: peer.match, contactAgeTicks, hasAmnesia: peer.hasAmnesia, state: peer.state };
}
