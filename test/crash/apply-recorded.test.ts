import assert from 'node:assert/strict';
import path from 'node:path';
import type { RecoveryPlan, Swap } from '../../src/engine/model/plan.ts';
import { applyPlan } from '../../src/engine/recovery/apply/apply.ts';
import { verifyBackup } from '../../src/engine/recovery/apply/backup.ts';
import { Journal } from '../../src/engine/recovery/apply/journal.ts';
import { standingOf } from '../../src/engine/recovery/apply/standing.ts';
import { undoPlan } from '../../src/engine/recovery/apply/undo.ts';
import { FAKE_CHANGES, FAKE_DATA, FAKE_FILES, FAKE_OPTIONS, fakePlan, fakeWorld, plantFake } from '../helpers/fake-recovery.ts';
import { SimulatedFiles } from '../helpers/simulated-files.ts';
import { crashEverywhere } from './recorded.ts';

/** `RAFT_INSPECTOR_CRASH=long` crashes every re-run as well, with the random subsets of the reference. */
const LONG = process.env['RAFT_INSPECTOR_CRASH'] === 'long';
const DEPTH = LONG ? { subsets: 8, everySecond: 1 } : { subsets: 2, everySecond: 60 };
const SWAPS: Record<string, Swap> = { files: { kind: 'files' }, 'a directory in it': { kind: 'directory', path: 'member' }, 'the data directory': { kind: 'directory', path: '' } };
const JOURNAL = `${FAKE_DATA}.ri/journal.ndjson`;

/** Content by path, as people would compare two directories. */
function contents(ops: SimulatedFiles, root = FAKE_DATA): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of ops.dump(root)) {
    const [, name, text] = /^(\S*) file \d+ \S+ \d+ (.*)$/s.exec(line) ?? [];
    if (name !== undefined) found[name] = text ?? '';
  }
  return found;
}

const OLD = { ...FAKE_FILES };
const NEW: Record<string, string> = { ...FAKE_FILES };
for (const change of FAKE_CHANGES) {
  if (change.kind === 'remove') delete NEW[change.path];
  else NEW[change.path] = change.content;
}

/** States that a server may meet: after each rename of the files, or one whole directory or the other. */
function legal(swap: Swap): Record<string, string>[] {
  if (swap.kind === 'directory') return [OLD, NEW];
  const states = [OLD];
  for (const change of FAKE_CHANGES) {
    const next = { ...states.at(-1) };
    if (change.kind === 'remove') delete next[change.path];
    else next[change.path] = change.content;
    states.push(next as Record<string, string>);
  }
  return states;
}

function assertLegal(ops: SimulatedFiles, swap: Swap, where: string): void {
  const found = contents(ops);
  if (legal(swap).some((one) => isEqual(one, found))) return;
  const gap = swap.kind === 'directory' && ops.facts(path.join(FAKE_DATA, swap.path)) === null && ops.facts(`${FAKE_DATA}.ri/old`) !== null && ops.facts(path.join(`${FAKE_DATA}.ri/new`, swap.path)) !== null;
  assert.ok(gap, `${where}: neither old nor new: ${JSON.stringify(found)}`);
}

function isEqual(a: Record<string, string>, b: Record<string, string>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** Whatever was done: the backup is whole, and nothing but it and the journal is left. */
async function assertTidy(ops: SimulatedFiles, plan: RecoveryPlan, where: string): Promise<void> {
  assert.deepEqual(ops.list(path.dirname(FAKE_DATA)), ['data', 'data.ri'], where);
  assert.deepEqual(ops.list(`${FAKE_DATA}.ri`), ['5c2e91', 'journal.ndjson'], where);
  assert.deepEqual(ops.list(`${FAKE_DATA}.ri/5c2e91`).filter((name) => name.endsWith('.part')), [], where);
  const { backup } = standingOf(Journal.read(JOURNAL, ops), plan.planId);
  await verifyBackup(backup?.path ?? '', { planId: plan.planId, sha256: backup?.manifest ?? null }, ops);
}

for (const [name, swap] of Object.entries(SWAPS)) {
  describe(`crash consistency, recorded: exchanging ${name}`, function () {
    this.timeout(LONG ? 3_600_000 : 120_000);
    let disk: SimulatedFiles;
    let plan: RecoveryPlan;
    let original: string[];
    before(async () => {
      disk = new SimulatedFiles();
      plantFake(disk);
      plan = await fakePlan(disk, swap);
      original = disk.dump(FAKE_DATA);
    });
    const copy = (): SimulatedFiles => disk.afterPowerLoss({ kind: 'all' });

    it('apply: the data is old or new, the re-run finishes, undo gives the original back', async () => {
      let turn = 0;
      const count = await crashEverywhere(
        {
          start: copy,
          run: (ops) => applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops)),
          afterCrash: (ops, where) => assertLegal(ops, swap, where),
          async afterRerun(ops, where) {
            assert.deepEqual(contents(ops), NEW, where);
            await assertTidy(ops, plan, where);
            turn += 1;
            if (!LONG && turn % 4 !== 0) return;
            assert.equal((await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops))).state, 'already-applied', where);
            await undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
            assert.deepEqual(ops.dump(FAKE_DATA), original, where);
          },
        },
        { ...DEPTH, seed: 1 },
      );
      assert.ok(count.calls > 90 && count.crashes > 5 * count.calls, JSON.stringify(count));
      console.log(`      ${JSON.stringify(count)}`);
    });

    it('undo: the re-run gives the original back, to the byte', async () => {
      const applied = copy();
      await applyPlan(plan, FAKE_OPTIONS, fakeWorld(applied));
      const count = await crashEverywhere(
        {
          start: () => applied.afterPowerLoss({ kind: 'all' }),
          run: (ops) => undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops)),
          afterCrash: (ops, where) => assertLegal(ops, swap, where),
          async afterRerun(ops, where) {
            assert.deepEqual(ops.dump(FAKE_DATA), original, where);
            await assertTidy(ops, plan, where);
            assert.equal((await undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops))).state, 'already-undone', where);
          },
        },
        { ...DEPTH, seed: 2 },
      );
      assert.ok(count.calls > 60, JSON.stringify(count));
      console.log(`      ${JSON.stringify(count)}`);
    });

    it('undo of an apply that was cut off gives the original back', async () => {
      const whole = copy();
      await applyPlan(plan, FAKE_OPTIONS, fakeWorld(whole));
      let undone = 0;
      for (let stop = 0; stop <= whole.count; stop += 1) {
        const ops = copy();
        ops.stopAfter(stop);
        await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops)).catch(() => undefined);
        const found = ops.afterPowerLoss({ kind: 'none' });
        if (Journal.read(JOURNAL, found).lines.length === 0) continue;
        await undoPlan(plan, FAKE_OPTIONS, fakeWorld(found));
        assert.deepEqual(contents(found), OLD, `cut before call ${stop}`);
        undone += 1;
      }
      assert.ok(undone > 80, String(undone));
    });
  });
}
