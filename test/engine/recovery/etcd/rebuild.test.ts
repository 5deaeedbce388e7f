import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import type { RefusedError } from '../../../../src/engine/errors.ts';
import { FileSource } from '../../../../src/engine/readers/file-source.ts';
import { readEtcdDb, type EtcdDb } from '../../../../src/engine/readers/etcd/db/index.ts';
import { etcdReader } from '../../../../src/engine/readers/etcd/reader.ts';
import type { Decision } from '../../../../src/engine/recovery/targets/target.ts';
import { copyMember } from '../../../helpers/corpus.ts';
import { treeFingerprint } from '../../../helpers/tree-fingerprint.ts';
import { change, CLUSTER, IDS, makeMember, peerUrl, type MemberToMake } from './member.ts';
import { decisionFor, failures, stage } from './staged.ts';

const puts = (...keys: string[]) => keys.map((put) => ({ put }));

function dbOf(directory: string): EtcdDb {
  using source = FileSource.open(path.join(directory, 'member/snap/db'));
  return readEtcdDb(source, { depth: 'full' });
}

describe('etcd rebuild target', () => {
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
    const before = treeFingerprint(root, 'bytes');
    const result = await stage(root, changes);
    made.push(result.parent);
    assert.deepEqual(failures(result.checks), []);
    assert.deepEqual(treeFingerprint(root, 'bytes'), before, 'the source is as it was');
    assert.equal(result.draft.kind, 'etcd-rebuild');
    return { ...result, reading: etcdReader.read(result.directory, {}) };
  }

  const kindsOf = (directory: string): string[] => [...etcdReader.read(directory, {}).records()].map((record) => (record.type === 'entry' ? `${record.term}/${record.index} ${record.kind}` : 'damage'));

  it('gives a new cluster id on demand, with the entries that the db has not applied', async () => {
    const root = make({ log: puts('x', 'y', 'z'), commit: 5, applied: 4 });
    const { draft, directory, reading } = await staged(root, { newClusterId: 'new' });
    assert.match(draft.newClusterId ?? '', /^[89a-f][0-9a-f]{15}$/);
    assert.equal(reading.report.clusterId, draft.newClusterId);
    assert.equal(reading.report.memberId, IDS.n1);
    assert.deepEqual(kindsOf(directory), ['2/5 command', '2/6 command']);
    assert.deepEqual(reading.report.hardState, { currentTerm: 2, votedFor: IDS.n1, commitIndex: 6 });
    assert.deepEqual(reading.report.snapshots.map(({ term, index }) => [term, index]), [[2, 4]]);
    assert.deepEqual(draft.swap, { kind: 'directory', path: 'member' });
    assert.deepEqual(fs.readdirSync(path.join(directory, 'member/wal')), ['0000000000000000-0000000000000004.wal']);
    assert.match(draft.fences[0]?.action ?? '', /refuses it/);
  });

  it('keeps id, address and name, and remembers the others as removed', async () => {
    const root = make({ log: puts('x'), commit: 4, voters: ['n1', 'n2', 'n3'] });
    const { directory, reading } = await staged(root, { newClusterId: 'new' });
    const db = dbOf(directory);
    assert.deepEqual(db.members.map(({ id, name, peerUrls }) => ({ id, name, peerUrls })), [{ id: IDS.n1, name: 'n1', peerUrls: [peerUrl('n1')] }]);
    assert.deepEqual(db.removed.sort(), [IDS.n2, IDS.n3].sort());
    assert.deepEqual(db.bolt.metas.every(({ problem }) => problem === null), true);
    assert.equal(db.consistentIndex, 3);
    assert.equal(db.revision, 2);
    assert.deepEqual(reading.report.confState?.members.map(({ name, addresses }) => [name, ...addresses]), [['n1', peerUrl('n1')]]);
  });

  it('writes the configuration into the db since 3.5, and not before', async () => {
    const [old, newer] = [make({ log: puts('x'), commit: 4 }), make({ log: puts('x'), commit: 4, version: '3.5.0' })];
    assert.equal(dbOf((await staged(old, { newClusterId: 'new' })).directory).confState, null);
    assert.deepEqual(dbOf((await staged(newer, { newClusterId: 'new' })).directory).confState, { voters: [IDS.n1], learners: [] });
  });

  it('empties membership changes among the entries it takes over', async () => {
    const root = make({ log: [...puts('x'), change('learner', 'n4'), change('remove', 'n3'), ...puts('y')], commit: 4 });
    const { directory, draft } = await staged(root, { newClusterId: 'new' });
    assert.deepEqual(kindsOf(directory), ['2/4 command', '2/5 noop', '2/6 noop', '2/7 command']);
    assert.ok(draft.changes[0]?.lines.includes('~ entry 5: a membership change, emptied'));
    assert.deepEqual(dbOf(directory).removed.sort(), [IDS.n2, IDS.n3, IDS.n4].sort());
  });

  it('brings back a member that was removed, under an address that is given', async () => {
    const root = make({ log: [change('remove', 'n1'), ...puts('x')], commit: 5, applied: 4, dbMembers: ['n2', 'n3'] });
    await assert.rejects(stage(root), (error: RefusedError) => error.rule === 'address-unknown');
    const { reading, draft } = await staged(root, { selfAddress: peerUrl('n1') });
    assert.match(draft.notes.join(), /removed from the cluster/);
    assert.deepEqual(reading.report.confState?.voters, [IDS.n1]);
    assert.equal(reading.report.clusterId, CLUSTER);
  });

  it('serves a db that is ahead of its log', async () => {
    const root = make({ log: puts('x'), commit: 4, applied: 40 });
    const { reading, draft } = await staged(root, { keepTo: 4 });
    assert.match(draft.notes.join(), /applied entry 40, the log ends at 4/);
    assert.equal(reading.report.log.entries, 0);
    assert.equal(reading.report.hardState.commitIndex, 40);
  });

  it('serves a db whose log is gone, once it is told which member it is', async () => {
    const root = make({ log: puts('x'), commit: 4 });
    fs.rmSync(path.join(root, 'member/wal'), { recursive: true });
    await assert.rejects(stage(root), (error: RefusedError) => error.rule === 'identity-unknown');
    const { reading, draft } = await staged(root, { serverId: IDS.n1 });
    assert.equal(reading.report.memberId, IDS.n1);
    assert.match(draft.notes.join(), /cluster id is new/);
    assert.deepEqual(draft.fences.map(({ id }) => id), [IDS.n3, IDS.n2]);
  });

  it('is taken on 3.6 when the db does not name a member that raft counts', async () => {
    const views = { log: puts('x'), commit: 4, dbMembers: ['n1', 'n2'] as ['n1', 'n2'] };
    const { draft } = await staged(make({ ...views, version: '3.6.0' }));
    assert.match(draft.notes.join(), /refuse to remove or promote c3/);
    const older = await stage(make({ ...views, version: '3.5.0' }));
    made.push(older.parent);
    assert.equal(older.draft.kind, 'etcd-append');
  });

  it('raises the revision in the same db', async () => {
    const root = make({ log: puts('x'), commit: 4, version: '3.5.0' });
    const { directory, draft } = await staged(root, { newClusterId: 'new', bumpRevision: 1000 });
    const db = dbOf(directory);
    assert.deepEqual([db.revision, db.compactRevision], [1002, 1002]);
    assert.equal(draft.outcome.revision, 1003);
    assert.equal(draft.changes.filter(({ path: file }) => file === 'member/snap/db').length, 1);
    assert.deepEqual(db.members.map(({ id }) => id), [IDS.n1]);
  });

  it('refuses without a sound db: the keys are nowhere else', async () => {
    const root = copyMember('etcd/db-corrupt-34', 'n2');
    made.push(path.dirname(root));
    await assert.rejects(stage(root), (error: RefusedError) => error.rule === 'db-unusable');
  });

  it('leaves nothing of the old log and snapshots, and what is not etcd’s alone', async () => {
    const root = copyMember('etcd/multi-segment-34', 'n1');
    made.push(path.dirname(root));
    fs.writeFileSync(path.join(root, 'member/snap/README'), 'by the operator');
    fs.writeFileSync(path.join(root, 'member/wal/1.tmp'), '');
    const { directory, draft } = await staged(root, { newClusterId: 'new' });
    assert.equal(fs.readdirSync(path.join(directory, 'member/wal')).length, 1);
    assert.deepEqual(fs.readdirSync(path.join(directory, 'member/snap')).sort().map((name) => name.replace(/^[0-9a-f-]{33}/, '')), ['.snap', 'README', 'db']);
    assert.ok(draft.changes.some(({ kind, path: file }) => kind === 'remove' && file.endsWith('.tmp')));
  });

  it('builds the same bytes from the same plan', async () => {
    const root = make({ log: puts('x', 'y'), commit: 4 });
    const [first, second] = [await staged(root, { newClusterId: 'new' }), await staged(root, { newClusterId: 'new' })];
    for (const { path: file } of first.draft.changes.filter(({ kind }) => kind !== 'remove')) {
      assert.deepEqual(fs.readFileSync(path.join(first.directory, file)), fs.readFileSync(path.join(second.directory, file)), file);
    }
    assert.deepEqual(first.draft.outcome, second.draft.outcome);
    assert.equal(decisionFor(root).clusterId, CLUSTER);
  });
});
