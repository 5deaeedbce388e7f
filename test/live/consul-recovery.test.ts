import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { readResult } from '../../src/engine/recovery/targets/hashicorp/result-checks.ts';
import { restoreSnapshot } from '../../src/engine/recovery/restore/restore.ts';
import { apply, copyCase, planFor, recoverableCases, serverIdsOf } from '../engine/recovery/hashicorp/plan-and-apply.ts';
import { removeAll, scratch } from '../engine/recovery/hashicorp/recover-directory.ts';
import { consulBinary, consulPorts, startConsul } from '../helpers/consul-server.ts';
import { corpusCases, type Truth, truthOf, unpackCase } from '../helpers/corpus.ts';
import { skipWithout } from '../helpers/skip-without.ts';

interface RaftConfiguration {
  Servers: { ID: string; Address: string; Leader: boolean; Voter: boolean }[];
}

/** Keys and values as truth.json has them: SHA-256 of the sorted JSON list of [key, base64 value]. */
function kvDigest(rows: { Key: string; Value: string | null }[]): string {
  const pairs = rows.map(({ Key, Value }) => [Key, Value]).sort(([a], [b]) => Buffer.compare(Buffer.from(a as string), Buffer.from(b as string)));
  return crypto.createHash('sha256').update(`[${pairs.map((pair) => `[${pair.map((one) => JSON.stringify(one)).join(', ')}]`).join(', ')}]`).digest('hex');
}

describe('live: Consul 1.8.7 starts what recover apply wrote', function () {
  this.timeout(90_000);
  let binary = '';

  before(function () {
    this.timeout(180_000);
    const found = consulBinary();
    if ('missing' in found) skipWithout(this, found.missing);
    else binary = found.binary;
  });
  afterEach(removeAll);

  for (const { name, members } of recoverableCases(corpusCases()).filter((one) => one.name.startsWith('consul/'))) {
    it(`${name}: it leads alone at its new address, every key is there, and a write is taken`, async () => {
      const copy = copyCase(name);
      const ids = serverIdsOf(name);
      const ports = await consulPorts();
      const address = `127.0.0.1:${ports.server}`;
      const plan = await planFor(members.map((member) => path.join(copy, member)), { ids, selfAddress: address });
      const directory = path.join(copy, plan.source);
      await apply(plan);
      const id = ids[plan.source] as string;
      const truth: Truth = truthOf(name).members[plan.source].boot_check;

      const consul = await startConsul(binary, { dataDir: directory, name: plan.source, id, ports });
      try {
        const { Servers } = await consul.get<RaftConfiguration>('/v1/operator/raft/configuration');
        assert.deepEqual(Servers.map((one) => [one.ID, one.Address, one.Leader, one.Voter]), [[id, address, true, true]]);
        const rows = await consul.get<{ Key: string; Value: string | null }[]>('/v1/kv/?recurse');
        assert.equal(rows.length, truth.kv_keys);
        assert.equal(kvDigest(rows), truth.kv_sha256, 'as the same directory served them to its own tools');
        assert.equal(await consul.put('/v1/kv/after-the-recovery', 'yes'), 'true');
        const { Stats } = await consul.get<{ Stats: { raft: Record<string, string> } }>('/v1/agent/self');
        assert.ok(Number(Stats.raft['term']) > plan.outcome.termAbove, 'in a term above every one on the disk');
        assert.ok(Number(Stats.raft['last_log_index']) > plan.outcome.lastEntry.index);
      } finally {
        await consul.stop();
      }
      assert.ok(!fs.existsSync(path.join(directory, 'raft/peers.json')), 'it was read, and is gone');
      const { report } = readResult(directory);
      assert.deepEqual(report.confState?.voters, [id]);
      assert.ok(report.snapshots.some(({ index }) => index === plan.outcome.lastEntry.index), 'the snapshot of the recovery');
    });
  }

  it('without peers.info it would be lost: the sentinel is made with it', async () => {
    const name = 'consul/term-trap-187';
    const copy = copyCase(name);
    const ids = serverIdsOf(name);
    const ports = await consulPorts();
    const places = Object.keys(ids).map((member) => path.join(copy, member));
    for (const place of places) fs.rmSync(path.join(place, 'raft/peers.info'), { force: true });
    const plan = await planFor(places, { ids, selfAddress: `127.0.0.1:${ports.server}` });
    assert.deepEqual(plan.changes.map((one) => [one.kind, one.path]), [['create', 'raft/peers.info'], ['create', 'raft/peers.json']]);
    await apply(plan);
    const consul = await startConsul(binary, { dataDir: path.join(copy, plan.source), name: plan.source, id: ids[plan.source] as string, ports });
    try {
      assert.equal((await consul.get<RaftConfiguration>('/v1/operator/raft/configuration')).Servers.length, 1);
    } finally {
      await consul.stop();
    }
  });

  it('starts a directory that snapshot restore made of a saved archive', async () => {
    const name = 'consul/snapshot-archives-187';
    const into = path.join(scratch(), 'restored');
    const ports = await consulPorts();
    const id = '11111111-2222-4333-8444-555555555555';
    const address = `127.0.0.1:${ports.server}`;
    const made = await restoreSnapshot({ file: path.join(unpackCase(name), 'good.snap'), into, name: undefined, id, addresses: [address], bumpRevision: null, overrides: [], now: new Date(), act: true });
    assert.equal(made.state, 'restored');
    const consul = await startConsul(binary, { dataDir: into, name: 'restored-1', id, ports });
    try {
      const { Servers } = await consul.get<RaftConfiguration>('/v1/operator/raft/configuration');
      assert.deepEqual(Servers.map((one) => [one.ID, one.Address, one.Leader]), [[id, address, true]]);
      const rows = await consul.get<{ Key: string; Value: string | null }[]>('/v1/kv/?recurse');
      const truth: Truth = truthOf(name).files['good.snap'].after_restore;
      assert.deepEqual([rows.length, kvDigest(rows)], [truth.kv_keys, truth.kv_sha256], "as after Consul's own restore");
      assert.equal(await consul.put('/v1/kv/after-the-restore', 'yes'), 'true');
    } finally {
      await consul.stop();
    }
  });
});
