import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePorts } from '../../../../src/engine/adapters/free-ports.ts';
import { etcdReader } from '../../../../src/engine/readers/etcd/reader.ts';
import { verifySnapshotPath } from '../../../../src/engine/readers/snapshots/index.ts';
import { asideOf, buildWhole } from '../../../../src/engine/recovery/restore/aside.ts';
import { etcdIds } from '../../../../src/engine/recovery/restore/etcd.ts';
import { restoreSnapshot, type RestoreRequest } from '../../../../src/engine/recovery/restore/restore.ts';
import { consulBinary, consulPorts, startConsul } from '../../../helpers/consul-server.ts';
import { unpackCase } from '../../../helpers/corpus.ts';
import { etcdBinaries, etcdBinariesMissing, type EtcdMinor } from '../../../helpers/etcd-binaries.ts';
import { etcdMissing, LoneEtcd } from '../../../helpers/etcd-server.ts';
import { identityOf, NativeWriter, threeMembers } from '../../../helpers/native-writer.ts';
import { SimulatedFiles } from '../../../helpers/simulated-files.ts';
import { skipWithout } from '../../../helpers/skip-without.ts';
import { treeFingerprint } from '../../../helpers/tree-fingerprint.ts';
import { crashEverywhere } from '../../../crash/recorded.ts';

const NOW = new Date('2026-03-14T02:24:00Z');

