import assert from 'node:assert/strict';
import type { Swap } from '../../../../src/engine/model/plan.ts';
import { applyPlan, previewApply } from '../../../../src/engine/recovery/apply/apply.ts';
import { undoPlan } from '../../../../src/engine/recovery/apply/undo.ts';
import { FAKE_DATA, FAKE_OPTIONS, fakePlan, fakeWorld, plantFake } from '../../../helpers/fake-recovery.ts';
import { SimulatedFiles } from '../../../helpers/simulated-files.ts';

const SWAPS: Record<string, Swap> = { files: { kind: 'files' }, 'a directory in it': { kind: 'directory', path: 'member' }, 'the data directory': { kind: 'directory', path: '' } };

for (const [name, swap] of Object.entries(SWAPS)) {
  describe(`recover apply, exchanging ${name}`, () => {
    it('applies, says so again, and undoes to the byte', async () => {
      const ops = new SimulatedFiles();
      plantFake(ops);
      const plan = await fakePlan(ops, swap);
      const before = ops.dump(FAKE_DATA);
      const preview = await previewApply(plan, FAKE_OPTIONS, fakeWorld(ops));
      assert.equal(preview.state, 'preview');
      assert.deepEqual(preview.refusals, []);
      assert.deepEqual(ops.dump('/'), ops.dump('/'));
      const report = await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
      assert.equal(report.state, 'applied');
      assert.deepEqual(report.steps.map((one) => [one.id, one.status]), [['backup', 'done'], ['build', 'done'], ['check', 'done'], ['swap', 'done']]);
      const applied = ops.dump(FAKE_DATA).join('\n');
      assert.match(applied, /wal\/1\.wal file 640 0:0 \d+ new wal/);
      assert.match(applied, /snap\/new\/2\.snap file 640 0:0 \d+ new snapshot/);
      assert.doesNotMatch(applied, /older snapshot/);
      assert.equal((await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops))).state, 'already-applied');
      assert.deepEqual(ops.list('/srv'), ['data', 'data.ri']);
      assert.deepEqual(ops.list('/srv/data.ri'), ['5c2e91', 'journal.ndjson']);
      const undone = await undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
      assert.equal(undone.state, 'undone');
      assert.deepEqual(ops.dump(FAKE_DATA), before);
      assert.equal((await undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops))).state, 'already-undone');
      assert.equal((await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops))).state, 'applied');
      assert.equal(ops.dump(FAKE_DATA).join('\n').match(/new wal/g)?.length, 1);
    });
  });
}
