import { quorumValue } from '../core/configuration.ts';
import { activeConfiguration } from '../core/membership.ts';
import { peerOf } from '../core/peers.ts';
import { TICK_MS } from '../core/settings.ts';
import { leaderContactTicks, statusOf } from '../core/status.ts';
import type { RaftState } from '../core/state.ts';
import type { NodeStatus } from '../ports/node-api.ts';
import type { Identity } from '../ports/storage.ts';
import type { NodeOptions } from './contract.ts';

/** What only the runtime knows of a member. */
export interface Surroundings {
  readonly identity: Identity;
  readonly options: NodeOptions;
  /** The state machine's: index and digest of one moment. */
  readonly appliedIndex: number;
  readonly stateHash: string;
  readonly leaderSinceMs: number | null;
  readonly eventLoopDelayMs: number;
}

/**
 * How old this member's knowledge of who leads may be, in milliseconds: since it last heard the leader, and for the leader since it last
 * heard from a quorum, for a cut-off leader does not know yet that another one writes. Null: never heard in this term.
 */
export function leaderContactMs(state: RaftState): number | null {
  const { leading } = state;
  if (leading === null) {
    const ticks = leaderContactTicks(state);
    return ticks === null ? null : ticks * TICK_MS;
  }
  const heardTick = quorumValue(activeConfiguration(state), (voter) => {
    const peer = peerOf(state, voter);
    return voter === state.id || peer?.isHeard === true ? state.now : (peer?.contactTick ?? leading.sinceTick);
  });
  return (state.now - heardTick) * TICK_MS;
}

export function nodeStatus(state: RaftState, around: Surroundings): NodeStatus {
  const { identity, options } = around;
  const { role, term, votedFor, leader, commitIndex, firstIndex, lastEntry, snapshotIndex, configurationIndex, configuration, isChangePending, isRemoved, members } = statusOf(state);
  return {
    clusterId: identity.clusterId,
    generation: identity.generation,
    memberId: identity.memberId,
    name: identity.name,
    version: options.version,
    role,
    term,
    votedFor,
    leader,
    leaderSinceMs: around.leaderSinceMs,
    commitIndex,
    appliedIndex: around.appliedIndex,
    firstIndex,
    lastEntry,
    snapshotIndex,
    stateHash: around.stateHash,
    configurationIndex,
    isChangePending,
    members: members.map(({ contactAgeTicks, ...member }) => ({
      ...member,
      lastContactMs: contactAgeTicks === null ? null : contactAgeTicks * TICK_MS,
      version: member.state === 'self' ? options.version : null,
    })),
    removedIds: configuration.tombstones,
    isRemoved,
    eventLoopDelayMs: around.eventLoopDelayMs,
    featureLevel: 0,
    maxFeatureLevel: options.maxFeatureLevel,
  };
}
