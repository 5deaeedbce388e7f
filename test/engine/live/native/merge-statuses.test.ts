import assert from 'node:assert/strict';
import { RefusedError } from '../../../../src/engine/errors.ts';
import { leaderView, leadershipOf, mergeStatuses } from '../../../../src/engine/live/native/merge-statuses.ts';
import type { MemberProgress, NodeStatus } from '../../../../src/engine/ports/node-api.ts';

function progress(id: string, rest: Partial<MemberProgress> = {}): MemberProgress {
  return { id, name: id, address: `127.0.0.1:${id.slice(1)}`, role: 'voter', matchIndex: null, lastContactMs: null, hasAmnesia: false, state: 'unknown', version: null, ...rest };
}

function status(id: string, rest: Partial<NodeStatus> = {}): NodeStatus {
  return {
    clusterId: 'c', generation: 1, memberId: id, name: id, version: '0.1.0', role: 'follower', term: 5, votedFor: null, leader: 'n1', leaderSinceMs: 1000,
    commitIndex: 50, appliedIndex: 50, firstIndex: 1, lastEntry: { term: 5, index: 50 }, snapshotIndex: 0, stateHash: '', configurationIndex: 1, isChangePending: false,
    members: [progress('n1'), progress('n2'), progress('n3')], removedIds: [], isRemoved: false, eventLoopDelayMs: 0, featureLevel: 0, maxFeatureLevel: 0, ...rest,
  };
}

const asLeader = (rest: Partial<NodeStatus> = {}): NodeStatus =>
  status('n1', { role: 'leader', members: [progress('n1', { matchIndex: 52 }), progress('n2', { matchIndex: 47, lastContactMs: 20 }), progress('n3', { matchIndex: 10, lastContactMs: 9000 })], ...rest });

describe('what members say, as one list', () => {
  it('takes the leader\'s view of the others, and versions from each itself', () => {
    const list = mergeStatuses([status('n2', { version: '0.2.0' }), asLeader()]);
    assert.equal(list.leader, 'n1');
    assert.deepEqual(list.members.map((one) => [one.id, one.matchIndex, one.lag, one.healthy, one.version]), [['n1', 52, 0, true, '0.1.0'], ['n2', 47, 3, true, '0.2.0'], ['n3', 10, 40, false, null]]);
    assert.deepEqual([list.quorum, list.failuresTolerated, list.commitIndex], [2, 0, 50]);
  });

  it('believes the highest term, not a leader that does not know yet', () => {
    assert.deepEqual(leadershipOf([asLeader(), status('n2', { term: 6, role: 'leader', leader: 'n2' }), status('n3', { term: 6, leader: 'n2' })]).id, 'n2');
    assert.equal(leadershipOf([asLeader(), status('n2', { term: 6, role: 'candidate', leader: null })]).id, null);
  });

  it('believes a follower where the leader cannot be asked, but not against the word of the leader itself', () => {
    assert.equal(leadershipOf([status('n2'), status('n3')]).id, 'n1');
    assert.equal(leadershipOf([status('n2'), status('n1', { role: 'follower', leader: null })]).id, null);
    const list = mergeStatuses([status('n2')]);
    assert.deepEqual(list.members.map((one) => [one.id, one.healthy, one.matchIndex]), [['n1', true, null], ['n2', true, null], ['n3', false, null]]);
  });

  it('without a leader, who answers is up', () => {
    const list = mergeStatuses([status('n2', { role: 'pre-candidate', leader: null })]);
    assert.equal(list.leader, null);
    assert.deepEqual(list.members.filter((one) => one.healthy).map((one) => one.id), ['n2']);
  });

  it('a member not yet heard of by a new leader is up when it follows it; one with amnesia never is', () => {
    const fresh = asLeader({ members: [progress('n1', { matchIndex: 50 }), progress('n2'), progress('n3', { hasAmnesia: true, lastContactMs: 1, matchIndex: 50 })] });
    assert.deepEqual(mergeStatuses([fresh, status('n2'), status('n3')]).members.map((one) => one.healthy), [true, true, false]);
    assert.deepEqual(mergeStatuses([fresh]).members.map((one) => one.healthy), [true, false, false]);
    const unheard = asLeader({ members: [progress('n1', { matchIndex: 50 }), progress('n2', { matchIndex: 0 })] });
    assert.deepEqual(mergeStatuses([unheard]).members.map((one) => [one.matchIndex, one.lag]), [[50, 0], [null, null]]);
  });

  it('tells a change that is appended and not committed, and takes the newest configuration without a leader', () => {
    assert.deepEqual(mergeStatuses([asLeader({ isChangePending: true, configurationIndex: 51 })]).pendingChange, { index: 51 });
    const newer = status('n3', { role: 'pre-candidate', leader: null, configurationIndex: 9, members: [progress('n1'), progress('n3')] });
    assert.deepEqual(mergeStatuses([status('n2', { role: 'pre-candidate', leader: null }), newer]).members.map((one) => one.id), ['n1', 'n3']);
  });

  it('refuses endpoints of two clusters', () => {
    assert.throws(() => mergeStatuses([status('n1'), status('n2', { clusterId: 'd' })]), (error) => error instanceof RefusedError && error.rule === 'mixed-clusters');
  });

  it('says since when by the clock of the leader', () => {
    assert.deepEqual(leaderView([status('n2', { leaderSinceMs: 3000 }), asLeader({ leaderSinceMs: 2000 })]), { leader: 'n1', term: 5, since: new Date(2000).toISOString() });
    assert.equal(leaderView([status('n2', { role: 'pre-candidate', leader: null })]).since, null);
  });
});
