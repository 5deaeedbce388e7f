import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { raftSnapshotTarget } from '../../../../src/engine/recovery/targets/hashicorp/raft-snapshot.ts';
import { targetFor } from '../../../../src/engine/recovery/targets/index.ts';
import { writeRaftWal } from '../../../helpers/raft-wal-writer.ts';
import { confItems, logEntries, madeMember, splitMember, withSnapshot } from './made-members.ts';
import { decisionFor, failed, recover, removeAll, scratch, sourceAt } from './recover-directory.ts';

const NOW = '2026-03-14T03:21:00.250Z';

describe('the newest snapshot, with the single voter', () => {
  afterEach(removeAll);

  it('carries the state over under the last position, and empties the log', async () => {
    // 31..40 are noops: nothing behind the snapshot is for the state machine.
    const source = sourceAt(withSnapshot(madeMember('raft.db', { from: 20, to: 40, type: 1 }, confItems(4, { term: 4, candidate: '10.0.0.2:8300' })), 30));
    const { draft, checks, reading, directory } = await recover(source, decisionFor(source, { serverId: 'n1' }), raftSnapshotTarget);
    assert.deepEqual(failed(checks), []);
    const into = `snapshots/2-40-${Date.parse(NOW)}`;
    assert.deepEqual(draft.changes.map((one) => [one.kind, one.path]), [['create', `${into}/state.bin`], ['create', `${into}/meta.json`], ['replace', 'raft.db']]);
    assert.equal(fs.readFileSync(path.join(directory, into, 'state.bin'), 'utf8'), '123456789');
    assert.deepEqual(JSON.parse(fs.readFileSync(path.join(directory, into, 'meta.json'), 'utf8')), {
      Version: 1,
      ID: path.basename(into),
      Index: 40,
      Term: 2,
      Peers: 'ka0xMC4wLjAuMTo4MzAw',
      Configuration: { Servers: [{ Suffrage: 0, ID: 'n1', Address: '10.0.0.1:8300' }] },
      ConfigurationIndex: 1,
      Size: 9,
      CRC: 'mV3Ju98ZOfo=',
    });
    const { report, findings } = reading;
    assert.deepEqual([report.log.entries, report.lastEntry, report.confState?.voters], [0, { term: 2, index: 40 }, ['n1']]);
    assert.deepEqual(report.hardState, { currentTerm: 4, votedFor: '10.0.0.2:8300', commitIndex: null }, 'term and vote survive, as after RecoverCluster');
    assert.ok(findings.some(({ rule }) => rule === 'snapshot-from-recovery'));
    assert.ok(fs.existsSync(path.join(directory, 'snapshots/2-30-1773000000000/state.bin')), 'the old one stays');
  });

  it('raises the term to the highest that any disk has seen, never lowers it', async () => {
    const source = sourceAt(withSnapshot(splitMember({ to: 0 }, confItems(4)), 30));
    const { checks, reading, draft } = await recover(source, decisionFor(source, { serverId: 'n1', highestTerm: 20 }), raftSnapshotTarget);
    assert.deepEqual(failed(checks), []);
    assert.deepEqual([reading.report.hardState.currentTerm, draft.outcome.termAbove], [20, 20]);
    assert.deepEqual(draft.changes.map((one) => path.basename(one.path)), ['state.bin', 'meta.json', 'raft-stable.db', 'raft-log.db']);
  });

  it('is the newer of two snapshots of one position, whatever the clock says', async () => {
    const later = Date.parse(NOW) + 86_400_000;
    const source = sourceAt(withSnapshot(madeMember('raft.db', { to: 0 }, confItems(4)), 30, 'snapshots', later));
    const { draft, checks } = await recover(source, decisionFor(source, { serverId: 'n1' }), raftSnapshotTarget);
    assert.deepEqual(failed(checks), []);
    assert.equal(draft.changes[0]?.path, `snapshots/2-30-${later + 1}/state.bin`);
  });

  it('serves a member whose log is lost and whose snapshot is whole', async () => {
    const directory = withSnapshot(splitMember({ from: 25, to: 40, type: 1 }, confItems(4)), 40);
    fs.writeFileSync(path.join(directory, 'raft-log.db'), Buffer.alloc(8192, 7));
    const source = sourceAt(directory);
    assert.equal(source.reading.report.health, 'unreadable');
    assert.equal(targetFor(source), raftSnapshotTarget);
    const { checks, reading } = await recover(source, decisionFor(source, { serverId: 'n1' }));
    assert.deepEqual(failed(checks), []);
    assert.deepEqual([reading.report.startable, reading.report.health], [{ ok: true }, 'ok']);
  });

  it('serves a wal whose entries only the application can encode', async () => {
    const directory = path.join(scratch(), 'n1');
    writeRaftWal(path.join(directory, 'wal'), { segments: [{ baseIndex: 41, id: 3, batches: [] }], currentTerm: 4 });
    const meta = path.join(directory, 'wal/wal-meta.db');
    fs.writeFileSync(meta, Buffer.from(fs.readFileSync(meta).toString('latin1').replace('"Codec":1', '"Codec":7'), 'latin1'));
    const source = sourceAt(withSnapshot(directory, 40));
    assert.equal(targetFor(source), raftSnapshotTarget);
    const { checks, draft } = await recover(source, decisionFor(source, { serverId: 'n1' }));
    assert.deepEqual(failed(checks), []);
    assert.deepEqual(draft.changes.map((one) => `${one.kind} ${path.basename(one.path)}`), [
      'create state.bin',
      'create meta.json',
      'create 00000000000000000041-0000000000000001.wal',
      'replace wal-meta.db',
      'remove 00000000000000000041-0000000000000003.wal',
    ]);
  });

  it('refuses a wal whose entries behind the snapshot nobody but the application can read', async () => {
    const directory = path.join(scratch(), 'n1');
    writeRaftWal(path.join(directory, 'wal'), { segments: [{ baseIndex: 1, id: 0, batches: [logEntries(1, 45)] }], currentTerm: 4 });
    for (const file of ['wal-meta.db', '00000000000000000001-0000000000000000.wal']) {
      const at = path.join(directory, 'wal', file);
      const bytes = fs.readFileSync(at);
      if (file.endsWith('.wal')) bytes[24] = 7;
      fs.writeFileSync(at, Buffer.from(bytes.toString('latin1').replace('"Codec":1', '"Codec":7'), 'latin1'));
    }
    const source = sourceAt(withSnapshot(directory, 40));
    await assert.rejects(raftSnapshotTarget.draft(source, decisionFor(source, { serverId: 'n1', keepTo: 40 })), { rule: 'commands-after-snapshot' });
  });

  it('refuses while commands lie behind the snapshot', async () => {
    const source = sourceAt(withSnapshot(madeMember('raft.db', { to: 40 }, confItems(4)), 30));
    await assert.rejects(raftSnapshotTarget.draft(source, decisionFor(source, { serverId: 'n1' })), { rule: 'commands-after-snapshot', message: /10 commands lie behind the snapshot at 30/ });
    const dropped = await recover(source, decisionFor(source, { serverId: 'n1', inDoubt: 'drop', keepTo: 30 }), raftSnapshotTarget);
    assert.deepEqual([failed(dropped.checks), dropped.reading.report.lastEntry], [[], { term: 2, index: 30 }]);
  });

  it('refuses without a snapshot, and does not build from a state that has changed', async () => {
    const none = sourceAt(madeMember('raft.db', { to: 40 }, confItems(4)));
    await assert.rejects(raftSnapshotTarget.draft(none, decisionFor(none, { serverId: 'n1' })), { rule: 'no-snapshot' });
    const source = sourceAt(withSnapshot(madeMember('raft.db', { to: 0 }, confItems(4)), 30));
    const { parameters } = await raftSnapshotTarget.draft(source, decisionFor(source, { serverId: 'n1' }));
    fs.writeFileSync(path.join(source.dataDir, 'snapshots/2-30-1773000000000/state.bin'), '123456780');
    await assert.rejects(raftSnapshotTarget.build({ dataDir: source.dataDir, into: scratch(), parameters }), { code: 'CORRUPT_DATA' });
  });

  it('works in the raft directory where the place named lies above it', async () => {
    const named = withSnapshot(madeMember('raft/raft.db', { to: 0 }, confItems(4)), 30, 'raft/snapshots');
    const source = { dataDir: path.join(named, 'raft'), reading: sourceAt(named).reading };
    const { draft, checks } = await recover(source, decisionFor(source, { serverId: 'n1' }), raftSnapshotTarget);
    assert.deepEqual(failed(checks), []);
    assert.deepEqual(draft.changes.map((one) => path.posix.dirname(one.path)), [`snapshots/2-30-${Date.parse(NOW)}`, `snapshots/2-30-${Date.parse(NOW)}`, '.']);
    const appended = await recover(source, decisionFor(source, { serverId: 'n1' }), targetFor(source));
    assert.deepEqual([failed(appended.checks), appended.draft.changes.map((one) => one.path)], [[], ['raft.db']]);
  });

  it('leaves programs with a recovery file of their own to that', () => {
    const directory = withSnapshot(madeMember('raft/raft.db', { to: 0 }, confItems(4), { 'node-id': 'n1' }), 30, 'raft/snapshots');
    assert.equal(raftSnapshotTarget.serves(sourceAt(directory)), false);
  });
});
