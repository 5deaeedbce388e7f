import { advanceCommit, hasCommittedInTerm } from './commit.ts';
import { MAX_CHANGES, NO_CONFIGURATION, checkConfiguration, encodeConfiguration, hasQuorum, memberOf, votersOf, type Configuration, type MembershipChange, type PlacedConfiguration } from './configuration.ts';
import { appendOwn } from './entries.ts';
import type { Input } from './input.ts';
import { refusal, send, type Outbox } from './outbox.ts';
import { isReachable, newProgress, peerOf, withLeading } from './peers.ts';
import type { Refusal } from './ready.ts';
import { replicateToAll } from './replication.ts';
import type { RaftState } from './state.ts';
import { bestTarget, startTransfer } from './transfer.ts';
import type { LogIndex, MemberId } from './types.ts';

const NOWHERE: PlacedConfiguration = { index: 0, configuration: NO_CONFIGURATION };

/** The newest configuration in the log, committed or not, else the snapshot's (Ongaro thesis 4.1). */
export function activePlaced(state: RaftState): PlacedConfiguration {
  return state.configurations.at(-1) ?? NOWHERE;
}

export function activeConfiguration(state: RaftState): Configuration {
  return activePlaced(state).configuration;
}

/** The configuration that held at `index`: what a snapshot there must carry. Null before the oldest one known. */
export function configurationAt(state: RaftState, index: LogIndex): PlacedConfiguration | null {
  return state.configurations.findLast((one) => one.index <= index) ?? null;
}

export function isChangePending(state: RaftState): boolean {
  return activePlaced(state).index > state.commit;
}

/** Whether a committed configuration says that this id was removed: for ever, ids are not used again. */
export function wasRemoved(state: RaftState, id: MemberId): boolean {
  if (memberOf(activeConfiguration(state), id) !== undefined) return false;
  return configurationAt(state, state.commit)?.configuration.tombstones.includes(id) ?? false;
}

type ChangeInput = Extract<Input, { kind: 'change' }>;

/** One change at a time (Ongaro thesis 4.1, with the rule of 2015 that the leader has committed in its own term first). */
export function onChange(state: RaftState, input: ChangeInput, out: Outbox): RaftState {
  const { id, change, changeId } = input;
  const active = activePlaced(state);
  const first = state.role === 'leader' ? active.configuration.changes.find((one) => one.changeId === changeId) : undefined;
  if (first !== undefined) {
    out.changes.push({ id, kind: 'accepted', value: { index: first.index, term: first.term } });
    return state;
  }
  const position = { index: state.log.last + 1, term: state.term };
  const changed = withChange(active.configuration, change, { changeId, ...position });
  const refused = refuseChange(state, input, active, changed);
  if (refused !== null) {
    out.changes.push({ id, kind: 'refused', refusal: refused });
    return state;
  }
  // A leader never appends its own removal: it hands over, and the caller asks the successor under the same changeId.
  if (change.kind === 'remove' && change.id === state.id) {
    const target = bestTarget(state, changed);
    if (target !== null) return startTransfer(state, { kind: 'removal', id, to: target }, out);
    out.changes.push({ id, kind: 'refused', refusal: refusal(state, 'transfer-target', 'no other voter is there to lead') });
    return state;
  }
  out.changes.push({ id, kind: 'accepted', value: position });
  const appended = withPeersOf(appendOwn(state, 'confChange', encodeConfiguration(changed), input.wallClockMs, out));
  return replicateToAll(advanceCommit(appended, out), out);
}

/** A leader follows exactly the others of its newest configuration. */
function withPeersOf(state: RaftState): RaftState {
  const others = activeConfiguration(state).members.filter((member) => member.id !== state.id);
  return withLeading(state, { peers: others.map((member) => peerOf(state, member.id) ?? newProgress(state, member.id, state.log.last)) });
}

function withChange(configuration: Configuration, change: MembershipChange, record: Configuration['changes'][number]): Configuration {
  const changes = [...configuration.changes, record].slice(-MAX_CHANGES);
  const { members, tombstones } = configuration;
  switch (change.kind) {
    case 'add-learner':
      return { members: [...members, { id: change.id, name: change.name, address: change.address, role: 'learner' }], tombstones, changes };
    case 'promote':
      return { members: members.map((member) => (member.id === change.id ? { ...member, role: 'voter' } : member)), tombstones, changes };
    case 'remove':
      return { members: members.filter((member) => member.id !== change.id), tombstones: [...tombstones, change.id], changes };
    case 'change-address':
      return { members: members.map((member) => (member.id === change.id ? { ...member, address: change.address } : member)), tombstones, changes };
  }
}

