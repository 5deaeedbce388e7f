import assert from 'node:assert/strict';
import path from 'node:path';
import { baseSnapshot } from '../../src/engine/recovery/targets/hashicorp/kept-log.ts';
import { raftSnapshotTarget } from '../../src/engine/recovery/targets/hashicorp/raft-snapshot.ts';
import { readResult } from '../../src/engine/recovery/targets/hashicorp/result-checks.ts';
import { apply, copyCase, planFor, recoverableCases, serverIdsOf } from '../engine/recovery/hashicorp/plan-and-apply.ts';
import { commandsOf, decisionFor, failed, recover, removeAll, sourceAt } from '../engine/recovery/hashicorp/recover-directory.ts';
import { corpusCases, unpackMember } from '../helpers/corpus.ts';
import { buildGoRaft, goRaftMissing, startGoRaft } from '../helpers/go-raft.ts';
import { skipWithout } from '../helpers/skip-without.ts';

/** raft-boltdb 2017-10-10 is boltdb, which cannot open a file without a freelist; bbolt's library is needed for that one. */
const NEEDS_BBOLT = 'bolt2-nofreelist';

describe('live: hashicorp/raft 1.1.2 with raft-boltdb starts what recover apply wrote', function () {
  this.timeout(60_000);

  before(function () {
    skipWithout(this, goRaftMissing());
    buildGoRaft();
  });
  afterEach(removeAll);

  const cases = recoverableCases(corpusCases()).filter(({ name }) => name.startsWith('hashicorp-raft/') && !name.includes('/wal-') && !name.includes(NEEDS_BBOLT));
  for (const { name, members } of cases) {
    it(`${name}: it leads alone, and applies every entry`, async () => {
      const copy = copyCase(name);
      const ids = serverIdsOf(name);
      const plan = await planFor(members.map((member) => path.join(copy, member)), { ids });
      const directory = path.join(copy, plan.source);
      const original = readResult(directory);
      const base = baseSnapshot(original.report);
      const commands = commandsOf(original, base?.index ?? 0, plan.keepTo);
      await apply(plan);

      const started = startGoRaft(directory, ids[plan.source] as string);
      assert.equal(started.error, undefined);
      assert.ok(started.leader);
      assert.deepEqual(started.configuration.map(({ id, suffrage }) => [id, suffrage]), [[ids[plan.source], 'Voter']]);
      assert.deepEqual({ applied: started.applied, appliedSha256: started.appliedSha256 }, commands);
      assert.equal(started.restored?.bytes ?? null, base?.bytes ?? null, 'the snapshot it began from');
      assert.equal(started.term, plan.outcome.termAbove + 1, 'elected in the term after the one written');
      // The entry of the election, the barrier, and the write come behind the last one planned.
      assert.equal(started.accepted, plan.outcome.lastEntry.index + 3);

      const after = readResult(directory);
      assert.deepEqual(after.report.startable, { ok: true });
      assert.equal(after.report.lastEntry.index, started.accepted);
      assert.deepEqual(commandsOf(after, base?.index ?? 0, plan.keepTo), commands, 'the log it leaves still holds every one');
    });
  }

  it('starts from a rewritten snapshot and an empty log', async () => {
    const source = sourceAt(unpackMember('hashicorp-raft/healthy-112', 'node-1'));
    const snapshot = baseSnapshot(source.reading.report);
    assert.ok(snapshot);
    const recovered = await recover(source, decisionFor(source, { serverId: 'node-1', inDoubt: 'drop', keepTo: snapshot.index }), raftSnapshotTarget);
    assert.deepEqual(failed(recovered.checks), []);
    const started = startGoRaft(recovered.directory, 'node-1');
    assert.equal(started.error, undefined);
    assert.deepEqual(started.configuration.map(({ id, suffrage }) => [id, suffrage]), [['node-1', 'Voter']]);
    assert.deepEqual([started.applied, started.restored?.bytes], [0, snapshot.bytes], 'all its state is that of the snapshot');
    assert.equal(started.accepted, snapshot.index + 3, 'it goes on right behind it');
    assert.equal(started.term, recovered.draft.outcome.termAbove + 1);
  });

  it('as it was, the same directory does not lead: two of its three voters are gone', () => {
    const copy = copyCase('hashicorp-raft/quorum-loss-112');
    const started = startGoRaft(path.join(copy, 'node-3'), 'node-3', 3);
    assert.deepEqual([started.leader, started.configuration.length], [false, 3]);
    assert.match(started.error ?? '', /does not lead/);
  });

  it('with the dropped tail cut off, it applies what was kept and nothing else', async () => {
    const source = sourceAt(unpackMember('hashicorp-raft/quorum-loss-112', 'node-3'));
    const keepTo = source.reading.report.lastEntry.index - 200;
    const recovered = await recover(source, decisionFor(source, { serverId: 'node-3', inDoubt: 'drop', keepTo }));
    assert.deepEqual(failed(recovered.checks), []);
    const started = startGoRaft(recovered.directory, 'node-3');
    assert.equal(started.error, undefined);
    assert.deepEqual({ applied: started.applied, appliedSha256: started.appliedSha256 }, commandsOf(source.reading, 0, keepTo));
  });
});
