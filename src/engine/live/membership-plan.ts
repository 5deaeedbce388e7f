import type { MembershipChange } from '../core/configuration.ts';
import type { MemberId } from '../core/types.ts';
import { RefusedError, UsageError } from '../errors.ts';
import { ASSIGNS_IDS, type ClusterKind } from './cluster.ts';
import { type LiveMember, memberNamed, memberOf, type MemberList, toleranceOf } from './member-list.ts';

/** A configuration, as far as a change of membership is about it. */
export interface ConfigurationView {
  readonly voters: readonly MemberId[];
  readonly learners: readonly MemberId[];
  readonly quorum: number;
  readonly failuresTolerated: number;
}

/** One line of a preview: what becomes of a member. */
export interface MemberDiff {
  readonly id: MemberId;
  readonly sign: '+' | '-' | '~' | ' ';
  readonly before: LiveMember['role'] | null;
  readonly after: LiveMember['role'] | null;
  readonly addresses: readonly string[];
  readonly healthy: boolean;
}

/** One step of a change, and the id under which the cluster remembers it. */
export interface PlannedStep {
  readonly id: string;
  readonly kind: MembershipChange['kind'] | 'wait';
  readonly target: MemberId;
  /** Null: nothing to ask for, only to wait. */
  readonly change: MembershipChange | null;
  readonly changeId: string | null;
  /** Whether the cluster shows it as done already. */
  readonly isDone: boolean;
}

/** What a membership command would do, worked out from what the cluster says now. Pure. */
export interface MembershipPlan {
  readonly clusterId: string;
  readonly title: string;
  readonly steps: readonly PlannedStep[];
  readonly before: ConfigurationView;
  readonly after: ConfigurationView;
  readonly members: readonly MemberDiff[];
  /** Why the operator has to confirm with the cluster id; null when he has not. */
  readonly severe: string | null;
  readonly configurationIndex: number;
}

/** The command in the operator's words. */
export type MembershipRequest =
  | { readonly kind: 'add'; readonly id: MemberId; readonly name: string; readonly address: string }
  | { readonly kind: 'promote'; readonly id: MemberId }
  | { readonly kind: 'remove'; readonly id: MemberId }
  | { readonly kind: 'replace'; readonly old: MemberId; readonly id: MemberId; readonly name: string; readonly address: string };

/**
 * Works out the steps: which are done, and what the configuration will be.
 * @throws {RefusedError} With the rule that the cluster itself would name: `id-reused`, `unknown-member`, `address-in-use`, `last-voter`, `margin-lost`.
 */
export function planMembership(asked: MembershipRequest, list: MemberList, kind: ClusterKind = 'native'): MembershipPlan {
  const assignsIds = ASSIGNS_IDS.has(kind);
  const request = assignsIds ? withKnownIds(asked, list) : asked;
  const steps = stepsOf(request, list, assignsIds);
  const after = steps.filter((one) => !one.isDone).reduce((members, one) => (one.change === null ? members : applyChange(members, one.change)), list.members);
  refuseWhatCannotBe(list.members, steps);
  const before = viewOf(list.members);
  const resulting = viewOf(after);
  return {
    clusterId: list.clusterId,
    title: titleOf(asked),
    steps,
    before,
    after: resulting,
    members: diffOf(list.members, after),
    severe: severityOf(list.members, steps),
    configurationIndex: list.configurationIndex,
  };
}

/** Equal for every attempt of the same command, so that a retry after a lost answer never does a thing twice. */
export function changeIdOf(clusterId: string, change: MembershipChange): string {
  return change.kind === 'add-learner' || change.kind === 'change-address' ? `${change.kind}:${change.id}@${change.address}:${clusterId}` : `${change.kind}:${change.id}:${clusterId}`;
}

