import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import * as wire from '../../../../src/engine/adapters/generated/raft_inspector/etcd/v3/etcd.ts';
import { RefusedError, UnreachableError, UsageError } from '../../../../src/engine/errors.ts';
import { hasScheme, parseEtcdEndpoint } from '../../../../src/engine/live/etcd/endpoint.ts';
import { EtcdCallError } from '../../../../src/engine/live/etcd/etcd-client.ts';
import { toEtcdFailure } from '../../../../src/engine/live/etcd/etcd-failures.ts';
import { type EtcdMember, type EtcdStatus, mergeMembers, toEtcdStatus } from '../../../../src/engine/live/etcd/merge-members.ts';
import { toDecimalId, toHexId } from '../../../../src/engine/live/etcd/methods.ts';
import { OutcomeUnknownError } from '../../../../src/engine/live/failures.ts';
import { checkPeerAddress, joinSettings, refuseUsedDirectory } from '../../../../src/engine/live/join-settings.ts';
import { type MembershipRequest, planMembership } from '../../../../src/engine/live/membership-plan.ts';
import { runMembership } from '../../../../src/engine/live/membership-run.ts';
import { NO_JOURNAL } from '../../../../src/engine/live/step-journal.ts';
import { down, FakeCluster, listOf, member } from '../../../helpers/fake-live-cluster.ts';

/** Above 2^53: a double would change it. */
const BIG = 'fedcba9876543211';

describe('what etcd members say', () => {
  const said = (id: string, rest: Partial<EtcdStatus> = {}): EtcdStatus => ({ memberId: id, clusterId: 'c', endpoint: `http://${id}`, leader: 'a', term: 5, commitIndex: 100, appliedIndex: 100, version: '3.4.23', revision: 9, isLearner: false, errors: [], quotaBytes: null, dbBytes: 1, ...rest });
  const listed = (id: string, rest: Partial<EtcdMember> = {}): EtcdMember => ({ id, name: `name-${id}`, peerUrls: [`http://${id}:2380`], clientUrls: [`http://${id}:2379`], isLearner: false, ...rest });

  it('keeps identities of 64 bits whole, on the wire and off it', () => {
    const decimal = toDecimalId(BIG);
    assert.equal(toHexId(decimal), BIG);
    const bytes = wire.StatusResponse.encode({ ...wire.StatusResponse.decode(new Uint8Array()), leader: decimal, header: { clusterId: decimal, memberId: decimal, revision: 7, raftTerm: 3 } }).finish();
    const back = toEtcdStatus(wire.StatusResponse.decode(bytes), 'x');
    assert.deepEqual([back.leader, back.clusterId, back.memberId, back.revision, back.term], [BIG, BIG, BIG, 7, 3]);
    assert.throws(() => toDecimalId('n1'), RangeError);
  });

  it('becomes a list: who leads, who lags, who is down and why', () => {
    const list = mergeMembers([listed('a'), listed('b'), listed('c'), listed('d', { name: '', clientUrls: [], isLearner: true })], [said('a', { commitIndex: 120 }), said('b', { appliedIndex: 90 })]);
    assert.deepEqual(list.members.map((one) => [one.id, one.role, one.isLeader, one.lag, one.healthy]), [['a', 'voter', true, 0, true], ['b', 'voter', false, 30, true], ['c', 'voter', false, null, false], ['d', 'learner', false, null, false]]);
    assert.deepEqual([list.leader, list.commitIndex, list.quorum, list.failuresTolerated], ['a', 120, 2, 0]);
    assert.match(list.members[2]?.problem ?? '', /does not answer at http:\/\/c:2379/);
    assert.match(list.members[3]?.problem ?? '', /not been started/);
  });

  it('believes the highest term, and nobody who is said to lead and denies it', () => {
    assert.equal(mergeMembers([listed('a'), listed('b')], [said('a', { leader: 'a', term: 5 }), said('b', { leader: 'b', term: 6 })]).leader, 'b');
    assert.equal(mergeMembers([listed('a'), listed('b')], [said('a', { leader: null }), said('b', { leader: 'a' })]).leader, null);
    assert.match(mergeMembers([listed('a'), listed('b')], [said('a'), said('b', { leader: null })]).members[1]?.problem ?? '', /sees no leader/);
  });
});

