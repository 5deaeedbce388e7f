import type { MembershipChange } from '../../core/configuration.ts';
import type { Role } from '../../core/raft.ts';
import { CallError } from '../../ports/node-api.ts';
import type { MemberProgress, NodeStatus, ReadLevel } from '../../ports/node-api.ts';
import * as wire from '../generated/raft_inspector/v1/client.ts';

const ROLES: Readonly<Record<Role, wire.Role>> = { follower: wire.Role.ROLE_FOLLOWER, 'pre-candidate': wire.Role.ROLE_PRE_CANDIDATE, candidate: wire.Role.ROLE_CANDIDATE, leader: wire.Role.ROLE_LEADER };
const MEMBER_ROLES: Readonly<Record<MemberProgress['role'], wire.MemberRole>> = { voter: wire.MemberRole.MEMBER_ROLE_VOTER, learner: wire.MemberRole.MEMBER_ROLE_LEARNER };
const STATES: Readonly<Record<MemberProgress['state'], wire.ProgressState>> = {
  unknown: wire.ProgressState.PROGRESS_STATE_UNSPECIFIED,
  probe: wire.ProgressState.PROGRESS_STATE_PROBE,
  replicate: wire.ProgressState.PROGRESS_STATE_REPLICATE,
  snapshot: wire.ProgressState.PROGRESS_STATE_SNAPSHOT,
  self: wire.ProgressState.PROGRESS_STATE_SELF,
};

export function encodeStatus(status: NodeStatus): wire.GetStatusResponse {
  const { role, votedFor, leader, leaderSinceMs, lastEntry, members, removedIds, ...same } = status;
  return {
    ...same,
    role: ROLES[role],
    votedFor: votedFor ?? undefined,
    leader: leader ?? undefined,
    leaderSinceMs: leaderSinceMs ?? undefined,
    lastIndex: lastEntry.index,
    lastTerm: lastEntry.term,
    members: members.map((member) => ({
      ...member,
      role: MEMBER_ROLES[member.role],
      state: STATES[member.state],
      matchIndex: member.matchIndex ?? undefined,
      lastContactMs: rounded(member.lastContactMs),
      version: member.version ?? undefined,
    })),
    removedIds: [...removedIds],
  };
}

export function decodeStatus(status: wire.GetStatusResponse): NodeStatus {
  const { role, votedFor, leader, leaderSinceMs, lastIndex, lastTerm, members, ...same } = status;
  return {
    ...same,
    role: keyOf(ROLES, role, 'role'),
    votedFor: votedFor ?? null,
    leader: leader ?? null,
    leaderSinceMs: leaderSinceMs ?? null,
    lastEntry: { index: lastIndex, term: lastTerm },
    members: members.map((member) => ({
      ...member,
      role: keyOf(MEMBER_ROLES, member.role, 'role of a member'),
      state: keyOf(STATES, member.state, 'state of a member'),
      matchIndex: member.matchIndex ?? null,
      lastContactMs: member.lastContactMs ?? null,
      version: member.version ?? null,
    })),
  };
}

export function encodeLevel(level: ReadLevel): NonNullable<wire.QueryRequest['level']> {
  switch (level.kind) {
    case 'linearizable':
      return { $case: 'linearizable', value: {} };
    case 'follower':
      return { $case: 'follower', value: { maxStalenessMs: Math.max(0, Math.round(level.maxStalenessMs)), token: level.token } };
    case 'stale':
      return { $case: 'stale', value: {} };
  }
}

/** @throws {CallError} When the request names no level: there is none to fall back on that could not be weaker than meant. */
export function decodeLevel(level: wire.QueryRequest['level']): ReadLevel {
  switch (level?.$case) {
    case 'linearizable':
      return { kind: 'linearizable' };
    case 'follower':
      return { kind: 'follower', maxStalenessMs: level.value.maxStalenessMs, ...(level.value.token === undefined ? {} : { token: level.value.token }) };
    case 'stale':
      return { kind: 'stale' };
    case undefined:
      throw new CallError('failed', 'bad-request', 'the query names no level of consistency');
  }
}

export function encodeChange(change: MembershipChange): NonNullable<wire.ChangeMembershipRequest['change']> {
  switch (change.kind) {
    case 'add-learner':
      return { $case: 'addLearner', value: { id: change.id, name: change.name, address: change.address } };
    case 'promote':
      return { $case: 'promote', value: { id: change.id } };
    case 'remove':
      return { $case: 'remove', value: { id: change.id } };
    case 'change-address':
      return { $case: 'changeAddress', value: { id: change.id, address: change.address } };
  }
}

/** @throws {CallError} When the request names no change. */
export function decodeChange(change: wire.ChangeMembershipRequest['change']): MembershipChange {
  switch (change?.$case) {
    case 'addLearner':
      return { kind: 'add-learner', ...change.value };
    case 'promote':
      return { kind: 'promote', ...change.value };
    case 'remove':
      return { kind: 'remove', ...change.value };
    case 'changeAddress':
      return { kind: 'change-address', ...change.value };
    case undefined:
      throw new CallError('failed', 'bad-request', 'the request names no change');
  }
}

function rounded(value: number | null): number | undefined {
  return value === null ? undefined : Math.max(0, Math.round(value));
}

function keyOf<K extends string>(table: Readonly<Record<K, number>>, value: number, what: string): K {
  for (const key of Object.keys(table) as K[]) if (table[key] === value) return key;
  throw new CallError('failed', 'bad-request', `${what} ${value} is not known`);
}
