import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { waitForMember } from '../../../src/engine/live/caught-up.ts';
import { openEtcdCluster } from '../../../src/engine/live/etcd/etcd-cluster.ts';
import { isTurnedAway } from '../../../src/engine/live/etcd/knock.ts';
import { joinSettings } from '../../../src/engine/live/join-settings.ts';
import { type MembershipRequest, planMembership } from '../../../src/engine/live/membership-plan.ts';
import { runMembership } from '../../../src/engine/live/membership-run.ts';
import { NO_JOURNAL } from '../../../src/engine/live/step-journal.ts';
import type { RecoveryPlan } from '../../../src/engine/model/plan.ts';
import { applyPlan } from '../../../src/engine/recovery/apply/apply.ts';
import { nextJoin } from '../../../src/engine/rehearsal/next-join.ts';
import { rehearse } from '../../../src/engine/rehearsal/rehearse.ts';
import { verifyRecovery } from '../../../src/engine/rehearsal/verify.ts';
import { type StartedEtcd, startEtcd } from '../../../src/engine/servers/etcd.ts';
import { freePorts } from '../../../src/engine/adapters/free-ports.ts';
import { EtcdCluster, etcdMissing } from '../../helpers/etcd-server.ts';
import { pause } from '../../helpers/pause.ts';
import { planOf } from '../../helpers/recover-native.ts';
import { skipWithout } from '../../helpers/skip-without.ts';
import { treeFingerprint } from '../../helpers/tree-fingerprint.ts';
import { BUILT_PROGRAM, ensureBuilt } from '../../helpers/run-cli.ts';

const KEYS = 60;
const TIMEOUT = { timeoutMs: 10_000 };
const TIME = { nowMs: () => performance.now(), pause };
/** A place of its own: what other runs leave in the temporary directory is none of this test's business. */
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-test-scratch-'));
const left = (): string[] => fs.readdirSync(scratch);

