import { memberOf } from './configuration.ts';
import { lastPosition, termAt } from './log.ts';
import { activeConfiguration, activePlaced } from './membership.ts';
import type { RaftState } from './state.ts';

/** A property of the protocol that does not hold. `rule` is its id (I7). */
export interface Violation {
  readonly rule: string;
  readonly message: string;
}

function expect(found: Violation[], holds: boolean, rule: string, message: () => string): void {
  if (!holds) found.push({ rule, message: message() });
}

/** What must hold in every state of one member, whatever happened to it. */
export function violationsOf(state: RaftState): Violation[] {
  const found: Violation[] = [];
  const { log, commit, lastApplied, snapshot, disk, role, leading } = state;

  expect(found, log.base.index <= snapshot.index, 'I7', () => `the log begins behind ${log.base.index}, the snapshot covers ${snapshot.index}`);
  expect(found, commit <= log.last, 'I7', () => `commit ${commit} is beyond the log's end ${log.last}`);
  expect(found, lastApplied <= commit, 'I7', () => `applied ${lastApplied} is beyond commit ${commit}`);
  expect(found, snapshot.index <= commit, 'I7', () => `snapshot ${snapshot.index} is beyond commit ${commit}`);
  expect(found, snapshot.index === 0 || termAt(log, snapshot.index) === snapshot.term, 'I7', () => `snapshot of term ${snapshot.term} at ${snapshot.index}, the log says ${String(termAt(log, snapshot.index))}`);
  expect(found, lastPosition(log).term <= state.term, 'I7', () => `last entry of term ${lastPosition(log).term} in term ${state.term}`);
  expect(found, disk.durable <= log.last, 'I11', () => `durable ${disk.durable} is beyond the log's end ${log.last}`);
  expect(found, disk.pending.every((write) => write.last <= log.last && write.number > disk.lastWritten), 'I11', () => 'a pending write proves more than the log holds');

  let previous = 0;
  for (const placed of state.configurations) {
    expect(found, placed.index >= previous && placed.index <= log.last, 'I13', () => `configuration of entry ${placed.index} is out of order or beyond the log`);
    previous = placed.index;
  }

  const isCandidate = role === 'pre-candidate' || role === 'candidate';
  expect(found, isCandidate === (state.campaign !== null), 'I18', () => `role ${role} with campaign ${String(state.campaign?.phase)}`);
  if (isCandidate || role === 'leader') {
    expect(found, memberOf(activeConfiguration(state), state.id)?.role === 'voter', 'I18', () => `${role} without being a voter of configuration ${activePlaced(state).index}`);
  }
  if (role === 'candidate') expect(found, state.vote === state.id, 'I1', () => `candidate of term ${state.term} voted for ${state.vote}`);

  expect(found, (role === 'leader') === (leading !== null), 'I1', () => `role ${role} and leader's state disagree`);
  if (leading !== null) {
    const others = activeConfiguration(state).members.filter((member) => member.id !== state.id).map((member) => member.id);
    expect(found, others.join() === leading.peers.map((peer) => peer.id).join(), 'I13', () => `follows ${leading.peers.map((peer) => peer.id).join()}, the configuration lists ${others.join()}`);
    for (const peer of leading.peers) {
      expect(found, peer.next > peer.match && peer.match <= log.last && peer.next <= log.last + 1, 'I6', () => `${peer.id}: match ${peer.match}, next ${peer.next}, last ${log.last}`);
      expect(found, peer.inflight.length <= state.settings.maxInflightMessages, 'I24', () => `${peer.id}: ${peer.inflight.length} messages in flight`);
      expect(found, peer.inflightBytes === peer.inflight.reduce((sum, one) => sum + one.bytes, 0), 'I24', () => `${peer.id}: bytes in flight do not add up`);
    }
  }
  const waiting = (state.asked?.ids.length ?? 0) + (state.unasked?.length ?? 0);
  expect(found, waiting <= state.settings.maxPendingReads, 'I24', () => `${waiting} reads wait for the leader`);
  return found.map((one) => ({ rule: one.rule, message: `${state.id}: ${one.message}` }));
}

/** What must hold from one state of a running member to the next. */
export function violationsBetween(before: RaftState, after: RaftState): Violation[] {
  const found: Violation[] = [];
  expect(found, after.term >= before.term, 'I7', () => `term fell from ${before.term} to ${after.term}`);
  expect(found, after.commit >= before.commit, 'I7', () => `commit fell from ${before.commit} to ${after.commit}`);
  expect(found, after.lastApplied >= before.lastApplied, 'I7', () => `applied fell from ${before.lastApplied} to ${after.lastApplied}`);
  expect(found, after.term > before.term || before.vote === '' || after.vote === before.vote, 'I1', () => `vote of term ${after.term} changed from ${before.vote} to ${after.vote}`);
  expect(found, after.log.base.index >= before.log.base.index, 'I20', () => `the log's beginning fell from ${before.log.base.index} to ${after.log.base.index}`);
  if (before.leading !== null && after.leading !== null && before.term === after.term) {
    expect(found, after.log.last >= before.log.last, 'I2', () => `a leader's log fell from ${before.log.last} to ${after.log.last}`);
    for (const peer of after.leading.peers) {
      const was = before.leading.peers.find((one) => one.id === peer.id);
      expect(found, was === undefined || peer.hasAmnesia || peer.match >= was.match, 'I6', () => `${peer.id}: match fell from ${was?.match ?? 0} to ${peer.match}`);
    }
  }
  return found.map((one) => ({ rule: one.rule, message: `${after.id}: ${one.message}` }));
}
