import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { ChildServer } from '../../../src/engine/servers/child-server.ts';
import { findEtcd, startEtcd } from '../../../src/engine/servers/etcd.ts';
import { freePorts } from '../../../src/engine/adapters/free-ports.ts';
import { etcdMissing } from '../../helpers/etcd-server.ts';
import { pause } from '../../helpers/pause.ts';
import { skipSaying, skipWithout } from '../../helpers/skip-without.ts';

const LISTEN_MS = 2000;

/** An address of this machine that is not loopback; null on a machine without one. */
function outerAddress(): string | null {
  return Object.values(os.networkInterfaces()).flat().find((one) => one !== undefined && one.family === 'IPv4' && !one.internal)?.address ?? null;
}

describe('a started etcd server and the members that its data names', function () {
  this.timeout(60_000);
  let root: string;
  let calls = 0;
  let other: net.Server;
  let peerOfOther: string;

  before(async function () {
    const address = outerAddress();
    skipWithout(this, etcdMissing());
    if (address === null) return skipSaying(this, 'this machine has no address besides loopback');
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-isolation-'));
    other = net.createServer((socket) => {
      calls += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => other.listen(0, address, resolve));
    peerOfOther = `http://${address}:${(other.address() as net.AddressInfo).port}`;
  });

  after(async () => {
    if (root === undefined) return;
    await new Promise((resolve) => other.close(resolve));
    fs.rmSync(root, { recursive: true, force: true });
  });

  it('are never called, though the same server started plainly calls them at once', async () => {
    const [client = 0, peer = 0] = await freePorts(2);
    const peerUrl = `http://127.0.0.1:${peer}`;
    const initialCluster = `n1=${peerUrl},n2=${peerOfOther}`;
    const plain = ChildServer.start('etcd', 'etcd', ['--name', 'n1', '--data-dir', path.join(root, 'plain'), '--listen-client-urls', `http://127.0.0.1:${client}`, '--advertise-client-urls', `http://127.0.0.1:${client}`, '--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl, '--initial-cluster', initialCluster]);
    await pause(LISTEN_MS);
    await plain.kill();
    assert.ok(calls > 0, `the test can see calls: ${plain.lastWords().slice(-300)}`);
    calls = 0;
    // Two members, one of them out of reach: it serves, without a leader.
    await startEtcd({ dataDir: path.join(root, 'isolated'), name: 'n1', ports: { client, peer }, initialCluster, awaitLeader: false, readyMs: LISTEN_MS }).then((server) => server.kill(), () => undefined);
    assert.equal(calls, 0);
  });

  it('are found by program, and only one that says it is etcd', async () => {
    const found = await findEtcd();
    assert.match(found?.version ?? '', /^3\.\d+\.\d+/);
    assert.equal(await findEtcd('/no/etcd'), null);
    assert.equal(await findEtcd('/bin/true'), null);
    assert.equal((await findEtcd(undefined, { ...process.env, ETCD_BINARY: '/no/etcd' })), null);
  });

  it('say their last words when they do not come up, and are gone', async () => {
    fs.writeFileSync(path.join(root, 'file'), '');
    await assert.rejects(startEtcd({ dataDir: path.join(root, 'file'), name: 'n1' }), /etcd ended as soon as it was started .*data dir/s);
  });
});
