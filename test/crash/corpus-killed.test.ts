import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { RecoveryPlan } from '../../src/engine/model/plan.ts';
import { applyPlan } from '../../src/engine/recovery/apply/apply.ts';
import { undoPlan } from '../../src/engine/recovery/apply/undo.ts';
import { type ApplyWorld, REAL_WORLD } from '../../src/engine/recovery/apply/world.ts';
import { restoreSnapshot } from '../../src/engine/recovery/restore/restore.ts';
import { unpackCase, unpackMember } from '../helpers/corpus.ts';
import { FAKE_OPTIONS } from '../helpers/fake-recovery.ts';
import { ensureBuilt, ROOT, runCli } from '../helpers/run-cli.ts';
import { KilledChildren, LONG, tree } from './killed.ts';

/** One of each kind of store and of exchange. */
const CASES: readonly { name: string; from: () => string; words: string[] }[] = [
  { name: 'etcd/acked-beyond-commit-34', from: () => unpackMember('etcd/acked-beyond-commit-34', 'n1'), words: [] },
  { name: 'etcd/acked-beyond-commit-3614', from: () => unpackMember('etcd/acked-beyond-commit-3614', 'n1'), words: ['--new-cluster-id', 'new'] },
  { name: 'consul/quorum-loss-187', from: () => unpackMember('consul/quorum-loss-187', 'consul-2'), words: ['--id', 'data=5a898d6a-a0f4-4e29-8865-e01ca3b1129a'] },
  { name: 'native/v1-healthy', from: () => path.join(ROOT, 'fixtures/native/v1-healthy/n1'), words: [] },
];
const WORLD: ApplyWorld = { ...REAL_WORLD, useOf: () => ({ users: [], hidden: 0 }) };

describe('crash consistency, captured directories and SIGKILL', function () {
  this.timeout(LONG ? 3_600_000 : 240_000);
  let scratch: string;
  let children: KilledChildren;
  before(async () => {
    ensureBuilt();
    scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-killed-'));
    children = await KilledChildren.make();
  });
  after(() => {
    fs.rmSync(scratch, { recursive: true, force: true });
    children.remove();
  });

  for (const one of CASES) {
    it(`apply and undo of ${one.name} ${one.words.join(' ')}`, async () => {
      const root = fs.mkdtempSync(path.join(scratch, 'case-'));
      const dataDir = path.join(root, 'data');
      const pristine = path.join(root, 'pristine');
      execFileSync('cp', ['-a', '--sparse=always', one.from(), pristine]);
      const reset = (): void => {
        for (const name of [dataDir, `${dataDir}.ri`]) fs.rmSync(name, { recursive: true, force: true });
        execFileSync('cp', ['-a', '--sparse=always', pristine, dataDir]);
      };
      reset();
      const planned = runCli(['recover', 'plan', dataDir, '--case', path.join(root, 'case'), ...one.words, '--json']);
      assert.equal(planned.code, 0, planned.stderr);
      const file = path.join(root, 'case', 'plan.json');
      const plan = JSON.parse(fs.readFileSync(file, 'utf8')) as RecoveryPlan;
      const original = tree(dataDir);
      const { calls } = children.run({ verb: 'apply', plan: file, kill: 0, moment: 'before' });
      const applied = contentOf(dataDir);
      const stride = LONG ? 1 : Math.ceil(calls / 3);
      for (let kill = Math.ceil(stride / 2); kill <= calls; kill += stride) {
        reset();
        assert.ok(children.run({ verb: 'apply', plan: file, kill, moment: kill % 2 === 0 ? 'before' : 'after' }).killed, `call ${kill} of ${calls}`);
        await applyPlan(plan, FAKE_OPTIONS, WORLD);
        assert.deepEqual(contentOf(dataDir), applied, `killed at ${kill} of ${calls}`);
        children.run({ verb: 'undo', plan: file, kill: 1 + (kill % 40), moment: 'after' });
        await undoPlan(plan, FAKE_OPTIONS, WORLD);
        assert.deepEqual(tree(dataDir), original, `killed at ${kill} of ${calls}, undone`);
        assert.deepEqual(fs.readdirSync(`${dataDir}.ri`).length, 2);
      }
    });
  }

  it('snapshot restore: absent or complete, and nothing beside it', async () => {
    const file = path.join(unpackCase('etcd/snapshot-files-34'), 'good.snap.db');
    const home = path.join(scratch, 'restore');
    fs.mkdirSync(home);
    const request = { file, into: path.join(home, 'new'), name: 'n1', id: undefined, addresses: ['http://127.0.0.1:2380'], bumpRevision: null, overrides: [], act: true };
    const now = '2026-03-14T02:24:00.000Z';
    const { calls } = children.run({ verb: 'restore', restore: { ...request, now }, kill: 0, moment: 'before' });
    const whole = contentOf(request.into);
    assert.ok(calls > 20, String(calls));
    const counts = { absent: 0, complete: 0 };
    const stride = LONG ? 1 : Math.ceil(calls / 12);
    for (let kill = calls; kill >= 1; kill -= stride) {
      fs.rmSync(request.into, { recursive: true, force: true });
      assert.ok(children.run({ verb: 'restore', restore: { ...request, now }, kill, moment: 'before' }).killed);
      if (fs.existsSync(request.into)) {
        counts.complete += 1;
        await assert.rejects(restoreSnapshot({ ...request, now: new Date(now) }), /not-empty/);
      } else {
        counts.absent += 1;
        await restoreSnapshot({ ...request, now: new Date(now) });
      }
      assert.deepEqual(contentOf(request.into), whole, `killed at ${kill} of ${calls}`);
      assert.deepEqual(fs.readdirSync(home), ['new'], `killed at ${kill} of ${calls}`);
    }
    assert.ok(counts.absent > 0 && counts.complete > 0, JSON.stringify(counts));
  });
});

/** Names and content. */
function contentOf(root: string): string[] {
  return tree(root).map((line) => `${line.split(' ')[0]} ${line.split(' ').at(-1)}`);
}
