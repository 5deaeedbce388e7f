import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { REAL_FILES } from '../../src/engine/files/file-ops.ts';
import type { RecoveryPlan, Swap } from '../../src/engine/model/plan.ts';
import { applyPlan } from '../../src/engine/recovery/apply/apply.ts';
import { undoPlan } from '../../src/engine/recovery/apply/undo.ts';
import { type ApplyWorld, REAL_WORLD } from '../../src/engine/recovery/apply/world.ts';
import { FAKE_CHANGES, FAKE_FILES, FAKE_OPTIONS, fakePlan, fakeTarget, plantFake } from '../helpers/fake-recovery.ts';
import { KilledChildren, LONG, tree } from './killed.ts';

const STRIDE = LONG ? 1 : 20;
const SWAPS: Record<string, Swap> = { files: { kind: 'files' }, 'a directory in it': { kind: 'directory', path: 'member' }, 'the data directory': { kind: 'directory', path: '' } };
const WORLD: ApplyWorld = { ...REAL_WORLD, targetOf: () => fakeTarget(REAL_FILES), useOf: () => ({ users: [], hidden: 0 }) };

function contents(root: string): Record<string, string> {
  const files = fs.readdirSync(root, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  return Object.fromEntries(files.map((one) => path.join(one.parentPath, one.name)).map((file) => [path.relative(root, file), fs.readFileSync(file, 'latin1')]));
}

const NEW: Record<string, string> = { ...FAKE_FILES };
for (const change of FAKE_CHANGES) {
  if (change.kind === 'remove') delete NEW[change.path];
  else NEW[change.path] = change.content;
}

describe('crash consistency, real files and SIGKILL', function () {
  this.timeout(LONG ? 3_600_000 : 180_000);
  let scratch: string;
  let children: KilledChildren;
  before(async () => {
    scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-killed-'));
    children = await KilledChildren.make();
  });
  after(() => {
    fs.rmSync(scratch, { recursive: true, force: true });
    children.remove();
  });

  function run(verb: 'apply' | 'undo', plan: string, kill: number, moment: 'before' | 'after'): { killed: boolean; calls: number } {
    return children.run({ verb, plan, isFake: true, kill, moment });
  }

  async function planted(name: string, swap: Swap): Promise<{ root: string; dataDir: string; plan: RecoveryPlan; file: string; original: string[] }> {
    const root = path.join(scratch, name);
    const dataDir = path.join(root, 'data');
    fs.mkdirSync(root);
    plantFake(REAL_FILES, dataDir);
    const plan = await fakePlan(REAL_FILES, swap, {}, dataDir);
    const file = path.join(root, 'plan.json');
    fs.writeFileSync(file, JSON.stringify(plan));
    return { root, dataDir, plan, file, original: tree(dataDir) };
  }

  for (const [name, swap] of Object.entries(SWAPS)) {
    it(`apply, exchanging ${name}: a re-run finishes, undo gives the original back`, async () => {
      const trial = await planted(`trial-${Object.keys(SWAPS).indexOf(name)}`, swap);
      const { calls } = run('apply', trial.file, 0, 'before');
      assert.ok(calls > 80, String(calls));
      let kills = 0;
      for (let ordinal = 1; ordinal <= calls; ordinal += STRIDE) {
        for (const moment of ['before', 'after'] as const) {
          const { root, dataDir, plan, file, original } = await planted(`${Object.keys(SWAPS).indexOf(name)}-${ordinal}-${moment}`, swap);
          assert.ok(run('apply', file, ordinal, moment).killed, `${ordinal} ${moment}`);
          kills += 1;
          const report = await applyPlan(plan, FAKE_OPTIONS, WORLD);
          assert.ok(['applied', 'resumed', 'already-applied'].includes(report.state));
          assert.deepEqual(contents(dataDir), NEW, `${ordinal} ${moment}`);
          assert.deepEqual(fs.readdirSync(root).sort(), ['data', 'data.ri', 'plan.json']);
          assert.deepEqual(fs.readdirSync(`${dataDir}.ri`).sort(), ['5c2e91', 'journal.ndjson'], `${ordinal} ${moment}`);
          // The undo is killed as well, somewhere else each time.
          run('undo', file, 1 + ((ordinal * 7) % 60), moment);
          await undoPlan(plan, FAKE_OPTIONS, WORLD);
          assert.deepEqual(tree(dataDir), original, `${ordinal} ${moment}: undone`);
          assert.deepEqual(fs.readdirSync(`${dataDir}.ri`).sort(), ['5c2e91', 'journal.ndjson'], `${ordinal} ${moment}: undone`);
          fs.rmSync(root, { recursive: true });
        }
      }
      assert.ok(kills >= (2 * calls) / STRIDE - 2);
    });
  }
});
