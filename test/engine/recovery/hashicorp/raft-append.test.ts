import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { BoltFile } from '../../../../src/engine/readers/bbolt/file.ts';
import { FileSource } from '../../../../src/engine/readers/file-source.ts';
import { appendedAtForm } from '../../../../src/engine/writers/hashicorp/msgpack-bytes.ts';
import { boltCounter } from '../../../../src/engine/writers/hashicorp/bolt-store.ts';
import { raftAppendTarget } from '../../../../src/engine/recovery/targets/hashicorp/raft-append.ts';
import { targetFor } from '../../../../src/engine/recovery/targets/index.ts';
import { treeFingerprint } from '../../../helpers/tree-fingerprint.ts';
import { confItems, madeMember, SERVERS, splitMember, withSnapshot } from './made-members.ts';
import { decisionFor, failed, recover, removeAll, sourceAt } from './recover-directory.ts';

const VOTE = { term: 4, candidate: '10.0.0.2:8300' };

/** Every item of a bucket, as hexadecimal text. */
function bucketOf(directory: string, file: string, name: string): Map<string, string> {
  using source = FileSource.open(path.join(directory, file));
  return new Map([...(BoltFile.open(source).bucket(name)?.items() ?? [])].map(({ key, value }) => [key.toString('latin1'), value.toString('hex')]));
}

const term = (value: number): string => boltCounter(value).toString('hex');

