import assert from 'node:assert/strict';
import type { MemberReport } from '../../src/engine/model/member-report.ts';
import type { Finding } from '../../src/engine/model/finding.ts';
import type { MemberReading } from '../../src/engine/model/reading.ts';
import { readDirectory } from '../corpus/case-reading.ts';
import type { PickData } from '../corpus/pick-truth.ts';
import { runJson } from '../helpers/cli.ts';
import { EtcdCluster, etcdMissing } from '../helpers/etcd-server.ts';
import { pause } from '../helpers/pause.ts';
import { skipWithout } from '../helpers/skip-without.ts';
import { treeFingerprint } from '../helpers/tree-fingerprint.ts';

const ROUNDS = Number(process.env['RAFT_INSPECTOR_LIVE_ROUNDS'] ?? 8);

/** Writes until it is told to end, a few puts in flight at a time, to all members in turn. */
async function writeLoad(cluster: EtcdCluster, until: () => boolean): Promise<number> {
  let written = 0;
  const writer = async (lane: number): Promise<void> => {
    for (let at = 0; !until(); at += 1) {
      await cluster.put(`lane-${lane}/key-${at % 50}`, `${at}`.padStart(200, '.'), (at + lane) % cluster.members.length);
      written += 1;
    }
  };
  await Promise.all([0, 1, 2, 3].map(writer));
  return written;
}

const alarming = (findings: Finding[]): string[] => findings.filter(({ severity }) => severity === 'error').map(({ rule, message }) => `${rule}: ${message}`);

/** A member that runs and writes is not damaged: at worst its last record is unfinished. */
function assertNoFalseAlarm(name: string, { report, findings }: MemberReading): void {
  assert.deepEqual(alarming(findings), [], `${name}: false errors while the server writes`);
  assert.ok(report.health === 'ok' || report.health === 'torn-tail', `${name}: health ${report.health} while the server writes`);
  assert.deepEqual(report.damage, [], name);
}

describe('live: three real etcd servers, read while they write', function () {
  this.timeout(120_000);
  let cluster: EtcdCluster;

  before(async function () {
    skipWithout(this, etcdMissing());
    cluster = await EtcdCluster.start(3);
  });

  after(async () => {
    await cluster?.stop();
  });

  it('positions only move forward, and no error is told that is none', async () => {
    let isOver = false;
    const load = writeLoad(cluster, () => isOver);
    const last = new Map<string, MemberReport>();
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        await pause(300); // lets the writers in: reading is synchronous
        for (const { name, directory } of cluster.members) {
          const reading = readDirectory(directory);
          assertNoFalseAlarm(name, reading);
          assertForward(name, last.get(name), reading.report);
          last.set(name, reading.report);
        }
      }
    } finally {
      isOver = true;
    }
    assert.ok((await load) > 100, 'the load must have written while we read');
    for (const [name, report] of last) assert.ok(report.log.lastIndex > 100, `${name}: ${report.log.lastIndex}`);
  });

  it('the command line sees running members, and calls its pick preliminary', async () => {
    let isOver = false;
    const load = writeLoad(cluster, () => isOver);
    try {
      await pause(100);
      const places = cluster.members.map(({ name, directory }) => `${name}=${directory}`);
      const { envelope } = runJson<PickData & { preliminary: boolean }>(['recover', 'pick', ...places]);
      assert.equal(envelope.data.preliminary, true);
      assert.notEqual(envelope.data.loss.proof, 'proven');
    } finally {
      isOver = true;
      await load;
    }
  });

  it('when writes stop, the last index is the server’s raft index', async () => {
    await settle(cluster);
    const status = cluster.status();
    cluster.members.forEach(({ name, directory }, at) => {
      const { report } = readDirectory(directory);
      assert.equal(report.memberId, status[at]?.memberId, name);
      assert.equal(report.log.lastIndex, status[at]?.raftIndex, `${name}: last index`);
      assert.equal(report.hardState.currentTerm, status[at]?.raftTerm, `${name}: term`);
      assert.notEqual(report.running, null, `${name}: the running server is noticed`);
      assert.equal(report.revisionAtEnd, status[at]?.revision, `${name}: revision at the end of the log (no transactions were written)`);
    });
  });

  it('after kill -9 of all three the same is read, nothing runs, and nothing was changed by reading', async () => {
    const status = cluster.status();
    await cluster.kill();
    cluster.members.forEach(({ name, directory }, at) => {
      const before = treeFingerprint(directory, 'names');
      const reading = readDirectory(directory);
      assertNoFalseAlarm(name, reading);
      assert.equal(reading.report.log.lastIndex, status[at]?.raftIndex, `${name}: last index`);
      assert.equal(reading.report.running, null, `${name}: nothing runs any more`);
      assert.deepEqual(treeFingerprint(directory, 'names'), before);
    });
    const { envelope, code } = runJson<PickData & { preliminary: boolean }>(['recover', 'pick', ...cluster.members.map(({ name, directory }) => `${name}=${directory}`)]);
    assert.equal(code, 0);
    assert.equal(envelope.data.preliminary, false);
    assert.ok(envelope.data.source !== null);
  });
});

function assertForward(name: string, before: MemberReport | undefined, now: MemberReport): void {
  if (before === undefined) return;
  assert.ok(now.log.lastIndex >= before.log.lastIndex, `${name}: last index went from ${before.log.lastIndex} back to ${now.log.lastIndex}`);
  assert.ok((now.hardState.commitIndex ?? 0) >= (before.hardState.commitIndex ?? 0), `${name}: commit went back`);
  assert.ok(now.hardState.currentTerm >= before.hardState.currentTerm, `${name}: term went back`);
  assert.ok((now.appliedIndex ?? 0) >= (before.appliedIndex ?? 0), `${name}: applied index went from ${before.appliedIndex} back to ${now.appliedIndex}`);
}

/** Waits until all members report one raft index, twice in a row. */
async function settle(cluster: EtcdCluster): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (let before = ''; ; ) {
    const indexes = cluster.status().map(({ raftIndex }) => raftIndex);
    const now = indexes.join();
    if (new Set(indexes).size === 1 && now === before) return;
    if (Date.now() > deadline) throw new Error(`the members did not settle: ${now}`);
    before = now;
    await pause(300);
  }
}
