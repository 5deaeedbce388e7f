import { lastPosition } from '../core/log.ts';
import type { Progress } from '../core/progress.ts';
import { TICK_MS } from '../core/settings.ts';
import type { RaftState } from '../core/state.ts';
import type { MemberProgress, NodeStatus } from '../ports/node-api.ts';
import type { Identity } from '../ports/storage.ts';
import type { NodeOptions } from './contract.ts';

/** What only the runtime knows of a member. */
export interface Surroundings {
  readonly identity: Identity;
  readonly options: NodeOptions;
  readonly appliedIndex: number;
  readonly stateHash: string;
  readonly leaderSinceMs: number | null;
  readonly eventLoopDelayMs: number;
}

/** Milliseconds since this member last heard the leader; 0 for the leader itself, null when it never did in this term. */
export function leaderContactMs(state: RaftState): number | null {
  if (state.role === 'leader') return 0;
  if (state.leader === null || state.contactTick === null) return state.leader !== null && state.isHeard ? 0 : null;
  return state.isHeard ? 0 : (state.now - state.contactTick) * TICK_MS;
}

export function nodeStatus(state: RaftState, around: Surroundings): NodeStatus {
  const { identity, options } = around;
  const newest = state.configurations.at(-1);
  return {
    clusterId: identity.clusterId,
    generation: identity.generation,
    memberId: identity.memberId,
    name: identity.name,
    version: options.version,
    role: state.role,
    term: state.term,
    votedFor: state.vote === '' ? null : state.vote,
    leader: state.leader,
    leaderSinceMs: around.leaderSinceMs,
    commitIndex: state.commit,
    appliedIndex: around.appliedIndex,
    firstIndex: state.log.base.index + 1,
    lastEntry: lastPosition(state.log),
    snapshotIndex: state.snapshot.index,
    stateHash: around.stateHash,
    configurationIndex: newest?.index ?? 0,
    isChangePending: (newest?.index ?? 0) > state.commit,
    members: membersOf(state, options.version),
    removedIds: newest?.configuration.tombstones ?? [],
    isRemoved: state.isRemoved,
    eventLoopDelayMs: around.eventLoopDelayMs,
    featureLevel: 0,
    maxFeatureLevel: options.maxFeatureLevel,
  };
}

function membersOf(state: RaftState, version: string): MemberProgress[] {
  const members = state.configurations.at(-1)?.configuration.members ?? [];
  return members.map((member): MemberProgress => {
    const hasAmnesia = state.amnesiacs.includes(member.id);
    if (member.id === state.id) return { ...member, matchIndex: state.disk.durable, lastContactMs: 0, hasAmnesia, state: 'self', version };
    const peer = state.leading?.peers.find((one) => one.id === member.id);
    if (peer === undefined) return { ...member, matchIndex: null, lastContactMs: null, hasAmnesia, state: 'unknown', version: null };
    return { ...member, matchIndex: peer.match, lastContactMs: contactMs(state, peer), hasAmnesia: hasAmnesia || peer.hasAmnesia, state: peer.state, version: null };
  });
}

function contactMs(state: RaftState, peer: Progress): number | null {
  if (peer.isHeard) return 0;
  return peer.contactTick === null ? null : (state.now - peer.contactTick) * TICK_MS;
}
