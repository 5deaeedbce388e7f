import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { RefusedError, UnreachableError } from '../../src/engine/errors.ts';
import { waitForMember } from '../../src/engine/live/caught-up.ts';
import type { LiveCluster } from '../../src/engine/live/cluster.ts';
import { detectKind } from '../../src/engine/live/detect.ts';
import { joinSettings } from '../../src/engine/live/join-settings.ts';
import { memberNamed } from '../../src/engine/live/member-list.ts';
import { type MembershipRequest, planMembership } from '../../src/engine/live/membership-plan.ts';
import { runMembership, type RunReport } from '../../src/engine/live/membership-run.ts';
import { openEtcdCluster } from '../../src/engine/live/etcd/etcd-cluster.ts';
import { saveStream } from '../../src/engine/live/snapshot-save.ts';
import { NO_JOURNAL } from '../../src/engine/live/step-journal.ts';
import { verifySnapshotPath } from '../../src/engine/readers/snapshots/index.ts';
import { type StartedEtcd, startEtcd } from '../../src/engine/servers/etcd.ts';
import { freePorts } from '../../src/engine/adapters/free-ports.ts';
import { EtcdCluster, etcdMissing } from '../helpers/etcd-server.ts';
import { pause } from '../helpers/pause.ts';
import { skipWithout } from '../helpers/skip-without.ts';

const TIMEOUT = { timeoutMs: 10_000 };
const TIME = { nowMs: () => performance.now(), pause };