describe('failed etcd calls as errors of commands', () => {
  const failure = (code: status, message: string, effect: 'none' | 'possible' = 'possible', wasSent = true): Error => toEtcdFailure(new EtcdCallError(code, message, 'http://e', wasSent), 'add n2', effect, 'look again');

  it('knows the words of its refusals, whatever code they come with', () => {
    const words: [string, string][] = [
      ['etcdserver: too many learner members in cluster', 'too-many-learners'],
      ['etcdserver: can only promote a learner member which is in sync with leader', 'learner-lagging'],
      ['etcdserver: can only promote a learner member', 'already-voter'],
      ['etcdserver: re-configuration failed due to not enough started members', 'margin-lost'],
      ['etcdserver: Peer URLs already exists', 'address-in-use'],
      ['etcdserver: member not found', 'unknown-member'],
      ['etcdserver: mvcc: database space exceeded', 'no-space'],
      ['etcdserver: mvcc: required revision has been compacted', 'compacted'],
      ['etcdserver: mvcc: required revision is a future revision', 'future-revision'],
      ['etcdserver: permission denied', 'not-authorized'],
      ['etcdserver: bad leader transferee', 'transfer-target'],
    ];
    for (const [text, rule] of words) {
      const error = failure(status.UNKNOWN, text);
      assert.ok(error instanceof RefusedError && error.rule === rule && error.hint !== '', `${text}: ${String(error)}`);
    }
  });

  it('what passes by itself did not take effect; what may have happened is unknown, a read never', () => {
    for (const text of ['etcdserver: unhealthy cluster', 'etcdserver: no leader', 'etcdserver: not leader']) assert.ok(failure(status.UNAVAILABLE, text) instanceof UnreachableError, text);
    assert.ok(failure(status.UNAVAILABLE, 'etcdserver: request timed out') instanceof OutcomeUnknownError);
    assert.ok(failure(status.DEADLINE_EXCEEDED, 'Deadline exceeded') instanceof OutcomeUnknownError);
    assert.ok(failure(status.DEADLINE_EXCEEDED, 'Deadline exceeded', 'none') instanceof UnreachableError);
    assert.match(failure(status.UNAVAILABLE, 'No connection established', 'possible', false).message, /did not take effect/);
  });
});

