import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { freePorts } from '../../src/engine/adapters/free-ports.ts';
import type { RecoveryPlan } from '../../src/engine/model/plan.ts';
import { EtcdCluster, etcdctl, etcdMissing, hashKv, LoneEtcd, type EtcdMember } from '../helpers/etcd-server.ts';
import { pause } from '../helpers/pause.ts';
import { skipWithout } from '../helpers/skip-without.ts';
import { failures, stage } from '../engine/recovery/etcd/staged.ts';
import { apply, planFor } from '../engine/recovery/hashicorp/plan-and-apply.ts';
import { keysInLog, Load, missingFrom } from './etcd-load.ts';

const ROUNDS = Number(process.env['RAFT_INSPECTOR_RECOVERY_ROUNDS'] ?? 1);
const PREFIX = 'load';

/** SIGKILL, in this order, without a pause. */
async function killAll(members: readonly EtcdMember[]): Promise<void> {
  const gone = members.map(({ process: server }) => new Promise<void>((resolve) => server.once('exit', () => resolve())));
  for (const { process: server } of members) server.kill('SIGKILL');
  await Promise.all(gone);
}

function copyOf(directory: string, name: string): string {
  const copy = path.join(path.dirname(directory), name);
  execFileSync('cp', ['-r', directory, copy]);
  return copy;
}

function addressOf(plan: RecoveryPlan, name: string): string {
  return plan.cluster.members.find((member) => member.name === name)?.addresses[0] ?? '';
}

