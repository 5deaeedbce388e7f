import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { RefusedError } from '../../../../src/engine/errors.ts';
import type { PlannedOutcome } from '../../../../src/engine/model/plan.ts';
import { encodeFence } from '../../../../src/engine/native/fence-record.ts';
import { decodeNativeEntry } from '../../../../src/engine/readers/native/kv-commands.ts';
import { nativeReader } from '../../../../src/engine/readers/native/reader.ts';
import { nativeTarget } from '../../../../src/engine/recovery/targets/native/target.ts';
import type { TargetDraft } from '../../../../src/engine/recovery/targets/target.ts';
import { identityOf, NativeWriter, threeMembers } from '../../../helpers/native-writer.ts';
import { treeFingerprint } from '../../../helpers/tree-fingerprint.ts';
import { decisionFor, PLAN_ID } from './decision.ts';

/** Snapshots at 21 and 41 named, the log trimmed behind the older one; committed 45, last entry 2/51. */
async function survivor(root: string): Promise<string> {
  const directory = path.join(root, 'n1');
  const writer = await NativeWriter.create(directory, identityOf('n1'), threeMembers());
  for (let n = 0; n < 20; n++) await writer.puts(1, [[`k${n}`, `v${n}`]], { commit: 2 + n });
  await writer.snapshot();
  for (let n = 20; n < 40; n++) await writer.puts(1, [[`k${n}`, `v${n}`]], { commit: 2 + n });
  await writer.snapshot();
  await writer.trim(22);
  for (let n = 40; n < 50; n++) await writer.puts(2, [[`k${n}`, `v${n}`]], { commit: Math.min(45, 2 + n) });
  await writer.vote(2, 'n1');
  await writer.close();
  return directory;
}

/** As apply does it: everything but the changed file is there already, as links. */
function aside(from: string, to: string, changed: string): void {
  for (const name of fs.readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    const [source, target] = [path.join(from, name), path.join(to, name)];
    if (fs.statSync(source).isDirectory()) fs.mkdirSync(target, { recursive: true });
    else if (name !== changed) {
      fs.mkdirSync(path.dirname(target), { recursive: true });
      fs.linkSync(source, target);
    }
  }
}