describe('one more entry: the single voter', () => {
  afterEach(removeAll);

  it('bare raft.db: the configuration behind the last entry, its term the current one, all else as it was', async () => {
    const source = sourceAt(madeMember('raft.db', { to: 300 }, confItems(4, VOTE, { Zvacuum: 'mine', Aown: 'too' })));
    const before = treeFingerprint(source.dataDir, 'bytes');
    const { draft, checks, reading, directory } = await recover(source, decisionFor(source, { serverId: 'n1' }));
    assert.deepEqual(failed(checks), []);
    assert.deepEqual(treeFingerprint(source.dataDir, 'bytes'), before, 'the source is only read');
    assert.equal(draft.kind, 'raft-append');
    assert.deepEqual(draft.changes, [
      {
        path: 'raft.db',
        kind: 'replace',
        bytesBefore: fs.statSync(path.join(source.dataDir, 'raft.db')).size,
        bytesAfter: null,
        lines: ['+ entry 5/301  configuration of 1: n1 10.0.0.1:8300 (voter)', '~ current term 4 -> 5', '  vote of term 4 for 10.0.0.2:8300 stays, below the new term'],
      },
    ]);
    assert.deepEqual(reading.report.confState, { voters: ['n1'], learners: [], index: 301, pending: true, members: [{ id: 'n1', name: null, addresses: ['10.0.0.1:8300'], role: 'voter' }] });
    assert.deepEqual(reading.report.lastEntry, { term: 5, index: 301 });
    assert.deepEqual(
      bucketOf(directory, 'raft.db', 'conf'),
      new Map([['Aown', '746f6f'], ['CurrentTerm', term(5)], ['LastVoteCand', Buffer.from(VOTE.candidate).toString('hex')], ['LastVoteTerm', term(4)], ['Zvacuum', '6d696e65']]),
    );
    const [old, now] = [bucketOf(source.dataDir, 'raft.db', 'logs'), bucketOf(directory, 'raft.db', 'logs')];
    assert.deepEqual([...now].slice(0, 300), [...old], 'every entry as its bytes were');
  });

  it('the term lies above that of every disk that was surveyed, and of every entry', async () => {
    const source = sourceAt(madeMember('raft.db', { to: 10 }, confItems(4)));
    const terms = async (highestTerm: number): Promise<number> => (await raftAppendTarget.draft(source, decisionFor(source, { serverId: 'n1', highestTerm }))).outcome.termAbove;
    assert.deepEqual([await terms(0), await terms(4), await terms(20)], [5, 5, 21]);
    // Its own term counter lost: that of the entries counts, or the server would write lower terms behind higher ones.
    const lost = sourceAt(splitMember({ to: 10 }, null));
    assert.equal((await raftAppendTarget.draft(lost, decisionFor(lost, { serverId: 'n1' }))).outcome.termAbove, 3);
  });

  it('two files: the term first, then the log; between the two renames a server starts as before', async () => {
    const source = sourceAt(splitMember({ to: 50 }, confItems(4, VOTE)));
    const { draft, checks, directory } = await recover(source, decisionFor(source, { serverId: 'n1' }));
    assert.deepEqual(failed(checks), []);
    assert.deepEqual(draft.changes.map((one) => one.path), ['raft-stable.db', 'raft-log.db']);
    assert.deepEqual(bucketOf(directory, 'raft-log.db', 'conf'), new Map(), 'the other half stays empty');
    fs.copyFileSync(path.join(source.dataDir, 'raft-log.db'), path.join(directory, 'raft-log.db')); // only the first rename was done
    const between = sourceAt(directory).reading.report;
    assert.deepEqual([between.startable, between.confState?.voters, between.hardState.currentTerm], [{ ok: true }, ['n1', 'n2', 'n3'], 5]);
  });

  it('a lost stable store is made anew, with a term above all entries', async () => {
    const source = sourceAt(splitMember({ to: 50 }, null));
    assert.equal(source.reading.report.startable.ok, false);
    const { draft, checks, reading } = await recover(source, decisionFor(source, { serverId: 'n1' }));
    assert.deepEqual(failed(checks), []);
    assert.deepEqual([draft.changes[0]?.kind, draft.changes[0]?.path], ['create', 'raft-stable.db']);
    assert.deepEqual([reading.report.startable, reading.report.hardState.currentTerm], [{ ok: true }, 3]);
    assert.ok(draft.notes.some((one) => /its vote is lost/.test(one)));
  });

  it('dropping leaves the entries above out, and takes a term that none of them had', async () => {
    const source = sourceAt(madeMember('raft.db', { to: 300 }, confItems(4, VOTE)));
    const { draft, checks, reading, directory } = await recover(source, decisionFor(source, { serverId: 'n1', inDoubt: 'drop', keepTo: 250 }));
    assert.deepEqual(failed(checks), []);
    assert.deepEqual([reading.report.lastEntry, bucketOf(directory, 'raft.db', 'logs').size], [{ term: 5, index: 251 }, 251]);
    assert.ok(draft.changes[0]?.lines.includes('- entries 251..300'));
    await assert.rejects(raftAppendTarget.draft(source, decisionFor(source, { serverId: 'n1', inDoubt: 'drop', keepTo: 0 })), { rule: 'nothing-kept' });
  });

  it('never drops what the newest snapshot holds', async () => {
    const source = sourceAt(withSnapshot(madeMember('raft.db', { to: 300 }, confItems(4)), 200));
    const { draft, checks } = await recover(source, decisionFor(source, { serverId: 'n1', inDoubt: 'drop', keepTo: 100 }));
    assert.deepEqual(failed(checks), []);
    assert.deepEqual([draft.keepTo, draft.outcome.lastEntry.index], [200, 201]);
  });

  for (const [name, from, to] of [['an empty log', 1, 0], ['a log that ends below the snapshot', 5, 60]] as const) {
    it(`${name}: the entry goes right behind the snapshot`, async () => {
      const source = sourceAt(withSnapshot(madeMember('raft.db', { from, to }, confItems(4)), 80));
      const { draft, checks, reading } = await recover(source, decisionFor(source, { serverId: 'n1' }));
      assert.deepEqual(failed(checks), []);
      assert.equal(draft.kind, 'raft-append');
      assert.deepEqual([reading.report.lastEntry, reading.report.confState?.voters], [{ term: 5, index: 81 }, ['n1']]);
    });
  }

  for (const form of ['absent', 'binary', 'timestamp', 'timestamp-ext', 'nil'] as const) {
    it(`the entry spells its time as its neighbours do: ${form}`, async () => {
      const source = sourceAt(madeMember('raft.db', { to: 3, form }, confItems(4)));
      const { directory } = await recover(source, decisionFor(source, { serverId: 'n1' }));
      assert.equal(appendedAtForm(Buffer.from([...bucketOf(directory, 'raft.db', 'logs').values()].at(-1) as string, 'hex')), form);
    });
  }

  it('equal files and parameters give equal bytes', async () => {
    const source = sourceAt(madeMember('raft.db', { to: 30, form: 'binary' }, confItems(4)));
    const [one, two] = [await recover(source, decisionFor(source, { serverId: 'n1' })), await recover(source, decisionFor(source, { serverId: 'n1' }))];
    assert.ok(fs.readFileSync(path.join(one.directory, 'raft.db')).equals(fs.readFileSync(path.join(two.directory, 'raft.db'))));
  });

  it('moves to a new address when it is given', async () => {
    const source = sourceAt(madeMember('raft.db', { to: 30 }, confItems(4)));
    const { reading } = await recover(source, decisionFor(source, { serverId: 'n1', selfAddress: 'new.example:8300' }));
    assert.deepEqual(reading.report.confState?.members[0]?.addresses, ['new.example:8300']);
  });

  it('tells who has to stay away, how to start, and how to grow back', async () => {
    const source = sourceAt(splitMember({ to: 50 }, confItems(4)));
    const draft = await raftAppendTarget.draft(source, decisionFor(source, { serverId: 'n1' }));
    assert.deepEqual(draft.fences.map(({ member, addresses }) => [member, addresses]), [['n2', ['10.0.0.2:8300']], ['n3', ['10.0.0.3:8300']]]);
    assert.deepEqual(draft.joins[0], {
      member: 'n2',
      settings: [
        '-http=<host:port>',
        '-raft-id=n2',
        '-raft-bind=10.0.0.2:8300',
        '-raft-dir=<an empty directory>',
        '-raft-bootstrap=false',
        'then, on the leader: POST /v1/raft/join {"ID":"n2","Addr":"10.0.0.2:8300"}',
      ],
    });
    assert.match(draft.startHints[0] ?? '', /-raft-id=n1, -raft-bind=10\.0\.0\.1:8300 and -raft-bootstrap=false/);
    const five = await raftAppendTarget.draft(source, decisionFor(source, { serverId: 'n1', targetMembers: 5 }));
    assert.deepEqual(five.joins.map(({ member }) => member), ['n2', 'n3', 'new-1', 'new-2']);
  });

  describe('refuses', () => {
    const draftWith = async (directory: string, given: Parameters<typeof decisionFor>[1]): Promise<unknown> => {
      const source = sourceAt(directory);
      return targetFor(source).draft(source, decisionFor(source, given));
    };
    const plain = (): string => madeMember('raft.db', { to: 30 }, confItems(4));

    it('a server nobody can name', () => assert.rejects(draftWith(plain(), {}), { rule: 'server-id-unknown', hint: /--id n1=<server id>.*n1 \(10\.0\.0\.1:8300\), n2/ }));
    it('a server that is not in the configuration', () => assert.rejects(draftWith(plain(), { serverId: 'n9', selfAddress: 'a:1' }), { rule: 'server-id-not-in-configuration' }));
    for (const address of ['http://a:1', 'a', 'a:0', 'a:70000', 'a:b', '', ' a:1']) {
      it(`the address ${JSON.stringify(address)}`, () => assert.rejects(draftWith(plain(), { serverId: 'n1', selfAddress: address }), { rule: 'address-invalid' }));
    }
    it('a new cluster id, which there is none of', () => assert.rejects(draftWith(plain(), { serverId: 'n1', newClusterId: 'new' }), { rule: 'no-cluster-id' }));
    it('revisions, which are not counted', () => assert.rejects(draftWith(plain(), { serverId: 'n1', bumpRevision: 10 }), { rule: 'no-revision' }));
    it('a log with a gap behind the snapshot', () =>
      assert.rejects(draftWith(withSnapshot(madeMember('raft.db', { from: 90, to: 99 }, confItems(4)), 80), { serverId: 'n1' }), { rule: 'not-startable', message: /nothing holds 81\.\.89/ }));
    it('a log whose only snapshot is bad', async () => {
      const directory = withSnapshot(madeMember('raft.db', { to: 99 }, confItems(4)), 80);
      fs.appendFileSync(path.join(directory, 'snapshots/2-80-1773000000000/state.bin'), 'x');
      await assert.rejects(draftWith(directory, { serverId: 'n1' }), { rule: 'not-startable', message: /its only snapshot cannot be restored/ });
    });
  });

  it('takes an IPv6 address', async () => {
    const servers = [{ ...SERVERS[0], address: '[2001:db8::1]:8300' }, SERVERS[1]] as typeof SERVERS;
    const source = sourceAt(madeMember('raft.db', { to: 30, servers }, confItems(4)));
    assert.deepEqual(failed((await recover(source, decisionFor(source, { serverId: 'n1' }))).checks), []);
  });

  it('sees a result that is not as planned', async () => {
    const source = sourceAt(madeMember('raft.db', { to: 30 }, confItems(4)));
    const { draft, directory } = await recover(source, decisionFor(source, { serverId: 'n1' }));
    const other = await raftAppendTarget.draft(source, decisionFor(source, { serverId: 'n2', highestTerm: 9 }));
    assert.deepEqual(failed(await raftAppendTarget.check(directory, other.outcome, other.parameters)).map((one) => one.split(':')[0]), ['configuration', 'last entry', 'term']);
    const shorter = sourceAt(madeMember('raft.db', { to: 29 }, confItems(4)));
    const planned = await raftAppendTarget.draft(shorter, decisionFor(shorter, { serverId: 'n1' }));
    assert.ok(failed(await raftAppendTarget.check(directory, draft.outcome, { ...draft.parameters, keptLog: planned.parameters['keptLog'] })).some((one) => one.startsWith('kept entries')));
    fs.writeFileSync(path.join(directory, 'raft.db'), 'nothing');
    assert.ok(failed(await raftAppendTarget.check(directory, draft.outcome, draft.parameters)).length > 0);
  });
});