/** Where the cluster gives the ids, operators name members by name or id: the ids in their place. A newcomer keeps its name until it has one. */
function withKnownIds(request: MembershipRequest, list: MemberList): MembershipRequest {
  const idOf = (word: string): MemberId => memberNamed(list, word)?.id ?? word;
  const newcomer = (one: { id: MemberId; address: string }): MemberId => list.members.find((member) => member.addresses.includes(one.address))?.id ?? one.id;
  switch (request.kind) {
    case 'add':
      return { ...request, id: newcomer(request) };
    case 'replace':
      return { ...request, old: idOf(request.old), id: newcomer(request) };
    default:
      return { ...request, id: idOf(request.id) };
  }
}

function stepsOf(request: MembershipRequest, list: MemberList, assignsIds: boolean): PlannedStep[] {
  const step = (change: MembershipChange, isDone: boolean): PlannedStep => ({ id: `${change.kind} ${change.id}`, kind: change.kind, target: change.id, change, changeId: changeIdOf(list.clusterId, change), isDone });
  const add = (one: { id: MemberId; name: string; address: string }): PlannedStep => {
    const known = memberOf(list, one.id);
    // The one that is replaced leaves first when it is down: its name is free then.
    const leaving = request.kind === 'replace' && memberOf(list, request.old)?.healthy === false ? request.old : null;
    const namesake = assignsIds ? list.members.find((member) => member.id !== one.id && member.id !== leaving && member.name === one.name) : undefined;
    if (namesake !== undefined) throw new RefusedError('name-in-use', `${namesake.id} is called ${one.name} already, at ${namesake.addresses.join(', ')}`, 'Give the new member another name, or remove the old one first');
    if (known !== undefined && !known.addresses.includes(one.address)) {
      throw new RefusedError('address-in-use', `${one.id} is a member already, at ${known.addresses.join(', ')} and not at ${one.address}`, `Take another id, or look whether the address is right: raft-inspector member list`);
    }
    const other = list.members.find((member) => member.id !== one.id && member.addresses.includes(one.address));
    if (other !== undefined) throw new RefusedError('address-in-use', `${one.address} is the address of ${other.id}`, 'Every member has an address of its own');
    if (known === undefined && list.removedIds.includes(one.id)) {
      throw new RefusedError('id-reused', `${one.id} was a member once and was removed`, 'An id is never used twice: choose a new one and give the member an empty directory');
    }
    return step({ kind: 'add-learner', ...one }, known !== undefined);
  };
  const promote = (id: MemberId): PlannedStep => step({ kind: 'promote', id }, memberOf(list, id)?.role === 'voter');
  const remove = (id: MemberId): PlannedStep => {
    const isGone = memberOf(list, id) === undefined;
    if (isGone && !list.removedIds.includes(id)) throw new RefusedError('unknown-member', assignsIds ? `${id} is no member, or no longer` : `${id} is no member and never was`, `The members are ${list.members.map((one) => one.id).join(', ')}`);
    return step({ kind: 'remove', id }, isGone);
  };
  switch (request.kind) {
    case 'add': {
      const { kind: _kind, ...member } = request;
      return [add(member)];
    }
    case 'promote':
      if (memberOf(list, request.id) === undefined) throw new RefusedError('unknown-member', `${request.id} is no member`, `Add it first: raft-inspector member add ${request.id} <host:port>`);
      return [promote(request.id)];
    case 'remove':
      return [remove(request.id)];
    case 'replace': {
      const { old, id, name, address } = request;
      if (old === id) throw new UsageError('a member is not replaced by itself', 'The new member needs an id of its own: an id is never used twice');
      const wait: PlannedStep = { id: `wait ${id}`, kind: 'wait', target: id, change: null, changeId: null, isDone: memberOf(list, id)?.role === 'voter' };
      const grow = [add({ id, name, address }), wait, promote(id)];
      // A member that is alive stays until its successor counts; one that is dead only weighs on the majority.
      const isAlive = memberOf(list, old)?.healthy === true;
      return isAlive ? [...grow, remove(old)] : [remove(old), ...grow];
    }
  }
}