/** Why the change may not be made now; null when it may. The order of the tests is the order in which an operator can act on them. */
function refuseChange(state: RaftState, input: ChangeInput, active: PlacedConfiguration, changed: Configuration): Refusal | null {
  const no = (rule: Refusal['rule'], message: string): Refusal => refusal(state, rule, message);
  if (state.leading === null) return state.isRemoved ? no('removed', 'this member was removed from the cluster') : no('not-leader', 'only the leader changes the membership');
  if (state.leading.transfer !== null) return no('transferring', 'leadership is being handed over');
  if (!hasCommittedInTerm(state)) return no('no-commit-in-term', `nothing is committed in term ${state.term} yet`);
  if (active.index > state.commit) return no('change-pending', `the change at entry ${active.index} is not committed yet`);
  if (input.expectedIndex !== null && input.expectedIndex !== active.index) return no('configuration-moved', `the configuration is that of entry ${active.index}, not of ${input.expectedIndex}`);
  const refused = refuseByKind(state, input.change, active.configuration, no);
  if (refused !== null) return refused;
  try {
    checkConfiguration(changed);
    if (input.changeId.length === 0 || input.changeId.length > 255) return no('bad-change', 'a changeId has 1 to 255 characters');
  } catch (error) {
    if (error instanceof RangeError) return no('bad-change', error.message);
    throw error;
  }
  // Without a quorum that answers, the change would stop the cluster, and nothing could take it back.
  if (!hasQuorum(changed, (voter) => isReachable(state, voter))) return no('margin-lost', `too few of the voters ${votersOf(changed).join(', ')} answer at present`);
  return null;
}

function refuseByKind(state: RaftState, change: MembershipChange, configuration: Configuration, no: (rule: Refusal['rule'], message: string) => Refusal): Refusal | null {
  const member = memberOf(configuration, change.id);
  if (change.kind === 'add-learner') {
    if (member !== undefined) return no('id-reused', `${change.id} is a member already`);
    if (configuration.tombstones.includes(change.id)) return no('id-reused', `${change.id} was removed once: an id is never used again`);
  } else if (member === undefined) return no('unknown-member', `${change.id} is no member`);
  if (change.kind === 'add-learner' || change.kind === 'change-address') {
    const user = configuration.members.find((one) => one.address === change.address && one.id !== change.id);
    if (user !== undefined) return no('address-in-use', `${user.id} has the address ${change.address}`);
  }
  if (change.kind === 'promote') {
    if (member?.role === 'voter') return no('already-voter', `${change.id} is a voter already`);
    const lag = lagOf(state, change.id);
    if (lag !== null) return no('learner-lagging', `${change.id} ${lag}`);
  }
  if (change.kind === 'remove' && member?.role === 'voter' && votersOf(configuration).length === 1) return no('last-voter', `${change.id} is the last voter`);
  return null;
}

/** Why a learner is not ready to vote (Ongaro thesis 4.2.1); null when it is. */
function lagOf(state: RaftState, id: MemberId): string | null {
  const peer = peerOf(state, id);
  const { electionMinTicks } = state.settings;
  if (peer === undefined || !isReachable(state, id)) return peer?.hasAmnesia === true ? 'lost entries it had acknowledged' : 'does not answer';
  if (peer.match < state.commit) return `stores entries up to ${peer.match}, committed is ${state.commit}`;
  const { target, startedTick, lastRoundTicks } = peer.catchUp;
  if (lastRoundTicks === null || lastRoundTicks >= electionMinTicks) return 'has not yet caught up within one election timeout';
  if (target > 0 && state.now - startedTick >= electionMinTicks) return 'has fallen behind again';
  return null;
}

/** A committed removal is told to whom it concerns: it would otherwise campaign for ever (Ongaro thesis 4.2.3). */
export function tellRemoved(before: RaftState, after: RaftState, out: Outbox): void {
  for (const [at, placed] of after.configurations.entries()) {
    if (placed.index <= before.commit || placed.index > after.commit) continue;
    for (const member of after.configurations[at - 1]?.configuration.members ?? []) {
      if (memberOf(placed.configuration, member.id) === undefined) tellOne(after, member.id, out);
    }
  }
}

export function tellOne(state: RaftState, id: MemberId, out: Outbox): void {
  const index = configurationAt(state, state.commit)?.index ?? 0;
  send(out, { kind: 'removed', from: state.id, to: id, term: state.term, configurationIndex: index });
}
