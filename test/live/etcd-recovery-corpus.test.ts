import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { etcdReader } from '../../src/engine/readers/etcd/reader.ts';
import { copyMember, corpusCases, truthOf, unpackMember, type Truth } from '../helpers/corpus.ts';
import { etcdBinaries, etcdBinariesMissing, type EtcdMinor } from '../helpers/etcd-binaries.ts';
import { base64, hashKv, LoneEtcd } from '../helpers/etcd-server.ts';
import { failures, stage } from '../engine/recovery/etcd/staged.ts';

/** Elections in a tenth of a second: a cluster of one elects itself, and there are many to start. */
const FAST = ['--heartbeat-interval', '10', '--election-timeout', '100'];
const BUMP = 1_000_000;
/** Also through the other ways: a new cluster id (log and snapshot made anew), a raised revision. One of each minor, and one with compactions. */
const OTHER_WAYS = ['etcd/quorum-loss-33', 'etcd/quorum-loss-34', 'etcd/healthy-34', 'etcd/quorum-loss-3516', 'etcd/healthy-3530'];

interface Expected {
  minor: EtcdMinor;
  revision: number;
  keys: number;
  hash: number;
  compactRevision: number;
}

/** What a real server made of the whole log, where the truth has that; else of the log up to its commit index, which is then all of it. */
function expected(truth: Truth, member: string): Expected {
  const boot = truth.members[member].boot_check_full_log ?? truth.members[member].boot_check;
  const { hash, revision, compact_revision: compactRevision } = boot.hashkv;
  return { minor: /(\d\.\d+)\.\d+$/.exec(truth.software)?.[1] as EtcdMinor, revision, keys: boot.live_keys, hash, compactRevision };
}

/** Where a data directory and a log beside it lie. */
function placesOf(directory: string): { data: string; flags: string[] } {
  const data = path.join(directory, 'data');
  return fs.existsSync(data) ? { data, flags: ['--wal-dir', path.join(directory, 'wal')] } : { data: directory, flags: [] };
}