describe('native target', () => {
  let root: string;
  let source: string;
  beforeEach(async () => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'native-target-'));
    source = await survivor(root);
  });
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  async function draft(over: Parameters<typeof decisionFor>[1] = {}): Promise<TargetDraft> {
    const reading = nativeReader.read(source, {});
    return await nativeTarget.draft({ dataDir: source, reading }, decisionFor(reading, over));
  }

  async function built(one: TargetDraft, name: string): Promise<string> {
    const into = path.join(root, name);
    aside(source, into, 'raft/data.mdb');
    await nativeTarget.build({ dataDir: source, into, parameters: JSON.parse(JSON.stringify(one.parameters)) as Record<string, unknown> });
    return into;
  }

  const failed = async (directory: string, outcome: PlannedOutcome, parameters: Record<string, unknown>): Promise<string[]> => (await nativeTarget.check(directory, outcome, parameters)).filter((one) => one.ok !== true).map((one) => `${one.name}: ${one.detail}`);

  it('plans one file, a new lineage and a new id, and says what starts it, what joins and what stays off', async () => {
    const one = await draft();
    assert.deepEqual(one.changes.map(({ path: file, kind }) => [file, kind]), [['raft/data.mdb', 'replace']]);
    assert.deepEqual(one.swap, { kind: 'files' });
    assert.deepEqual(one.outcome, { clusterId: 'c1', memberId: 'n1-g2', generation: 2, voters: ['n1-g2'], lastEntry: { term: 1002, index: 52 }, commitIndex: 45, termAbove: 1002, revision: null, stateHash: null });
    assert.equal(one.newClusterId, null);
    assert.deepEqual(one.fences.map((fence) => fence.id), ['n2', 'n3']);
    assert.deepEqual(one.joins.map((join) => join.member), ['n2-g2', 'n3-g2']);
    assert.ok(one.joins[0]?.settings.includes('generation: 2') && one.joins[0].settings.includes('listen: 127.0.0.1:7002'));
    assert.match(one.startHints.join('\n'), /member: \{id: n1-g2\}, generation: 2, clusterId: c1, advertise: 127\.0\.0\.1:7001[^]*certificate for member n1-g2/);
    assert.ok(one.changes[0]?.lines.some((line) => line.includes('1 -> 2')));
  });

  it('builds aside what its own check and a fresh reading find sound; the source and links to it stay as they were', async () => {
    const one = await draft();
    const into = path.join(root, 'n1-g2');
    aside(source, into, 'raft/data.mdb');
    const before = treeFingerprint(source, 'bytes');
    await nativeTarget.build({ dataDir: source, into, parameters: one.parameters });
    assert.deepEqual(treeFingerprint(source, 'bytes'), before);
    assert.deepEqual(fs.readdirSync(into).sort(), fs.readdirSync(source).sort(), 'nothing is left of the work');
    assert.deepEqual(fs.readdirSync(path.join(into, 'raft')).sort(), fs.readdirSync(path.join(source, 'raft')).sort());
    assert.deepEqual(await failed(into, one.outcome, one.parameters), []);
    const reading = nativeReader.read(into, {});
    const { report, findings } = reading;
    assert.deepEqual([report.health, report.startable?.ok, report.generation, report.memberId], ['ok', true, 2, 'n1-g2']);
    assert.deepEqual(findings.filter((two) => two.severity === 'error' || two.rule === 'snapshot-foreign'), [], 'snapshots of the lineage it came from are its own');
    assert.equal(report.commitFloor, 45, 'the recovery proves nothing that was in doubt');
    assert.deepEqual(report.inDoubt, { from: 46, to: 52, entries: 7 });
    const [last] = [...reading.records({ from: 52, to: 52 })];
    assert.ok(last?.type === 'entry');
    assert.match(decodeNativeEntry(last).detail, /^generation 1 -> 2, of n1 at 2\/51, floor 45, loss unknown \(best-effort\), voters n1-g2, plan 5c2e91$/);
  });

  it('gives equal bytes for equal files and parameters', async () => {
    const one = await draft();
    const [a, b] = [await built(one, 'a'), await built(one, 'b')];
    assert.ok(fs.readFileSync(path.join(a, 'raft/data.mdb')).equals(fs.readFileSync(path.join(b, 'raft/data.mdb'))));
  });

  it('drops the tail when asked to, and never below the floor', async () => {
    const one = await draft({ inDoubt: 'drop', keepTo: 45 });
    const into = await built(one, 'dropped');
    assert.deepEqual(await failed(into, one.outcome, one.parameters), []);
    assert.deepEqual(nativeReader.read(into, {}).report.lastEntry, { term: 1002, index: 46 });
    await assert.rejects(draft({ inDoubt: 'drop', keepTo: 44 }), (error) => error instanceof RefusedError && error.rule === 'below-floor');
  });

  it('takes a new cluster id when one is asked for', async () => {
    const one = await draft({ newClusterId: 'new', selfAddress: '10.1.1.1:7000' });
    assert.equal(one.newClusterId, 'c1-ab12ab12');
    const into = await built(one, 'other');
    assert.deepEqual(await failed(into, one.outcome, one.parameters), []);
    const { report, findings } = nativeReader.read(into, {});
    assert.equal(report.clusterId, 'c1-ab12ab12');
    assert.deepEqual(report.confState?.members.map((member) => member.addresses), [['10.1.1.1:7000']]);
    assert.ok(!findings.some((two) => two.rule === 'snapshot-foreign'));
  });

  it('sees in its check that the result is not what was planned', async () => {
    const one = await draft();
    const into = await built(one, 'n1-g2');
    assert.match((await failed(into, { ...one.outcome, lastEntry: { term: 1002, index: 53 } }, one.parameters)).join(), /last entry: 1002\/52, planned 1002\/53/);
    assert.match((await failed(into, one.outcome, { ...one.parameters, keptChain: '0'.repeat(32) })).join(), /kept entries: the chain of hashes at 51/);
    assert.match((await failed(source, one.outcome, one.parameters)).join('\n'), /lineage: c1, generation 1, planned c1, generation 2[^]*recovery entry: none, planned/);
  });

  const unfit: { what: string; rule: string; prepare: (directory: string) => void; over?: Parameters<typeof decisionFor>[1] }[] = [
    { what: 'a fenced directory', rule: 'fenced', prepare: (directory) => fs.writeFileSync(path.join(directory, 'FENCED'), encodeFence({ why: 'replaced', clusterId: 'c1', generation: 2, planId: PLAN_ID, at: '2026-03-14T02:14:07Z' })) },
    { what: 'a revision bump', rule: 'bump-revision', prepare: () => undefined, over: { bumpRevision: 1000 } },
    { what: 'a lost snapshot', rule: 'not-startable', prepare: (directory) => fs.readdirSync(path.join(directory, 'snapshots')).forEach((name) => fs.rmSync(path.join(directory, 'snapshots', name))) },
  ];
  for (const { what, rule, prepare, over } of unfit) {
    it(`refuses ${what}: ${rule}`, async () => {
      prepare(source);
      await assert.rejects(draft(over), (error) => error instanceof RefusedError && error.rule === rule);
    });
  }

  it('refuses parameters that were changed by hand, and a source that moved on', async () => {
    const one = await draft();
    const into = path.join(root, 'x');
    aside(source, into, 'raft/data.mdb');
    const build = (parameters: Record<string, unknown>): Promise<void> => nativeTarget.build({ dataDir: source, into, parameters });
    await assert.rejects(build({ ...one.parameters, term: 'high' }), (error) => error instanceof RefusedError && error.rule === 'bad-plan');
    await assert.rejects(build({ ...one.parameters, from: { clusterId: 'c1', generation: 1, memberId: 'n9' } }), (error) => error instanceof RefusedError && error.rule === 'other-member');
    assert.deepEqual(fs.readdirSync(into).sort(), fs.readdirSync(source).sort(), 'a refusal leaves nothing');
    assert.ok(!fs.existsSync(path.join(into, 'raft/data.mdb')));
  });
});