describe('snapshot restore', function () {
  this.timeout(120_000);
  let root: string;
  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-restore-'));
  });
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  const request = (file: string, more: Partial<RestoreRequest> = {}): RestoreRequest => ({ file, into: path.join(root, 'new'), name: undefined, id: undefined, addresses: [], bumpRevision: null, overrides: [], now: NOW, act: true, ...more });
  const etcdFile = (version: '34' | '3614', name = 'good.snap.db'): string => path.join(unpackCase(`etcd/snapshot-files-${version}`), name);

  it('makes the ids as etcd does', () => {
    // What every etcd that was begun with its defaults is called.
    const { memberId, clusterId } = etcdIds(['http://localhost:2380'], 'etcd-cluster');
    assert.deepEqual([memberId, clusterId], ['8e9e05c52164694d', 'cdf818194e3a8c32']);
  });

  for (const version of ['34', '3614'] as const) {
    it(`restores an etcd ${version} file: state and revision equal, new ids, the file untouched`, async () => {
      const file = etcdFile(version);
      const before = treeFingerprint(path.dirname(file), 'bytes');
      const preview = await restoreSnapshot(request(file, { act: false }));
      assert.equal(preview.state, 'preview');
      assert.deepEqual(fs.readdirSync(root), []);
      const report = await restoreSnapshot(request(file, { name: 'n1', addresses: ['http://127.0.0.1:12380'] }));
      assert.equal(report.state, 'restored');
      assert.ok(report.checks.every((one) => one.ok === true));
      const { report: member, findings } = etcdReader.read(report.into, { depth: 'full' });
      assert.deepEqual(findings.filter((one) => one.severity === 'error'), []);
      assert.deepEqual([member.state?.hash, member.state?.revision], [report.snapshot.state?.hash, report.snapshot.state?.revision]);
      assert.deepEqual(member.confState?.members.map((one) => [one.name, one.addresses]), [['n1', ['http://127.0.0.1:12380']]]);
      assert.deepEqual(treeFingerprint(path.dirname(file), 'bytes'), before);
      assert.deepEqual(fs.readdirSync(root), ['new']);
      await assert.rejects(restoreSnapshot(request(file)), /^RefusedError: not-empty/);
    });
  }

  for (const { minor, bump } of [{ minor: '3.4', bump: null }, { minor: '3.5', bump: null }, { minor: '3.4', bump: 1000 }] as { minor: EtcdMinor; bump: number | null }[]) {
    it(`is started by a real etcd ${minor}${bump === null ? '' : ', its revision raised'}: all keys there, writes accepted`, async function () {
      skipWithout(this, minor === '3.4' ? etcdMissing() : etcdBinariesMissing());
      const [peer = 0] = await freePorts(1);
      const peerUrl = `http://127.0.0.1:${peer}`;
      const report = await restoreSnapshot(request(etcdFile('34'), { name: 'n1', addresses: [peerUrl], bumpRevision: bump }));
      const server = await LoneEtcd.start(report.into, { name: 'n1', peerUrl, ...(minor === '3.4' ? {} : { binaries: etcdBinaries(minor) }) });
      try {
        const found = await server.count();
        assert.deepEqual(found, { keys: report.snapshot.state?.keys, revision: (report.snapshot.state?.revision ?? 0) + (bump ?? 0) });
        await server.put('after', 'restore');
        assert.equal(await server.get('after'), 'restore');
      } finally {
        await server.stop();
      }
    });
  }

  it('refuses what is damaged, unverified, of the wrong kind, or in the way', async () => {
    for (const name of ['flipped.snap.db', 'truncated.snap.db', 'bad-hash.snap.db']) await assert.rejects(restoreSnapshot(request(etcdFile('34', name))), /^RefusedError: bad-snapshot/, name);
    await assert.rejects(restoreSnapshot(request(etcdFile('34', 'cut-hash.snap.db'))), /^RefusedError: unverified-snapshot/);
    assert.deepEqual(fs.readdirSync(root), []);
    assert.equal((await restoreSnapshot(request(etcdFile('34', 'cut-hash.snap.db'), { overrides: ['unverified-snapshot'] }))).state, 'restored');
    await assert.rejects(restoreSnapshot(request(etcdFile('34'), { into: root })), /not-empty/);
    await assert.rejects(restoreSnapshot(request(etcdFile('34'), { into: path.join(root, 'x'), addresses: ['10.0.0.1:2380'] })), /is no peer URL/);
    await assert.rejects(restoreSnapshot(request(path.join(unpackCase('consul/snapshot-archives-187'), 'good.snap'), { into: path.join(root, 'y') })), /has to be named/);
    assert.deepEqual(fs.readdirSync(root), ['new']);
  });

  it('restores a Consul archive: the snapshot in its place, one server, the term kept', async () => {
    const file = path.join(unpackCase('consul/snapshot-archives-187'), 'good.snap');
    const report = await restoreSnapshot(request(file, { id: '5a898d6a-a0f4-4e29-8865-e01ca3b1129a', addresses: ['127.0.0.1:8300'] }));
    assert.ok(report.checks.every((one) => one.ok === true));
    assert.equal(fs.readFileSync(path.join(report.into, 'node-id'), 'utf8'), '5a898d6a-a0f4-4e29-8865-e01ca3b1129a');
    const { reports } = await verifySnapshotPath(path.join(report.into, 'raft'), { depth: 'restore' });
    assert.deepEqual(reports.map((one) => [one.verdict, one.term, one.index]), [['verified', report.snapshot.term, report.snapshot.index]]);
    assert.deepEqual(reports[0]?.parts, report.snapshot.parts);
  });

  it('a restored Consul archive is started by the real Consul: it leads alone, holds the keys, and takes writes', async function () {
    const found = consulBinary();
    if ('missing' in found) return skipWithout(this, found.missing);
    const id = '5a898d6a-a0f4-4e29-8865-e01ca3b1129a';
    const ports = await consulPorts();
    const file = path.join(unpackCase('consul/snapshot-archives-187'), 'good.snap');
    const report = await restoreSnapshot(request(file, { id, addresses: [`127.0.0.1:${ports.server}`] }));
    const server = await startConsul(found.binary, { dataDir: report.into, name: 'restored', id, ports });
    try {
      const keys = await server.get<string[]>('/v1/kv/?keys');
      assert.equal(keys.length, report.snapshot.parts.find((one) => one.type === 'KVS')?.count);
      const raft = await server.get<{ Servers: { ID: string; Leader: boolean; Voter: boolean }[] }>('/v1/operator/raft/configuration');
      assert.deepEqual(raft.Servers.map((one) => [one.ID, one.Leader, one.Voter]), [[id, true, true]]);
      assert.equal((await server.put('/v1/kv/after', 'restore')).trim(), 'true');
    } finally {
      await server.stop();
    }
  });

  it('restores a snapshot of our own engine in a new generation', async () => {
    const source = path.join(root, 'n1');
    const writer = await NativeWriter.create(source, identityOf('n1'), threeMembers());
    for (let n = 0; n < 20; n++) await writer.puts(1, [[`k${n}`, `v${n}`]], { commit: 2 + n });
    await writer.snapshot();
    await writer.close();
    const file = path.join(source, 'snapshots', fs.readdirSync(path.join(source, 'snapshots')).find((name) => name.endsWith('.snap')) ?? '');
    const report = await restoreSnapshot(request(file));
    assert.equal(report.member.id, 'n1-g2');
    assert.deepEqual(report.checks.map((one) => one.ok), [true]);
    assert.deepEqual(fs.readdirSync(root).sort(), ['n1', 'new']);
  });

  it('is whole or absent wherever it is cut off, recorded', async () => {
    const into = '/srv/new';
    const build = (ops: SimulatedFiles) => async (directory: string): Promise<void> => {
      await Promise.resolve();
      for (const name of [directory, `${directory}/wal`, `${directory}/snap`]) ops.makeDirectory(name, 0o700);
      for (const name of ['wal/1', 'snap/db']) {
        const fd = ops.open(path.join(directory, name), 'create', 0o600);
        ops.write(fd, Buffer.from(`content of ${name}`), 0);
        ops.close(fd);
      }
    };
    const count = await crashEverywhere(
      {
        start() {
          const ops = new SimulatedFiles();
          ops.makeDirectory('/srv', 0o755);
          const fd = ops.open('/', 'read');
          ops.fsync(fd);
          return ops;
        },
        // A finished one is refused, which is how a re-run ends then.
        run: (ops) => buildWhole(into, build(ops), () => Promise.resolve(), ops).catch((error: Error) => { if (!error.message.startsWith('not-empty')) throw error; }),
        afterCrash(ops, where) {
          if (ops.facts(into) !== null) assert.match(ops.dump(into).join('\n'), /snap\/db file 600 0:0 \d+ content of snap\/db\n.*\nwal\/1 file 600 0:0 \d+ content of wal\/1/, where);
        },
        afterRerun(ops, where) {
          assert.deepEqual(ops.list('/srv'), ['new'], where);
          assert.equal(ops.facts(asideOf(into)), null, where);
          assert.match(ops.dump(into).join('\n'), /content of snap\/db\n.*\n.*content of wal\/1/, where);
        },
      },
      { subsets: 8, everySecond: 3, seed: 3 },
    );
    assert.ok(count.calls > 15 && count.crashes > 100 && count.second > 50, JSON.stringify(count));
  });
});
