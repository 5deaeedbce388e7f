import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { CorruptDataError, RefusedError } from '../../../../src/engine/errors.ts';
import { etcdReader } from '../../../../src/engine/readers/etcd/reader.ts';
import { etcdAppendTarget } from '../../../../src/engine/recovery/targets/etcd/append.ts';
import type { Decision } from '../../../../src/engine/recovery/targets/target.ts';
import { change, CLUSTER, IDS, makeMember, peerUrl, type MemberToMake } from './member.ts';
import { decisionFor, failures, stage } from './staged.ts';

const SEGMENT = 'member/wal/0000000000000000-0000000000000000.wal';
const puts = (...keys: string[]) => keys.map((put) => ({ put }));

describe('etcd append target', () => {
  const made: string[] = [];

  afterEach(() => {
    for (const directory of made.splice(0)) fs.rmSync(directory, { recursive: true, force: true });
  });

  function make(member: MemberToMake): string {
    const root = makeMember(member);
    made.push(path.dirname(root));
    return root;
  }

  async function staged(root: string, changes: Partial<Decision> = {}) {
    const result = await stage(root, changes);
    made.push(result.parent);
    assert.deepEqual(failures(result.checks), []);
    return { ...result, reading: etcdReader.read(result.directory, {}) };
  }

  const keysOf = (directory: string): string[] => [...etcdReader.read(directory, {}).records()].flatMap((record) => (record.type === 'entry' && record.kind === 'command' ? [Buffer.from(record.data.subarray(4, 5)).toString()] : []));

  it('removes the others behind the whole log, the doubtful end included', async () => {
    const root = make({ log: puts('x', 'y', 'z'), commit: 5 });
    const before = fs.readFileSync(path.join(root, SEGMENT));
    const { draft, directory, reading } = await staged(root);
    assert.equal(draft.kind, 'etcd-append');
    assert.deepEqual(draft.swap, { kind: 'files' });
    const [file] = draft.changes;
    assert.equal(file?.path, SEGMENT);
    assert.deepEqual(file?.lines.slice(1), ['+ entry 2/7  remove n3 c3', '+ entry 2/8  remove n2 2b2', '+ hard state term 2, commit 8']);
    assert.deepEqual(draft.outcome.voters, [IDS.n1]);
    assert.deepEqual(draft.outcome.lastEntry, { term: 2, index: 8 });
    assert.equal(draft.outcome.clusterId, CLUSTER);
    assert.deepEqual(reading.report.hardState, { currentTerm: 2, votedFor: IDS.n2, commitIndex: 8 });
    assert.deepEqual(keysOf(directory), ['x', 'y', 'z']);
    assert.deepEqual(fs.readFileSync(path.join(root, SEGMENT)), before, 'the source is as it was');
    const after = fs.readFileSync(path.join(directory, SEGMENT));
    assert.equal(after.length, before.length);
    assert.equal(file?.bytesAfter, after.length);
    const end = Number(/from byte (\d+)/.exec(file?.lines[0] ?? '')?.[1]);
    assert.deepEqual(after.subarray(0, end), before.subarray(0, end), 'what was whole is as it was');
  });

  it('drops the doubtful end where that is decided, and no more', async () => {
    const root = make({ log: puts('x', 'y', 'z'), commit: 5 });
    const { draft, directory, reading } = await staged(root, { inDoubt: 'drop', keepTo: 5 });
    assert.ok(draft.changes[0]?.lines.includes('- entry 6, replaced'));
    assert.deepEqual(keysOf(directory), ['x', 'y']);
    assert.deepEqual(reading.report.lastEntry, { term: 2, index: 7 });
  });

  it('cuts right before the removal of the survivor when it is not known committed', async () => {
    const root = make({ log: [...puts('x', 'y'), change('remove', 'n1'), ...puts('z')], commit: 5 });
    const { draft, directory } = await staged(root);
    assert.equal(draft.outcome.lastEntry.index, 7);
    assert.match(draft.notes.join(), /Entry 6, not known committed, removes this very member/);
    assert.deepEqual(keysOf(directory), ['x', 'y']);
  });

  it('promotes a learner before it removes the voters', async () => {
    const root = make({ voters: ['n2', 'n3'], log: [change('learner', 'n1'), ...puts('x')], commit: 4 });
    const { draft, reading } = await staged(root);
    assert.deepEqual(draft.changes[0]?.lines.slice(1, 4), ['+ entry 2/5  promote a1', '+ entry 2/6  remove n3 c3', '+ entry 2/7  remove n2 2b2']);
    assert.deepEqual(reading.report.confState?.voters, [IDS.n1]);
  });

  it('removes learners too, also those that only the kept end adds', async () => {
    const root = make({ log: [...puts('x'), change('learner', 'n4')], commit: 4 });
    const { draft, reading } = await staged(root);
    assert.equal(draft.fences.length, 3);
    assert.deepEqual(reading.report.confState?.learners, []);
    assert.deepEqual(reading.report.lastEntry, { term: 2, index: 8 });
  });

  it('counts no member that left, and none that was refused', async () => {
    const twice = { change: [0, 'n4', { peerURLs: [peerUrl('n1')] }] as [0, 'n4', object] };
    const root = make({ log: [change('remove', 'n3'), twice, ...puts('x')], commit: 6 });
    const { draft } = await staged(root);
    assert.deepEqual(draft.changes[0]?.lines.slice(1), ['+ entry 2/7  remove n2 2b2', '+ hard state term 2, commit 7']);
  });

  it('changes the address last, even to that of a removed member', async () => {
    const root = make({ log: puts('x'), commit: 4 });
    const { reading, draft } = await staged(root, { selfAddress: peerUrl('n2') });
    assert.deepEqual(draft.changes[0]?.lines.slice(-2), ['+ entry 2/7  new address of n1 a1', '+ hard state term 2, commit 7']);
    assert.deepEqual(reading.report.confState?.members.map(({ addresses, name }) => [name, ...addresses]), [['n1', peerUrl('n2')]]);
    assert.ok(draft.joins[0]?.settings.some((setting) => setting.includes(`n1=${peerUrl('n2')}`)));
  });

  it('leaves out an unfinished record', async () => {
    const root = make({ log: puts('x', 'y'), commit: 4 });
    const file = path.join(root, SEGMENT);
    const bytes = fs.readFileSync(file);
    const end = bytes.length - 4096;
    bytes.writeUInt32LE(100, end);
    bytes[end + 7] = 0x84;
    bytes.fill(7, end + 8, end + 20);
    fs.writeFileSync(file, bytes.subarray(0, end + 20));
    const { draft, directory } = await staged(root);
    assert.equal(draft.changes[0]?.lines[0], `from byte ${end}`);
    assert.ok(draft.changes[0]?.lines.includes('- the unfinished record at its end'));
    assert.deepEqual(keysOf(directory), ['x', 'y']);
    assert.ok(!fs.readFileSync(path.join(directory, SEGMENT)).includes(Buffer.alloc(12, 7)));
  });

  it('does without a db where the log reaches back to the first entry', async () => {
    const { draft } = await staged(make({ log: puts('x'), commit: 4, applied: null }));
    assert.equal(draft.kind, 'etcd-append');
    assert.equal(draft.outcome.revision, null);
  });

  it('builds the same bytes from the same plan', async () => {
    const root = make({ log: puts('x'), commit: 4 });
    const [first, second] = [await staged(root, { bumpRevision: 1000 }), await staged(root, { bumpRevision: 1000 })];
    for (const file of [SEGMENT, 'member/snap/db']) {
      assert.deepEqual(fs.readFileSync(path.join(first.directory, file)), fs.readFileSync(path.join(second.directory, file)), file);
    }
    assert.deepEqual(first.draft, second.draft);
  });

  it('raises the revision together with the log, as one directory', async () => {
    const root = make({ log: puts('x', 'y'), commit: 4 });
    fs.writeFileSync(path.join(root, 'member/wal/0.tmp'), '');
    const { draft, reading } = await staged(root, { bumpRevision: 1000 });
    assert.deepEqual(draft.swap, { kind: 'directory', path: 'member' });
    assert.deepEqual(draft.changes.map(({ path: file, kind }) => [file, kind]), [[SEGMENT, 'replace'], ['member/snap/db', 'replace'], ['member/wal/0.tmp', 'remove']]);
    assert.equal(reading.report.state?.revision, 1002);
    assert.equal(draft.outcome.revision, 1004);
  });

  it('does not raise the revision under transactions that are still to be applied', async () => {
    const root = make({ log: [...puts('x'), { raw: Buffer.from([0x32, 0x00]) }], commit: 5 });
    await assert.rejects(stage(root, { bumpRevision: 1000 }), (error: RefusedError) => error.rule === 'bump-with-transactions');
    assert.equal((await staged(root)).draft.kind, 'etcd-append');
  });

  it('tells what the db goes on listing before 3.6, and removes it from 3.6 on', async () => {
    const listed = { log: puts('x'), commit: 4, dbMembers: ['n1', 'n2', 'n3', 'n4'] as ['n1', 'n2', 'n3', 'n4'] };
    const older = await staged(make(listed));
    assert.match(older.draft.notes.join(), /The db still lists n4 d4, which is no member/);
    assert.equal(older.draft.fences.length, 2);
    const newer = await staged(make({ ...listed, version: '3.6.0' }));
    assert.deepEqual(newer.draft.notes, []);
    assert.deepEqual(newer.draft.fences.map(({ id }) => id), [IDS.n3, IDS.n4, IDS.n2]);
  });

  it('refuses to drop what is known committed, whichever way', async () => {
    const root = make({ log: puts('x', 'y', 'z'), commit: 5 });
    for (const newClusterId of ['auto', 'new'] as const) {
      await assert.rejects(stage(root, { inDoubt: 'drop', keepTo: 4, newClusterId }), (error: RefusedError) => error.rule === 'below-floor');
    }
  });

  it('refuses an address that is no peer URL', async () => {
    const root = make({ log: puts('x'), commit: 4 });
    for (const selfAddress of ['10.0.0.1:2380', 'http://10.0.0.1', 'http://a:1,http://b:2']) {
      await assert.rejects(stage(root, { selfAddress }), (error: RefusedError) => error.rule === 'bad-address', selfAddress);
    }
  });

  it('refuses a cluster of one, which only has to be started', async () => {
    const root = make({ voters: ['n1'], log: puts('x'), commit: 2, applied: 1 });
    await assert.rejects(stage(root), (error: RefusedError) => error.rule === 'already-alone');
  });

  it('refuses to build on a directory that moved on', async () => {
    const [root, later] = [make({ log: puts('x'), commit: 4 }), make({ log: puts('x', 'y'), commit: 4 })];
    const reading = etcdReader.read(root, {});
    const { parameters } = await etcdAppendTarget.draft({ dataDir: root, reading }, decisionFor(root));
    const into = path.join(path.dirname(root), 'into');
    await assert.rejects(etcdAppendTarget.build({ dataDir: later, into, parameters }), CorruptDataError);
    assert.ok(!fs.existsSync(into));
  });

  it('refuses a log that lies somewhere else than the data directory', async () => {
    const root = make({ log: puts('x'), commit: 4 });
    const elsewhere = path.join(path.dirname(root), 'wal');
    fs.renameSync(path.join(root, 'member/wal'), elsewhere);
    const reading = etcdReader.read(root, { walDir: elsewhere });
    await assert.rejects(etcdAppendTarget.draft({ dataDir: root, reading }, { ...decisionFor(root), keepTo: 4 }), (error: RefusedError) => error.rule === 'wal-apart');
  });

  it('refuses parameters that lead out of the directory', async () => {
    const root = make({ log: puts('x'), commit: 4 });
    const { parameters } = await etcdAppendTarget.draft({ dataDir: root, reading: etcdReader.read(root, {}) }, decisionFor(root));
    await assert.rejects(etcdAppendTarget.build({ dataDir: root, into: path.dirname(root), parameters: { ...parameters, tail: '../x.wal' } }), /leads out/);
  });
});
