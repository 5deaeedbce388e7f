import assert from 'node:assert/strict';
import fs from 'node:fs';
import type { RecoveryPlan } from '../../../../src/engine/model/plan.ts';
import { lintPlan } from '../../../../src/engine/recovery/plan/lint.ts';
import { dataDirectory, planOf, WAL } from './plan-builder.ts';

type Change = (plan: RecoveryPlan) => void;

/** One kind of nonsense each: what is changed in a sound plan, and the rule that has to say so. */
const NONSENSE: [string, string, Change][] = [
  ['keepTo below the floor', 'below-floor', (plan) => (plan.keepTo = 889)],
  ['keepTo past the last entry', 'above-last', (plan) => (plan.keepTo = 901)],
  ['an end before what is kept', 'outcome-behind', (plan) => (plan.outcome.lastEntry.index = 899)],
  ['a commit past the end', 'outcome-commit', (plan) => (plan.outcome.commitIndex = 902)],
  ['a term that falls', 'outcome-term', (plan) => (plan.outcome.lastEntry.term = 6)],
  ['a source nobody surveyed', 'source-unknown', (plan) => (plan.evidence = [{ label: 'B', digest: '0'.repeat(64) }])],
  ['a source nobody ranked', 'source-unranked', (plan) => (plan.why.ranking = [])],
  ['a source that is disqualified', 'source-disqualified', (plan) => ((plan.why.ranking[0] as { disqualified: string | null }).disqualified = 'is a learner')],
  ['evidence named twice', 'evidence-twice', (plan) => plan.evidence.push({ label: 'A', digest: '0'.repeat(64) })],
  ['a dead source', 'source-dead', (plan) => plan.dead.push('A')],
  ['a dead stranger', 'dead-unknown', (plan) => plan.dead.push('Z')],
  ['a fenced source', 'source-fenced', (plan) => plan.fences.push({ member: 'A', id: 'A', addresses: [], action: 'wipe it' })],
  ['a source that joins itself', 'source-joins', (plan) => plan.joins.push({ member: 'A', settings: [] })],
  ['two voters', 'voters', (plan) => plan.outcome.voters.push('B')],
  ['no voter', 'voters', (plan) => (plan.outcome.voters = [])],
  ['another voter than the member', 'voters', (plan) => (plan.outcome.memberId = 'B')],
  ['a target of another store', 'wrong-target', (plan) => (plan.target = 'peers-json')],
  ['no files', 'no-files', (plan) => (plan.files = [])],
  ['a file twice', 'file-twice', (plan) => plan.files.push({ path: WAL, bytes: 1, sha256: '0'.repeat(64) })],
  ['an absolute file', 'path', (plan) => plan.files.push({ path: '/etc/passwd', bytes: 1, sha256: '0'.repeat(64) })],
  ['a file above', 'path', (plan) => plan.files.push({ path: 'member/../../x', bytes: 1, sha256: '0'.repeat(64) })],
  ['a relative data directory', 'data-dir', (plan) => (plan.dataDir = 'n1')],
  ['a data directory with dots', 'data-dir', (plan) => (plan.dataDir = '/var/lib/../etc')],
  ['the root as data directory', 'data-dir', (plan) => (plan.dataDir = '/')],
  ['no changes', 'no-changes', (plan) => (plan.changes = [])],
  ['a change above', 'path', (plan) => ((plan.changes[0] as { path: string }).path = '../other/wal')],
  ['a replaced file that is not there', 'change-unknown', (plan) => ((plan.changes[0] as { path: string }).path = 'member/wal/none')],
  ['a created file that is there', 'change-exists', (plan) => ((plan.changes[0] as { kind: string }).kind = 'create')],
  ['a size that is another', 'change-size', (plan) => ((plan.changes[0] as { bytesBefore: number }).bytesBefore = 3)],
  ['a change twice', 'change-twice', (plan) => plan.changes.push({ ...(plan.changes[0] as RecoveryPlan['changes'][number]) })],
  ['a swap outside', 'swap', (plan) => (plan.swap = { kind: 'directory', path: '../etcd' })],
  ['a change beside what is swapped', 'swap', (plan) => (plan.swap = { kind: 'directory', path: 'member/snap' })],
  ['a strange override', 'override', (plan) => plan.overrides.push({ rule: 'process-running', at: plan.createdAt, by: 'root' })],
  ['a certain loss nobody accepted', 'certain-loss', (plan) => (plan.why.loss.verdict = 'certain')],
  ['an even target', 'target-members', (plan) => (plan.targetMembers = 4)],
  ['steps in another order', 'steps', (plan) => plan.steps.reverse()],
  ['a way back that is none', 'rollback', (plan) => (plan.rollback.command = 'rm -rf /var/lib/etcd')],
  ['made tomorrow', 'made-in-future', (plan) => (plan.createdAt = '2026-01-03T03:04:06.000Z')],
];

describe('plan lint', () => {
  let directory: string;
  let sound: RecoveryPlan;
  before(async () => {
    directory = dataDirectory();
    sound = await planOf({ directory, disks: [{ label: 'A', runs: [[7, 1, 900]], commit: 890 }] });
  });
  after(() => fs.rmSync(directory, { recursive: true }));

  it('finds nothing in a sound plan, and says of an old one that it is', () => {
    assert.deepEqual(lintPlan(sound, new Date(sound.createdAt)), []);
    const later = lintPlan(sound, new Date('2026-01-04T03:04:06.000Z'));
    assert.deepEqual(later.map((one) => [one.rule, one.severity]), [['plan-old', 'info']]);
  });

  for (const [name, rule, change] of NONSENSE) {
    it(`refuses ${name}`, () => {
      const plan = structuredClone(sound);
      change(plan);
      const found = lintPlan(plan, new Date(sound.createdAt));
      assert.ok(found.some((one) => one.rule === rule && one.severity === 'error'), `${rule} expected, found ${found.map((one) => one.rule).join() || 'nothing'}`);
    });
  }

  it('takes the label of a disk for the source only where no other member is called so', () => {
    // The operator named the disk of A "B"; member B is another one, and rightly dead.
    const plan = structuredClone(sound);
    plan.source = 'B';
    plan.evidence = [{ label: 'B', digest: '0'.repeat(64) }];
    (plan.why.ranking[0] as { label: string }).label = 'B';
    assert.deepEqual(lintPlan(plan, new Date(sound.createdAt)), []);
  });
});