async function retried<T>(what: () => T): Promise<T> {
  for (const deadline = Date.now() + 60_000; ; await pause(250)) {
    try {
      return what();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

describe('live: real etcd clusters that lost their quorum', function () {
  this.timeout(240_000);
  let cluster: EtcdCluster;
  let servers: LoneEtcd[] = [];

  before(function () {
    skipWithout(this, etcdMissing());
  });

  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
    servers = [];
    await (cluster as EtcdCluster | undefined)?.stop();
  });

  async function start(...args: Parameters<typeof LoneEtcd.start>): Promise<LoneEtcd> {
    const server = await LoneEtcd.start(...args);
    servers.push(server);
    return server;
  }

  /** What the same disk loses through etcd's own way, tried on a copy beside. */
  async function lostByForce(copy: string, name: string, keys: readonly string[]): Promise<number> {
    const forced = await LoneEtcd.start(copy, { name, flags: ['--force-new-cluster'] });
    try {
      return (await missingFrom(forced, keys, PREFIX)).length;
    } finally {
      await forced.stop();
    }
  }

  /** Adds a member with the settings that the plan prints: as learner, then promoted. */
  async function join(plan: RecoveryPlan, leader: LoneEtcd, name: string): Promise<LoneEtcd> {
    const settings = plan.joins.find((one) => one.member === name)?.settings ?? [];
    const flags = settings.filter((one) => !/^--(name|data-dir) /.test(one)).flatMap((one) => [one.slice(0, one.indexOf(' ')), one.slice(one.indexOf(' ') + 1)]);
    const added = await retried(() => etcdctl([leader.clientUrl], ['member', 'add', name, '--learner', '--peer-urls', addressOf(plan, name)]));
    const id = /Member\s+([0-9a-f]+) added/.exec(added)?.[1] ?? '';
    const server = await start(path.join(cluster.root, `${name}-again`), { name, peerUrl: addressOf(plan, name), flags, isLearner: true });
    await retried(() => etcdctl([leader.clientUrl], ['member', 'promote', id]));
    return server;
  }

  for (let round = 1; round <= ROUNDS; round++) {
    it(`3 members, all killed under load, one survives on disk: nothing that its log holds is lost, and it grows back to 3 (${round} of ${ROUNDS})`, async () => {
      cluster = await EtcdCluster.start(3);
      const load = new Load(cluster.members.map(({ clientUrl }) => clientUrl), PREFIX);
      await load.reaches(400 + 37 * round);
      const survivor = cluster.members[round % 3] as EtcdMember;
      const lost = cluster.members.filter((member) => member !== survivor);
      await killAll([...lost, survivor]);
      await load.end();

      const held = keysInLog(survivor.directory);
      const kept = load.acknowledged.filter((key) => held.has(key));
      const copy = copyOf(survivor.directory, 'forced');
      const plan = await planFor([survivor.directory], { overrides: [] });
      assert.equal(plan.target, 'etcd-append');
      await apply(plan);
      const alone = await start(survivor.directory, { name: survivor.name, peerUrl: addressOf(plan, survivor.name) });
      assert.deepEqual(await missingFrom(alone, kept, PREFIX), []);
      await alone.put('recovered', 'yes');
      assert.equal(await alone.get('recovered'), 'yes');
      const lostNumber = await lostByForce(copy, survivor.name, kept);
      console.log(`      ${load.acknowledged.length} acknowledged, ${kept.length} in the survivor's log, ${kept.length} recovered; --force-new-cluster on the same disk loses ${lostNumber}`);

      const joined = [];
      for (const { member } of plan.joins) joined.push(await join(plan, alone, member));
      const endpoints = [alone, ...joined].map(({ clientUrl }) => clientUrl);
      const { revision } = await alone.count();
      const hashes = await retried(() => hashKv(endpoints, revision));
      assert.equal(new Set(hashes.map(({ hash, compactRevision }) => `${hash} ${compactRevision}`)).size, 1, 'equal hashes');
      assert.equal(etcdctl(endpoints, ['member', 'list']).trim().split('\n').filter((line) => line.includes('started') && line.endsWith('false')).length, 3, 'three voters');
    });
  }

  it('4 voters and a learner, with members that left and came before: three are lost', async () => {
    cluster = await EtcdCluster.start(5);
    const [n1, n2, n3, n4, n5] = cluster.members as [EtcdMember, EtcdMember, EtcdMember, EtcdMember, EtcdMember];
    const memberId = (name: string): string => etcdctl([n1.clientUrl], ['member', 'list']).split('\n').find((line) => line.includes(`, ${name}, `))?.split(',')[0] ?? '';
    await retried(() => etcdctl([n1.clientUrl], ['member', 'remove', memberId('n5')]));
    await killAll([n5]);
    const [port] = await freePorts(1);
    const peerUrl = `http://127.0.0.1:${port}`;
    const added = await retried(() => etcdctl([n1.clientUrl], ['member', 'add', 'n6', '--learner', '--peer-urls', peerUrl]));
    const initial = /ETCD_INITIAL_CLUSTER="([^"]+)"/.exec(added)?.[1] ?? '';
    const learnerAt = path.join(cluster.root, 'n6');
    const learner = await start(learnerAt, { name: 'n6', peerUrl, flags: ['--initial-cluster', initial, '--initial-cluster-state', 'existing', '--initial-advertise-peer-urls', peerUrl, '--snapshot-count', '200'], isLearner: true });

    const load = new Load([n1, n2, n3, n4].map(({ clientUrl }) => clientUrl), PREFIX);
    await load.reaches(500);
    await killAll([n1, n2, n3, n4]);
    await learner.stop();
    await load.end();

    const plan = await planFor([n4.directory, learnerAt], { overrides: [] });
    assert.equal(plan.source, 'n4', 'a learner is no source while a voter is there');
    const [inLog, inLearnersLog] = [keysInLog(n4.directory), keysInLog(learnerAt)];
    const kept = load.acknowledged.filter((key) => inLog.has(key));
    const keptByLearner = load.acknowledged.filter((key) => inLearnersLog.has(key));
    const copy = copyOf(n4.directory, 'forced');
    await apply(plan);
    const alone = await start(n4.directory, { name: 'n4' });
    assert.deepEqual(await missingFrom(alone, kept, PREFIX), []);
    await alone.put('recovered', 'yes');
    assert.equal(etcdctl([alone.clientUrl], ['member', 'list']).trim().split('\n').length, 1);
    console.log(`      ${load.acknowledged.length} acknowledged, ${kept.length} in the survivor's log, all recovered; --force-new-cluster on the same disk loses ${await lostByForce(copy, 'n4', kept)}`);

    // Were the learner's disk the only one left, it would do as well.
    const { directory, parent, checks } = await stage(learnerAt);
    try {
      assert.deepEqual(failures(checks), []);
      const promoted = await start(directory, { name: 'n6' });
      assert.deepEqual(await missingFrom(promoted, keptByLearner, PREFIX), []);
      await promoted.put('recovered', 'yes');
      await promoted.stop();
    } finally {
      fs.rmSync(parent, { recursive: true, force: true });
    }
  });
});