/** Every step on the way is looked at, not only where it ends. */
function refuseWhatCannotBe(members: readonly LiveMember[], steps: readonly PlannedStep[]): void {
  let now = members;
  for (const { change, isDone } of steps) {
    if (change === null || isDone) continue;
    const next = applyChange(now, change);
    const voters = next.filter((one) => one.role === 'voter');
    const { quorum } = toleranceOf(next);
    if (voters.length === 0) throw new RefusedError('last-voter', `${change.id} is the only voter`, 'A cluster needs a voter: add and promote another one first');
    const up = voters.filter((one) => one.healthy).length;
    if ((change.kind === 'promote' || change.kind === 'remove') && up < quorum) {
      throw new RefusedError(
        'margin-lost',
        `${verb(change)} would leave ${voters.length} voters with a quorum of ${quorum}, and only ${up} of them ${up === 1 ? 'is' : 'are'} up`,
        `Start the members that are down first: ${voters.filter((one) => !one.healthy).map((one) => one.id).join(', ')}`,
      );
    }
    now = next;
  }
}

/** A step after which one more failure stops the cluster is not taken without the cluster's id (command contract, promise 2). */
function severityOf(members: readonly LiveMember[], steps: readonly PlannedStep[]): string | null {
  let now = members;
  for (const { change, isDone } of steps) {
    if (change === null || isDone) continue;
    now = applyChange(now, change);
    const { voters, quorum, failuresTolerated } = toleranceOf(now);
    if ((change.kind === 'promote' || change.kind === 'remove') && failuresTolerated === 0) {
      return `after ${verb(change)} there ${voters === 1 ? 'is 1 voter' : `are ${voters} voters`} with a quorum of ${quorum}: no further failure is tolerated`;
    }
  }
  return null;
}

function applyChange(members: readonly LiveMember[], change: MembershipChange): readonly LiveMember[] {
  switch (change.kind) {
    case 'add-learner': {
      const { id, name, address } = change;
      // Taken for healthy: whether it answers shows only once it is a member, and it counts only once it was promoted.
      return [...members, { id, name, addresses: [address], role: 'learner', isLeader: false, matchIndex: null, lag: null, version: null, healthy: true, lastContactMs: null, problem: null }];
    }
    case 'promote':
      return members.map((one) => (one.id === change.id ? { ...one, role: 'voter' as const } : one));
    case 'remove':
      return members.filter((one) => one.id !== change.id);
    case 'change-address':
      return members.map((one) => (one.id === change.id ? { ...one, addresses: [change.address] } : one));
  }
}

function viewOf(members: readonly LiveMember[]): ConfigurationView {
  const { quorum, failuresTolerated } = toleranceOf(members);
  const ids = (role: LiveMember['role']): MemberId[] => members.filter((one) => one.role === role).map((one) => one.id);
  return { voters: ids('voter'), learners: ids('learner'), quorum, failuresTolerated };
}

function diffOf(before: readonly LiveMember[], after: readonly LiveMember[]): MemberDiff[] {
  const ids = [...new Set([...before, ...after].map((one) => one.id))];
  return ids.map((id) => {
    const [old, now] = [memberOf({ members: before }, id), memberOf({ members: after }, id)];
    const sign = old === undefined ? '+' : now === undefined ? '-' : old.role !== now.role ? '~' : ' ';
    return { id, sign, before: old?.role ?? null, after: now?.role ?? null, addresses: (now ?? old)?.addresses ?? [], healthy: (old ?? now)?.healthy ?? false };
  });
}

function verb(change: MembershipChange): string {
  return `${change.kind} ${change.id}`;
}

function titleOf(request: MembershipRequest): string {
  switch (request.kind) {
    case 'add':
      return `add ${request.id} as learner`;
    case 'promote':
      return `make ${request.id} a voter`;
    case 'remove':
      return `remove ${request.id}`;
    case 'replace':
      return `replace ${request.old} by ${request.id}`;
  }
}
