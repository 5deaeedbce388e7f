import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { MemberId } from '../../../../src/engine/core/types.ts';
import type { RecoveryPlan } from '../../../../src/engine/model/plan.ts';
import { applyPlan } from '../../../../src/engine/recovery/apply/apply.ts';
import { undoPlan } from '../../../../src/engine/recovery/apply/undo.ts';
import { unpackMember } from '../../../helpers/corpus.ts';
import { planOf } from '../../../helpers/recover-native.ts';
import { treeFingerprint } from '../../../helpers/tree-fingerprint.ts';

const FIXTURES = path.resolve(import.meta.dirname, '../../../../fixtures');
const CONSUL_ID = '5a898d6a-a0f4-4e29-8865-e01ca3b1129a';

const FAMILIES: readonly { name: string; from: () => string; over?: Parameters<typeof planOf>[1]; target: string; swap: string }[] = [
  { name: 'etcd 3.4, records appended', from: () => unpackMember('etcd/quorum-loss-34', 'n1'), target: 'etcd-append', swap: 'files' },
  { name: 'etcd 3.6, log made anew', from: () => unpackMember('etcd/quorum-loss-3614', 'n1'), over: { newClusterId: 'new' }, target: 'etcd-rebuild', swap: 'directory' },
  { name: 'Consul', from: () => unpackMember('consul/quorum-loss-187', 'consul-2'), over: { facts: { ids: { data: CONSUL_ID as MemberId } } }, target: 'peers-json', swap: 'files' },
  { name: 'our own engine', from: () => path.join(FIXTURES, 'native/v1-healthy/n1'), target: 'native', swap: 'files' },
];

describe('undo after apply gives byte-identical directories', function () {
  this.timeout(120_000);
  for (const family of FAMILIES) {
    it(family.name, async () => {
      const root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-family-'));
      try {
        const dataDir = path.join(root, 'data');
        execFileSync('cp', ['-a', '--sparse=always', family.from(), dataDir]);
        const timeless = (): string[] => treeFingerprint(dataDir, 'bytes').map((line) => line.replace(/ctime=\d+/, ''));
        const before = timeless();
        const plan: RecoveryPlan = await planOf([dataDir], family.over ?? {});
        assert.deepEqual([plan.target, plan.swap.kind], [family.target, family.swap]);
        const options = { caseDir: null, overrides: [] };
        assert.equal((await applyPlan(plan, options)).state, 'applied');
        assert.notDeepEqual(timeless(), before);
        assert.equal((await undoPlan(plan, options)).state, 'undone');
        assert.deepEqual(timeless(), before);
        assert.deepEqual(fs.readdirSync(`${dataDir}.ri`).sort(), [plan.planId.slice(0, 6), 'journal.ndjson']);
      } finally {
        fs.rmSync(root, { recursive: true, force: true });
      }
    });
  }
});
