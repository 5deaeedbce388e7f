import assert from 'node:assert/strict';
import type { KvRead, KvSwapped, KvWritten } from '../../../src/engine/live/kv-access.ts';
import type { MemberList } from '../../../src/engine/live/member-list.ts';
import type { RecoveryPlan } from '../../../src/engine/model/plan.ts';
import { verifyRecovery, type Verification } from '../../../src/engine/rehearsal/verify.ts';
import { FakeCluster, listOf, member } from '../../helpers/fake-live-cluster.ts';
import { fakePlan, plantFake } from '../../helpers/fake-recovery.ts';
import { SimulatedFiles } from '../../helpers/simulated-files.ts';

/** A cluster of one that keeps what it is given, and counts writes. */
class Running extends FakeCluster {
  writes = 0;
  private readonly values = new Map<string, Uint8Array>();

  override kv() {
    const done: KvWritten = { revision: 1, existed: false };
    return {
      put: async (key: Uint8Array, value: Uint8Array): Promise<KvWritten> => {
        this.writes += 1;
        this.values.set(String(key), value);
        return done;
      },
      get: async (key: Uint8Array): Promise<KvRead> => {
        const value = this.values.get(String(key));
        return { found: value === undefined ? null : { value, revision: 1 }, index: 1, leaderContactMs: null };
      },
      delete: async (): Promise<KvWritten> => done,
      cas: (): Promise<KvSwapped> => Promise.reject(new Error('not asked for')),
      async *watch() {
        // Nothing is watched.
      },
    };
  }
}

describe('recover verify: what is asked of the running result', () => {
  let plan: RecoveryPlan;
  before(async () => {
    const ops = new SimulatedFiles();
    plantFake(ops);
    plan = await fakePlan(ops, { kind: 'files' }, { fences: [{ member: 'n2', id: 'b2' as never, directory: null }] as never });
  });

  const result = (more: Partial<MemberList> = {}): Running => new Running(listOf([member('a1')], { clusterId: '8c6d8b45601ffaf2', term: 3, commitIndex: 12, ...more }));
  const verify = (cluster: Running, timeoutMs = 30_000): Promise<Verification> => verifyRecovery(plan, cluster, { timeoutMs, endpoints: ['127.0.0.1:1'], ...cluster.time });
  const wrong = ({ checks }: Verification): string[] => checks.filter((one) => one.ok === false).map((one) => one.name);

  it('holds where all is as planned', async () => {
    const cluster = result();
    const report = await verify(cluster);
    assert.deepEqual([report.verdict, wrong(report), cluster.writes], ['verified', [], 1]);
  });

  it('waits for a leader, and until it has committed what the plan holds', async () => {
    const cluster = result({ commitIndex: 5 });
    cluster.onLook = (list) => ({ ...list, leader: cluster.nowMs < 200 ? null : 'a1', commitIndex: cluster.nowMs < 500 ? 5 : 13 });
    const report = await verify(cluster);
    assert.deepEqual([report.verdict, report.checks.find((one) => one.name === 'entries')?.detail], ['verified', 'no entry missing, 1-13']);
    assert.ok(report.durationMs < 1000, `${report.durationMs} ms`);
  });

  it('says which entries are missing when they do not come in time', async () => {
    const report = await verify(result({ commitIndex: 5 }), 2000);
    assert.deepEqual(wrong(report), ['entries']);
    assert.ok(report.durationMs >= 1800, `${report.durationMs} ms`);
  });

  it('writes nothing into a cluster that is not the planned one, and does not wait for it', async () => {
    for (const other of [{ clusterId: '1111111111111111', commitIndex: 5 }, { term: 2 }]) {
      const cluster = result(other);
      const report = await verify(cluster);
      assert.deepEqual([report.verdict, cluster.writes, report.checks.find((one) => one.name === 'write')?.ok], ['failed', 0, null], JSON.stringify(report.checks));
      assert.ok(wrong(report).includes('leader'));
      assert.equal(report.durationMs, 0);
    }
  });

  it('fails where an old member is back under its old id', async () => {
    const cluster = result();
    cluster.list = listOf([member('a1'), member('b2')], { clusterId: '8c6d8b45601ffaf2', term: 3, commitIndex: 12 });
    assert.deepEqual(wrong(await verify(cluster)), ['fences']);
  });
});
