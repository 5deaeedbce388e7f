import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { etcdReader } from '../../../../src/engine/readers/etcd/reader.ts';
import { applyPlan } from '../../../../src/engine/recovery/apply/apply.ts';
import { undoPlan } from '../../../../src/engine/recovery/apply/undo.ts';
import type { PlanRequest } from '../../../../src/engine/recovery/plan/make-plan.ts';
import { fingerprintTree } from '../../../../src/engine/files/tree.ts';
import { copyMember } from '../../../helpers/corpus.ts';
import { planFor } from '../hashicorp/plan-and-apply.ts';

const ONE = { caseDir: null, overrides: [] };

describe('etcd plans, applied and undone', () => {
  let root: string | null = null;

  afterEach(() => {
    if (root !== null) fs.rmSync(path.dirname(root), { recursive: true, force: true });
  });

  for (const [what, request, target] of [
    ['append', {}, 'etcd-append'],
    ['append with a raised revision', { bumpRevision: 1000 }, 'etcd-append'],
    ['rebuild with a new cluster id', { newClusterId: 'new' }, 'etcd-rebuild'],
  ] as [string, Partial<PlanRequest>, string][]) {
    it(`${what}: applied it is a cluster of one, undone it has its old bytes`, async () => {
      root = copyMember('etcd/acked-beyond-commit-34', 'n1');
      const before = await fingerprintTree(root);
      const plan = await planFor([root], request);
      assert.equal(plan.target, target);
      const report = await applyPlan(plan, ONE);
      assert.equal(report.state, 'applied');
      const { confState, lastEntry, clusterId } = etcdReader.read(root, {}).report;
      assert.deepEqual(confState?.voters, plan.outcome.voters);
      assert.deepEqual(lastEntry, plan.outcome.lastEntry);
      assert.equal(clusterId, plan.outcome.clusterId);
      await undoPlan(plan, ONE);
      assert.deepEqual(await fingerprintTree(root), before);
    });
  }

  it('exchanges the whole directory where the log lies beside the data', async () => {
    root = copyMember('etcd/separate-wal-34', 'n2');
    const before = await fingerprintTree(root);
    const plan = await planFor([root], { newClusterId: 'new' });
    assert.deepEqual(plan.swap, { kind: 'directory', path: '' });
    await applyPlan(plan, ONE);
    assert.deepEqual(fs.readdirSync(path.join(root, 'wal')).filter((name) => name.endsWith('.wal')).length, 1);
    assert.ok(!fs.existsSync(path.join(root, 'data/member/wal')));
    assert.equal(etcdReader.read(root, {}).report.clusterId, plan.newClusterId);
    await undoPlan(plan, ONE);
    assert.deepEqual(await fingerprintTree(root), before);
  });

  it('keeps owner and mode of what it writes anew', async () => {
    root = copyMember('etcd/acked-beyond-commit-34', 'n1');
    const tail = path.join(root, 'member/wal/0000000000000000-0000000000000000.wal');
    fs.chmodSync(tail, 0o640);
    await applyPlan(await planFor([root]), ONE);
    assert.equal(fs.statSync(tail).mode & 0o777, 0o640);
  });
});