describe('members of clusters that give the ids', () => {
  const three = listOf([member('a1', { name: 'n1', addresses: ['http://h1:2380'] }), member('b2', { name: 'n2', addresses: ['http://h2:2380'] }), member('c3', { name: 'n3', addresses: ['http://h3:2380'] })]);
  const add: MembershipRequest = { kind: 'add', id: 'n4', name: 'n4', address: 'http://h4:2380' };
  const stepsOf = (request: MembershipRequest, list = three): string[] => planMembership(request, list, 'etcd').steps.map((one) => `${one.id}${one.isDone ? ' done' : ''}`);

  it('are named by name or id', () => {
    assert.deepEqual(stepsOf({ kind: 'remove', id: 'n2' }), ['remove b2']);
    assert.deepEqual(stepsOf({ kind: 'remove', id: 'b2' }), ['remove b2']);
    const ambiguous = listOf([...three.members, member('d4', { name: 'n2' })]);
    assert.throws(() => stepsOf({ kind: 'remove', id: 'n2' }, ambiguous), (error) => error instanceof RefusedError && error.rule === 'unknown-member');
    assert.throws(() => planMembership({ kind: 'remove', id: 'n2' }, three, 'native'), RefusedError, 'never so where the operator chooses the id');
  });

  it('are known by their address before they have told their name, and a name is given once', () => {
    const pending = listOf([...three.members, member('e5', { name: 'e5', role: 'learner', addresses: ['http://h4:2380'] })]);
    assert.deepEqual(stepsOf(add, pending), ['add-learner e5 done']);
    assert.throws(() => stepsOf({ ...add, name: 'n3' }), (error) => error instanceof RefusedError && error.rule === 'name-in-use');
  });

  it('a dead member is replaced under its own name, a live one is not', () => {
    const withDead = listOf([...three.members.slice(0, 2), down('c3', { name: 'n3', addresses: ['http://h3:2380'] })]);
    const request: MembershipRequest = { kind: 'replace', old: 'n3', id: 'n3', name: 'n3', address: 'http://h9:2380' };
    assert.deepEqual(stepsOf(request, withDead), ['remove c3', 'add-learner n3', 'wait n3', 'promote n3']);
    assert.throws(() => stepsOf(request), (error) => error instanceof RefusedError && error.rule === 'name-in-use');
  });

  it('a replacement goes on with the id that the cluster gave', async () => {
    const cluster = new FakeCluster(listOf([...three.members.slice(0, 2), down('c3', { name: 'n3', addresses: ['http://h3:2380'] })]));
    const asked: string[] = [];
    cluster.changeMembership = async (change) => {
      asked.push(`${change.kind} ${change.id}`);
      if (change.kind === 'add-learner') cluster.list = listOf([...cluster.list.members, member('e5', { role: 'learner', addresses: [change.address] })]);
      return { index: null, term: 7, ...(change.kind === 'add-learner' ? { id: 'e5' } : {}) };
    };
    const plan = planMembership({ kind: 'replace', old: 'n3', id: 'n4', name: 'n4', address: 'http://h4:2380' }, cluster.list, 'etcd');
    const { failure, given } = await runMembership(cluster, plan, { timeoutMs: 5000, journal: NO_JOURNAL, ...cluster.time });
    assert.equal(failure, null);
    assert.deepEqual(asked, ['remove c3', 'add-learner n4', 'promote e5']);
    assert.equal(given.get('n4'), 'e5');
  });

  it('are started with every stored peer URL, the unstarted under any name; natively with generation and join', () => {
    const list = listOf([...three.members, member('e5', { name: 'e5', role: 'learner', addresses: ['http://h5:2380'] })]);
    const settings = joinSettings('etcd', list, { id: 'n4', name: 'n4', address: 'http://h4:2380' });
    assert.ok(settings.includes('--initial-cluster n1=http://h1:2380,n2=http://h2:2380,n3=http://h3:2380,e5=http://h5:2380,n4=http://h4:2380'));
    assert.ok(settings.includes('--initial-cluster-state existing') && settings.includes('--name n4'));
    const native = joinSettings('native', { ...three, generation: 2 }, { id: 'n4', name: 'n4', address: '127.0.0.1:7004' });
    assert.ok(native.includes('generation: 2') && native.includes('join: true') && native.includes('listen: 127.0.0.1:7004'));
  });

  it('bring an empty directory, and an address of the right spelling', () => {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-join-'));
    try {
      refuseUsedDirectory(root);
      refuseUsedDirectory(path.join(root, 'none'));
      fs.writeFileSync(path.join(root, 'member'), '');
      assert.throws(() => refuseUsedDirectory(root), (error) => error instanceof RefusedError && error.rule === 'not-empty');
      assert.throws(() => refuseUsedDirectory(path.join(root, 'member')), UsageError);
    } finally {
      fs.rmSync(root, { recursive: true });
    }
    assert.throws(() => checkPeerAddress('etcd', '10.0.0.1:2380'), UsageError);
    assert.throws(() => checkPeerAddress('native', 'http://10.0.0.1:2380'), UsageError);
    assert.equal(checkPeerAddress('etcd', 'https://[::1]:2380'), 'https://[::1]:2380');
  });
});

describe('endpoints of etcd', () => {
  it('have a scheme or none', () => {
    assert.deepEqual(parseEtcdEndpoint('https://h:2379/'), { text: 'https://h:2379/', authority: 'h:2379', isSecure: true });
    assert.deepEqual(parseEtcdEndpoint('[::1]:2379').isSecure, null);
    assert.equal(parseEtcdEndpoint('HTTP://h:1').isSecure, false);
    for (const wrong of ['h', 'h:0', 'h:70000', 'ftp://h:1', 'http://h:1/path', 'http://u@h:1']) assert.throws(() => parseEtcdEndpoint(wrong), UsageError, wrong);
    assert.deepEqual([hasScheme('h:1'), hasScheme('http://h:1')], [false, true]);
  });
});