describe('live: recovered etcd directories of the corpus, started by the server of their minor', function () {
  this.timeout(60_000);
  let staged: string | null = null;
  let server: LoneEtcd | null = null;

  before(function () {
    if (etcdBinariesMissing() !== null) this.skip();
  });

  afterEach(async () => {
    await server?.stop();
    server = null;
    if (staged !== null) fs.rmSync(staged, { recursive: true, force: true });
    staged = null;
  });

  const sources = corpusCases()
    .filter((name) => name.startsWith('etcd/') && !name.includes('snapshot-files'))
    .map((name) => ({ name, truth: truthOf(name) }))
    // Debian has no 3.6: those are read back by our own reader (test/engine/recovery/etcd/corpus.test.ts).
    .filter(({ truth }) => !truth.software.startsWith('etcd 3.6.'));

  function start(name: string, member: string, minor: EtcdMinor, changes: Parameters<typeof stage>[1] = {}): Promise<LoneEtcd> {
    return startFrom(unpackMember(name, member), member, minor, changes);
  }

  async function startFrom(source: string, member: string, minor: EtcdMinor, changes: Parameters<typeof stage>[1] = {}): Promise<LoneEtcd> {
    const result = await stage(source, changes, 'log');
    staged = result.parent;
    assert.deepEqual(failures(result.checks), []);
    const { data, flags } = placesOf(result.directory);
    server = await LoneEtcd.start(data, { name: member, binaries: etcdBinaries(minor), api: minor === '3.3' ? 'v3beta' : 'v3', flags: [...FAST, ...flags] });
    const { members } = await server.call('cluster/member/list');
    assert.deepEqual(members.map(({ ID: id }: { ID: string }) => BigInt(id).toString(16)), result.draft.outcome.voters);
    return server;
  }

  async function acceptsWrites(on: LoneEtcd): Promise<void> {
    await on.put('recovered', 'yes');
    assert.equal(await on.get('recovered'), 'yes');
  }

  for (const { name, truth } of sources) {
    const member = truth.expected_source as string;
    const want = expected(truth, member);
    it(`${name}, ${member}: plain start, every key of the whole log, equal hash, a write`, async () => {
      const on = await start(name, member, want.minor);
      assert.deepEqual(await on.count(), { keys: want.keys, revision: want.revision });
      const [found] = hashKv([on.clientUrl], want.revision, etcdBinaries(want.minor));
      assert.deepEqual(found, { hash: want.hash, compactRevision: want.compactRevision });
      await acceptsWrites(on);
    });
  }

  for (const { name, truth } of sources.filter((one) => OTHER_WAYS.includes(one.name))) {
    const member = truth.expected_source as string;
    const want = expected(truth, member);
    it(`${name}, ${member}: the same around the db, with a new cluster id`, async () => {
      const on = await start(name, member, want.minor, { newClusterId: 'new' });
      assert.deepEqual(await on.count(), { keys: want.keys, revision: want.revision });
      const [found] = hashKv([on.clientUrl], want.revision, etcdBinaries(want.minor));
      assert.deepEqual(found, { hash: want.hash, compactRevision: want.compactRevision });
      await acceptsWrites(on);
    });

    it(`${name}, ${member}: the same with a raised revision, what was before it is compacted`, async () => {
      const on = await start(name, member, want.minor, { bumpRevision: BUMP });
      assert.deepEqual(await on.count(), { keys: want.keys, revision: want.revision + BUMP });
      await assert.rejects(on.call('kv/range', { key: base64('any'), revision: want.revision }), /compacted/);
      await acceptsWrites(on);
    });
  }

  for (const { name, truth } of sources.filter((one) => /quorum-loss|acked-beyond/.test(one.name))) {
    const member = truth.expected_source as string;
    it(`${name}, ${member}: the same without what is not known committed`, async () => {
      const { report } = etcdReader.read(unpackMember(name, member), { depth: 'log' });
      assert.ok(report.inDoubt !== null);
      const { minor } = expected(truth, member);
      const on = await start(name, member, minor, { inDoubt: 'drop', keepTo: report.commitFloor });
      // As the real server with --force-new-cluster, which drops the same entries.
      const { hashkv, live_keys: keys } = truth.members[member].boot_check;
      assert.deepEqual(await on.count(), { keys, revision: hashkv.revision });
      await acceptsWrites(on);
    });
  }

  it('etcd/acked-beyond-commit-34, n1: with another peer address', async () => {
    const on = await start('etcd/acked-beyond-commit-34', 'n1', '3.4', { selfAddress: 'http://127.0.0.1:1' });
    const { members } = await on.call('cluster/member/list');
    assert.deepEqual(members[0].peerURLs, ['http://127.0.0.1:1']);
    assert.equal(members[0].name, 'n1');
    await acceptsWrites(on);
  });

  it('etcd/quorum-loss-3516, n2: its log gone, rebuilt around the db alone', async () => {
    const bare = copyMember('etcd/quorum-loss-3516', 'n2');
    try {
      fs.rmSync(path.join(bare, 'member/wal'), { recursive: true });
      const on = await startFrom(bare, 'n2', '3.5', { serverId: truthOf('etcd/quorum-loss-3516').members.n2.node_id });
      await acceptsWrites(on);
    } finally {
      fs.rmSync(path.dirname(bare), { recursive: true });
    }
  });

  it('etcd/membership-3516, n7: a learner leads alone', async () => {
    const on = await start('etcd/membership-3516', 'n7', '3.5');
    await acceptsWrites(on);
  });

  for (const [name, member, minor, why] of [
    ['etcd/bit-flips-34', 'n2', '3.4', 'a log with a flipped bit'],
    ['etcd/missing-segment-34', 'n3', '3.4', 'a log without its middle'],
    ['etcd/hot-copy-34', 'n2', '3.4', 'a db ahead of its log'],
    ['etcd/zero-sector-3516', 'n1', '3.5', 'a zeroed sector, which etcd would take for the end'],
  ] as [string, string, EtcdMinor, string][]) {
    it(`${name}, ${member}: ${why} is rebuilt around the db`, async () => {
      const on = await start(name, member, minor);
      await acceptsWrites(on);
    });
  }

  it('3.4 applies the whole log anew where there is no db', async () => {
    const name = 'etcd/divergent-tail-34';
    const { minor, keys, revision } = expected(truthOf(name), 'n1');
    const result = await stage(unpackMember(name, 'n1'), {}, 'log');
    staged = result.parent;
    for (const file of fs.readdirSync(path.join(result.directory, 'member/snap'))) fs.rmSync(path.join(result.directory, 'member/snap', file));
    server = await LoneEtcd.start(result.directory, { name: 'n1', binaries: etcdBinaries(minor), flags: FAST });
    assert.deepEqual(await server.count(), { keys, revision });
  });
});