describe('rehearsal of an etcd plan, with the real server', function () {
  this.timeout(180_000);
  before(ensureBuilt);
  let servers: EtcdCluster;
  let source: string;
  let plan: RecoveryPlan;
  const running: StartedEtcd[] = [];

  before(async function () {
    skipWithout(this, etcdMissing());
    servers = await EtcdCluster.start(3);
    for (let n = 0; n < KEYS; n += 1) await servers.put(`k${n}`, `v${n}`);
    await servers.kill();
    source = fs.realpathSync(servers.members[0]?.directory ?? '');
    plan = await planOf([source]);
  });

  after(async () => {
    fs.rmSync(scratch, { recursive: true, force: true });
    for (const one of running) await one.kill();
    await servers?.stop();
  });

  it('passes with the server of its minor, only reads the source, and leaves nothing behind', async () => {
    const before = treeFingerprint(source, 'bytes');
    const report = await rehearse(plan, { scratch, program: BUILT_PROGRAM });
    assert.equal(report.verdict, 'pass', JSON.stringify(report, null, 1));
    assert.match(report.server ?? '', /^etcd 3\.\d+\.\d+/);
    assert.deepEqual(report.phases.map((one) => `${one.name} ${one.ok}`), ['copy true', 'apply true', 'start true', 'verify true', 'stop true']);
    assert.equal(typeof report.stateHash, 'number');
    assert.match(report.checks.find((one) => one.name === 'fences')?.detail ?? '', /are not members, their ids are refused/, 'tried at its peer port');
    assert.deepEqual(treeFingerprint(source, 'bytes'), before);
    assert.deepEqual(left(), []);
    assert.equal(fs.existsSync(`${source}.ri`), false);
  });

  it('is unverifiable without a server, or with one of another minor; the plan was applied to the copy all the same', async () => {
    const other = path.join(servers.root, 'other-etcd');
    fs.writeFileSync(other, '#!/bin/sh\necho "etcd Version: 3.9.1"\n', { mode: 0o755 });
    for (const [binary, why] of [[path.join(servers.root, 'none'), /cannot be run here/], [other, /the data is of etcd 3\.\d+, .* is 3\.9\.1/]] as const) {
      const report = await rehearse(plan, { scratch, program: BUILT_PROGRAM, binary });
      assert.equal(report.verdict, 'unverifiable');
      assert.match(report.detail, why);
      assert.deepEqual(report.phases.map((one) => `${one.name} ${one.ok}`), ['copy true', 'apply true']);
      assert.equal(report.server, null);
    }
    assert.deepEqual(left(), []);
  });

  it('applied and started plainly, it verifies as rehearsed, and grows back to three with equal hashes', async () => {
    const rehearsed = await rehearse(plan, { scratch, program: BUILT_PROGRAM });
    await applyPlan(plan, { caseDir: null, overrides: [] });
    const name = servers.members[0]?.name ?? '';
    // Where its peer address, which the plan keeps, says it is.
    const [client = 0] = await freePorts(1);
    const stored = plan.cluster.members.find((one) => one.id === plan.outcome.memberId)?.addresses[0] ?? '';
    const first = await startEtcd({ dataDir: source, name, ports: { client, peer: Number(new URL(stored).port) } });
    running.push(first);
    const cluster = await openEtcdCluster({ endpoints: first.endpoints, clusterId: null, tls: null });
    const verify = () => verifyRecovery(plan, cluster, { timeoutMs: 20_000, endpoints: first.endpoints, rehearsed, dataDir: source });
    try {
      const verified = await verify();
      assert.equal(verified.verdict, 'verified', JSON.stringify(verified.checks, null, 1));
      assert.ok(verified.checks.every((one) => one.ok === true), JSON.stringify(verified.checks));
      assert.match(verified.checks.find((one) => one.name === 'state hash')?.detail ?? '', /as rehearsed/);
      for (let n = 0; n < KEYS; n += 1) assert.equal(Buffer.from((await cluster.kv().get(Buffer.from(`k${n}`), { kind: 'linearizable' }, TIMEOUT)).found?.value ?? []).toString(), `v${n}`);

      for (const planned of plan.joins.map((one) => one.member)) {
        assert.equal(nextJoin(plan, await cluster.memberList(TIMEOUT))?.member, planned);
        const [client = 0, peer = 0] = await freePorts(2);
        const address = `http://127.0.0.1:${peer}`;
        const list = await cluster.memberList(TIMEOUT);
        const request: MembershipRequest = { kind: 'add', id: planned, name: planned, address };
        const settings = joinSettings('etcd', list, request);
        const added = await runMembership(cluster, planMembership(request, list, 'etcd'), { timeoutMs: 30_000, journal: NO_JOURNAL, ...TIME });
        assert.equal(added.failure, null, 'right after another join the cluster counts as unhealthy for 5 s: that is waited for');
        const leader = list.leader ?? '';
        assert.equal(await isTurnedAway(first.peerUrl, added.given.get(planned) ?? '', leader, list.clusterId, 2000), false, 'a member that was just added is let in');
        const dataDir = path.join(servers.root, `${planned}-anew`);
        running.push(await startEtcd({ dataDir, name: planned, ports: { client, peer }, initialCluster: settings.find((one) => one.startsWith('--initial-cluster '))?.split(' ')[1], state: 'existing' }));
        await waitForMember(cluster, added.given.get(planned) ?? '', { timeoutMs: 20_000, ...TIME });
        const promote = planMembership({ kind: 'promote', id: planned }, await cluster.memberList(TIMEOUT), 'etcd');
        assert.equal((await runMembership(cluster, promote, { timeoutMs: 30_000, journal: NO_JOURNAL, ...TIME })).failure, null);
      }
      const [present = ''] = (await cluster.memberList(TIMEOUT)).members.filter((one) => !one.isLeader).map((one) => one.id);
      assert.equal(await cluster.refusesMember?.(present, TIMEOUT), null, 'a present member is not played');
      assert.equal(await cluster.refusesMember?.(plan.fences[0]?.id ?? '', TIMEOUT), true);
      const grown = await verify();
      assert.equal(grown.verdict, 'verified', JSON.stringify(grown.checks, null, 1));
      assert.deepEqual([grown.voters, grown.failuresTolerated], [3, 1]);
      assert.equal(nextJoin(plan, await cluster.memberList(TIMEOUT)), null);
      const hashes = (await cluster.stateHashes?.(rehearsed.revision, TIMEOUT)) ?? [];
      assert.deepEqual(hashes.map((one) => one.hash), [rehearsed.stateHash, rehearsed.stateHash, rehearsed.stateHash]);
    } finally {
      await cluster.close();
    }
  });
});