describe('live: a cluster of real etcd servers, operated', function () {
  this.timeout(120_000);
  let servers: EtcdCluster;
  let cluster: LiveCluster;
  const joined: StartedEtcd[] = [];

  const run = async (request: MembershipRequest, timeoutMs = 30_000): Promise<RunReport> =>
    runMembership(cluster, planMembership(request, await cluster.memberList(TIMEOUT), 'etcd'), { timeoutMs, journal: NO_JOURNAL, ...TIME });

  before(async function () {
    skipWithout(this, etcdMissing());
    servers = await EtcdCluster.start(3);
    cluster = await openEtcdCluster({ endpoints: [servers.members[1]?.clientUrl ?? ''], clusterId: null, tls: null });
  });

  after(async () => {
    await cluster?.close();
    for (const one of joined) await one.kill();
    await servers?.stop();
  });

  it('is told apart from other kinds, with and without a scheme', async () => {
    const url = servers.members[0]?.clientUrl ?? '';
    const [closed] = await freePorts(1);
    const kindOf = (...endpoints: string[]) => detectKind({ endpoints, clusterId: null, tls: null });
    assert.equal(await kindOf(url), 'etcd');
    assert.equal(await kindOf(`127.0.0.1:${closed}`, url.replace('http://', '')), 'etcd');
    assert.equal(await kindOf(`127.0.0.1:${closed}`), null);
  });

  it('lists the members as its own tool does, from one endpoint', async () => {
    const list = await cluster.memberList(TIMEOUT);
    const own = servers.status();
    assert.deepEqual(list.members.map((one) => one.id).sort(), own.map((one) => one.memberId).sort());
    assert.deepEqual(list.members.map((one) => [one.role, one.healthy, one.version?.split('.')[0]]), Array.from({ length: 3 }, () => ['voter', true, '3']));
    assert.equal(list.term, own[0]?.raftTerm);
    assert.ok(list.leader !== null && list.members.filter((one) => one.isLeader).map((one) => one.id).join() === list.leader);
    assert.deepEqual([list.quorum, list.failuresTolerated], [2, 1]);
    assert.ok(list.members.every((one) => /^http:\/\/127\.0\.0\.1:\d+$/.test(one.addresses[0] ?? '')));
  });

  it('writes, reads and deletes a key, and answers a probe', async () => {
    const kv = cluster.kv();
    const key = Buffer.from('a/key');
    assert.equal((await kv.put(key, Buffer.from('1'), TIMEOUT)).existed, false);
    const second = await kv.put(key, Buffer.from('2'), TIMEOUT);
    assert.equal(second.existed, true);
    const { found } = await kv.get(key, { kind: 'linearizable' }, TIMEOUT);
    assert.deepEqual([Buffer.from(found?.value ?? []).toString(), found?.revision], ['2', second.revision]);
    assert.equal((await kv.delete(key, TIMEOUT)).existed, true);
    assert.equal((await kv.get(key, { kind: 'stale' }, TIMEOUT)).found, null);
    await cluster.probe(TIMEOUT);
  });

  it('moves the leadership to the member that is asked for', async () => {
    const list = await cluster.memberList(TIMEOUT);
    const target = list.members.find((one) => !one.isLeader)?.id ?? '';
    const { leader, term } = await cluster.transferLeadership(target, TIMEOUT);
    assert.equal(leader, target);
    assert.ok(term > list.term);
    await assert.rejects(cluster.transferLeadership('abc', TIMEOUT), (error) => error instanceof RefusedError && error.rule === 'transfer-target');
  });

  it('grows by a learner that is started with the settings shown, and promotes it; all hashes are equal', async () => {
    const [client = 0, peer = 0] = await freePorts(2);
    const address = `http://127.0.0.1:${peer}`;
    const add: MembershipRequest = { kind: 'add', id: 'n4', name: 'n4', address };
    const settings = joinSettings('etcd', await cluster.memberList(TIMEOUT), add);
    const { failure, given } = await run(add);
    assert.equal(failure, null);
    const id = given.get('n4') ?? '';
    assert.match(id, /^[0-9a-f]{1,16}$/);
    const before = await cluster.memberList(TIMEOUT);
    assert.match(before.members.find((one) => one.id === id)?.problem ?? '', /not been started/);
    assert.deepEqual((await run(add)).steps.map((one) => one.status), ['already'], 'asked for again, nothing is done twice');
    const other = await run({ kind: 'add', id: 'n5', name: 'n5', address: 'http://127.0.0.1:1' }, 2000);
    assert.ok(other.failure instanceof RefusedError && other.failure.rule === 'too-many-learners', String(other.failure));

    const initialCluster = settings.find((one) => one.startsWith('--initial-cluster '))?.split(' ')[1] ?? '';
    joined.push(await startEtcd({ dataDir: path.join(servers.root, 'n4'), name: 'n4', ports: { client, peer }, initialCluster, state: 'existing' }));
    const { member } = await waitForMember(cluster, id, { timeoutMs: 20_000, ...TIME });
    assert.equal(member.role, 'learner');
    assert.equal((await run({ kind: 'promote', id: 'n4' })).failure, null, 'by its name, which it has told by now');
    const grown = await cluster.memberList(TIMEOUT);
    assert.deepEqual([grown.members.length, grown.quorum, memberNamed(grown, 'n4')?.role], [4, 3, 'voter']);
    await servers.put('after', 'growth');
    await cluster.probe(TIMEOUT);
    const { revision } = servers.status()[0] ?? { revision: 0 };
    const hashes = (await cluster.stateHashes?.(revision, TIMEOUT)) ?? [];
    assert.equal(hashes.length, 4);
    assert.equal(new Set(hashes.map((one) => one.hash)).size, 1);
    await assert.rejects(cluster.stateHashes?.(revision + 1000, TIMEOUT) ?? Promise.resolve(), (error) => error instanceof RefusedError && error.rule === 'future-revision');
    assert.deepEqual(await cluster.alarms?.(TIMEOUT), []);
  });

  it('removes a member by name; one that is none is refused', async () => {
    assert.equal((await run({ kind: 'remove', id: 'n4' })).failure, null);
    const list = await cluster.memberList(TIMEOUT);
    assert.deepEqual(list.members.map((one) => one.name).sort(), ['n1', 'n2', 'n3']);
    await assert.rejects(run({ kind: 'remove', id: 'n4' }), (error) => error instanceof RefusedError && error.rule === 'unknown-member');
    await assert.rejects(run({ kind: 'add', id: 'n1', name: 'n1', address: 'http://127.0.0.1:2' }), (error) => error instanceof RefusedError && error.rule === 'name-in-use');
  });

  it('gives a snapshot that verifies', async () => {
    const offer = await cluster.takeSnapshot(TIMEOUT);
    const file = path.join(servers.root, 'saved.db');
    const saved = await saveStream(file, offer.chunks(), async (aside) => assert.equal((await verifySnapshotPath(aside)).reports[0]?.verdict, 'verified'));
    assert.equal(fs.statSync(file).size, saved.bytes);
  });

  it('tells who is down; without a majority there is no leader, and nothing changes', async () => {
    const [first, second, third] = servers.members;
    first?.process.kill('SIGKILL');
    const list = await cluster.memberList(TIMEOUT);
    assert.match(memberNamed(list, 'n1')?.problem ?? '', /does not answer/);
    third?.process.kill('SIGKILL');
    assert.equal(second?.process.exitCode, null);
    const until = Date.now() + 20_000;
    while ((await cluster.leader(TIMEOUT)).leader !== null && Date.now() < until) await pause(100);
    const alone = await cluster.memberList(TIMEOUT);
    assert.deepEqual([alone.leader, alone.members.length], [null, 3]);
    await assert.rejects(cluster.changeMembership({ kind: 'remove', id: memberNamed(alone, 'n1')?.id ?? '' }, { ...TIMEOUT, changeId: 'x', expectedIndex: null }), (error) => error instanceof UnreachableError && /did not take effect/.test(error.message));
    await assert.rejects(cluster.kv().put(Buffer.from('k'), Buffer.from('v'), TIMEOUT), (error) => error instanceof UnreachableError && /did not take effect/.test(error.message));
    second?.process.kill('SIGKILL');
    await pause(300);
    await assert.rejects(cluster.memberList({ timeoutMs: 1500 }), (error) => error instanceof UnreachableError);
  });
});
