import assert from 'node:assert/strict';
import path from 'node:path';
import { InspectorError } from '../../../../src/engine/errors.ts';
import { removeTree } from '../../../../src/engine/files/durable.ts';
import { type RecoveryPlan, sealPlan, type Swap } from '../../../../src/engine/model/plan.ts';
import { applyPlan, previewApply } from '../../../../src/engine/recovery/apply/apply.ts';
import { Journal } from '../../../../src/engine/recovery/apply/journal.ts';
import type { ApplyOptions } from '../../../../src/engine/recovery/apply/options.ts';
import { recoveryStatus } from '../../../../src/engine/recovery/apply/status.ts';
import { previewUndo, undoPlan } from '../../../../src/engine/recovery/apply/undo.ts';
import { FAKE_DATA, FAKE_OPTIONS, fakePlan, fakeWorld, plantFake } from '../../../helpers/fake-recovery.ts';
import { SimulatedFiles } from '../../../helpers/simulated-files.ts';

const WORK = `${FAKE_DATA}.ri`;
const SWAPS: readonly Swap[] = [{ kind: 'files' }, { kind: 'directory', path: 'member' }, { kind: 'directory', path: '' }];

describe('what happens between an apply that was cut off and the next run', () => {
  let ops: SimulatedFiles;
  let plan: RecoveryPlan;
  let original: string[];

  /** As left by a run that was killed when it had written that the exchange begins, and had not exchanged anything. */
  async function cutOffBeforeExchange(swap: Swap): Promise<void> {
    ops = new SimulatedFiles();
    plantFake(ops);
    plan = await fakePlan(ops, swap);
    original = ops.dump(FAKE_DATA);
    for (let stop = 1; ; stop += 1) {
      const disk = ops.afterPowerLoss({ kind: 'all' });
      disk.stopAfter(stop);
      await applyPlan(plan, FAKE_OPTIONS, fakeWorld(disk)).catch(() => undefined);
      const found = disk.afterPowerLoss({ kind: 'all' });
      if (!recoveryStatus(plan, {}, found).events.some((one) => one.event === 'started' && one.detail === 'swap')) continue;
      ops = found;
      assert.deepEqual(ops.dump(FAKE_DATA), original);
      return;
    }
  }

  /** As a server does: in place, and nothing of its length changes. */
  function serverWrites(file: string, text: string): void {
    const fd = ops.open(path.join(FAKE_DATA, file), 'append');
    const { bytes } = ops.facts(path.join(FAKE_DATA, file)) ?? { bytes: 0 };
    ops.truncate(fd, bytes - text.length);
    ops.write(fd, Buffer.from(text), null);
    ops.close(fd);
  }

  async function refused(work: Promise<unknown>): Promise<InspectorError> {
    const error = await work.then(() => assert.fail('it was done'), (thrown: unknown) => thrown);
    assert.ok(error instanceof InspectorError, String(error));
    return error;
  }

  for (const swap of SWAPS) {
    const name = swap.kind === 'files' ? 'files' : `directory ${JSON.stringify(swap.path)}`;

    it(`a server that ran on the old data keeps what it wrote (${name})`, async () => {
      for (const file of ['member/wal/1.wal', 'member/snap/db']) {
        await cutOffBeforeExchange(swap);
        serverWrites(file, 'X');
        const moved = ops.dump(FAKE_DATA);
        const error = await refused(applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops)));
        assert.equal(error.exitCode, 7, error.message);
        assert.deepEqual(ops.dump(FAKE_DATA), moved, file);
        // It is not as it was before, so nobody is told that; and nothing of the apply is in it.
        assert.equal((await previewUndo(plan, FAKE_OPTIONS, fakeWorld(ops))).refusals[0]?.exit, 7);
        const drift = await refused(undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops)));
        assert.equal(drift.exitCode, 7, drift.message);
        assert.match(drift.message, new RegExp(`cut off before it exchanged anything: ${file} has other content`));
        assert.deepEqual(ops.dump(FAKE_DATA), moved, file);
        // There is a way on: nothing was exchanged, so nothing has to be brought back.
        const letGo = await undoPlan(plan, { ...FAKE_OPTIONS, overrides: ['data-moved-on'] }, fakeWorld(ops));
        assert.deepEqual([letGo.state, letGo.steps, letGo.setAside, letGo.checks.find((one) => one.name === 'files')?.ok], ['undone', [], null, null]);
        assert.deepEqual(ops.dump(FAKE_DATA), moved, file);
        assert.deepEqual(recoveryStatus(plan, {}, ops).events.at(-1)?.detail, 'override data-moved-on');
      }
    });

    it(`an apply that was cut off when its backup was done: the preview goes on, and undo compares (${name})`, async () => {
      ops = new SimulatedFiles();
      plantFake(ops);
      plan = await fakePlan(ops, swap, { overrides: [{ rule: 'certain-loss', at: '2026-03-14T02:21:00.000Z', by: 'root@cp-1' }] });
      original = ops.dump(FAKE_DATA);
      const timeIsUp = new Error('time is up');
      const onStep: ApplyOptions['onStep'] = (id, status) => {
        if (id === 'build' && status === 'started') throw timeIsUp;
      };
      await assert.rejects(applyPlan(plan, { ...FAKE_OPTIONS, overrides: ['certain-loss'], onStep }, fakeWorld(ops)), timeIsUp);
      const begun = Journal.read(`${WORK}/journal.ndjson`, ops).lines[0];
      assert.deepEqual(begun?.event === 'begin' ? begun.overrides : [], ['certain-loss'], 'each rule once');
      const before = ops.dump('/');
      const preview = await previewApply(plan, FAKE_OPTIONS, fakeWorld(ops));
      assert.deepEqual(preview.steps.map((one) => [one.id, one.status, one.detail]), [['backup', 'already', '4 files, sha256 equal'], ['build', 'not-started', ''], ['check', 'not-started', ''], ['swap', 'not-started', '']]);
      assert.match(preview.checks.find((one) => one.name === 'journal')?.detail ?? '', /was begun and cut off: goes on after the backup/);
      assert.notEqual(preview.backup, null);
      assert.deepEqual(ops.dump('/'), before);
      const cut = ops;
      ops = cut.afterPowerLoss({ kind: 'all' });
      serverWrites('member/snap/db', 'X');
      assert.equal((await refused(undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops)))).exitCode, 7);
      ops = cut;
      const undone = await undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
      assert.match(undone.checks.find((one) => one.name === 'files')?.detail ?? '', /4 of 4 files as the plan found them/);
      assert.deepEqual(ops.dump(FAKE_DATA), original);
      const again = await previewApply(plan, FAKE_OPTIONS, fakeWorld(ops));
      assert.ok(again.steps.every((one) => one.status === 'not-started'), 'what was undone does not go on');
    });

    it(`what was built is deleted to make room: nothing is called applied (${name})`, async () => {
      await cutOffBeforeExchange(swap);
      removeTree(ops, `${WORK}/new`);
      const error = await refused(applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops)));
      assert.equal(error.exitCode, 8, error.message);
      assert.deepEqual(ops.dump(FAKE_DATA), original);
      await undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
      assert.deepEqual(ops.dump(FAKE_DATA), original);
      assert.equal((await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops))).state, 'applied');
    });

    it(`the backup is deleted to make room: nothing is exchanged (${name})`, async () => {
      await cutOffBeforeExchange(swap);
      removeTree(ops, `${WORK}/5c2e91`);
      const error = await refused(applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops)));
      assert.equal(error.exitCode, 3, error.message);
      assert.deepEqual(ops.dump(FAKE_DATA), original);
    });

    it(`the data directory is moved away: undo brings the original back (${name})`, async () => {
      ops = new SimulatedFiles();
      plantFake(ops);
      plan = await fakePlan(ops, swap);
      original = ops.dump(FAKE_DATA);
      await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
      ops.rename(FAKE_DATA, '/srv/elsewhere');
      assert.equal((await refused(undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops)))).exitCode, 7);
      const options: ApplyOptions = { ...FAKE_OPTIONS, overrides: ['data-moved-on'] };
      assert.equal((await undoPlan(plan, options, fakeWorld(ops))).state, 'undone');
      assert.deepEqual(ops.dump(FAKE_DATA), original);
    });
  }

  for (const swap of SWAPS.slice(1)) {
    it(`an undo was cut off, and a server ran on the result (${JSON.stringify(swap)})`, async () => {
      ops = new SimulatedFiles();
      plantFake(ops);
      plan = await fakePlan(ops, swap);
      original = ops.dump(FAKE_DATA);
      await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
      const applied = ops.afterPowerLoss({ kind: 'all' });
      for (let stop = 1; recoveryStatus(plan, {}, ops).state === 'applied'; stop += 1) {
        ops = applied.afterPowerLoss({ kind: 'all' });
        ops.stopAfter(stop);
        await undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops)).catch(() => undefined);
        ops = ops.afterPowerLoss({ kind: 'all' });
      }
      assert.equal(recoveryStatus(plan, {}, ops).state, 'undoing');
      serverWrites('member/snap/db', 'X');
      const moved = ops.dump(FAKE_DATA);
      assert.equal((await refused(undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops)))).exitCode, 7);
      assert.deepEqual(ops.dump(FAKE_DATA), moved);
      const report = await undoPlan(plan, { ...FAKE_OPTIONS, overrides: ['data-moved-on'] }, fakeWorld(ops));
      assert.deepEqual([report.state, ops.dump(FAKE_DATA)], ['resumed', original]);
      assert.match(ops.dump(report.setAside ?? '').join('\n'), /the databasX/);
    });
  }

  it('a backup directory in what is only there for the run', async () => {
    for (const swap of SWAPS) for (const place of ['new', 'old']) {
      ops = new SimulatedFiles();
      plantFake(ops);
      plan = await fakePlan(ops, swap);
      assert.match((await refused(applyPlan(plan, { ...FAKE_OPTIONS, backupDir: `${WORK}/${place}` }, fakeWorld(ops)))).message, /^backup-inside/);
      assert.equal(ops.facts(WORK), null);
    }
  });

  it('a journal line of a newer version, or one without what belongs to it', async () => {
    for (const line of [{ event: 'merged' }, { event: 'begin' }, { event: 'undo' }, { event: 'done', step: 'check', result: 3 }, { event: 'started', step: 'weld' }, { event: 'fenced' }]) {
      await cutOffBeforeExchange({ kind: 'files' });
      const fd = ops.open(`${WORK}/journal.ndjson`, 'append');
      ops.write(fd, Buffer.from(`${JSON.stringify({ at: '2026-03-14T02:24:00.000Z', plan: plan.planId, ...line })}\n`), null);
      ops.close(fd);
      const before = ops.dump('/');
      for (const work of [applyPlan, undoPlan]) {
        const error = await refused(work(plan, FAKE_OPTIONS, fakeWorld(ops)));
        assert.equal(error.exitCode, line.event === 'merged' ? 4 : 3, `${JSON.stringify(line)}: ${error.message}`);
        assert.deepEqual(ops.dump('/'), before);
      }
    }
  });

  it('a plan that was changed and sealed anew under the same id', async () => {
    await cutOffBeforeExchange({ kind: 'files' });
    const resealed = sealPlan({ ...plan, notes: ['changed'] });
    assert.match((await refused(applyPlan(resealed, FAKE_OPTIONS, fakeWorld(ops)))).message, /^other-plan/);
    await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
    assert.match((await refused(applyPlan(resealed, FAKE_OPTIONS, fakeWorld(ops)))).message, /^other-plan/);
    await undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
    assert.deepEqual(ops.dump(FAKE_DATA), original);
  });

  it('the same plan on two copies never shares a backup', async () => {
    ops = new SimulatedFiles();
    plantFake(ops);
    plantFake(ops, '/srv/copy');
    plan = await fakePlan(ops, { kind: 'files' });
    original = ops.dump(FAKE_DATA);
    const options: ApplyOptions = { ...FAKE_OPTIONS, backupDir: '/backups' };
    await applyPlan(plan, options, fakeWorld(ops));
    const kept = ops.dump('/backups');
    const error = await refused(applyPlan(plan, { ...options, dataDir: '/srv/copy' }, fakeWorld(ops)));
    assert.equal(error.exitCode, 4, error.message);
    assert.deepEqual(ops.dump('/backups'), kept);
    await undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
    assert.deepEqual(ops.dump(FAKE_DATA), original);
  });
});
