import assert from 'node:assert/strict';
import { readStore } from '../../../src/engine/storage/stored-state.ts';
import { runSeed } from '../../../src/engine/sim/simulation.ts';
import { continueAfter, judgeRecovery } from './recovery-judge.ts';

describe('a run that goes on after quorum loss', function () {
  this.timeout(120_000);

  for (const seed of ['19', '59', '99']) {
    it(`seed ${seed}: a cluster of one that grows back, among old members that nobody hears`, async () => {
      const first = await runSeed({ seed });
      const verdict = await judgeRecovery(first);
      assert.ok(verdict !== null && verdict.complaints.length === 0);
      const second = await continueAfter(first, verdict);
      assert.ok(second !== null, 'nothing committed is missing on the disk that was picked');
      assert.deepEqual(second.violations, []);
      const { cluster } = second;
      assert.ok(cluster.truth.commitIndex > first.cluster.truth.commitIndex, 'it went on from where the first run had come');
      for (let index = 1; index <= first.cluster.truth.commitIndex; index += 1) assert.equal(cluster.truth.committed[index]?.hash, first.cluster.truth.committed[index]?.hash);
      for (const id of cluster.memberIds()) {
        const host = cluster.hosts.get(id);
        assert.equal(host === undefined ? 0 : readStore(host.raft.content()).identity.generation, 2);
      }
      assert.ok(second.history.lines.some((line) => line.t === 'ok'), 'clients were served');
    });
  }

  it('is the same each time', async () => {
    const hashes: string[] = [];
    for (let run = 0; run < 2; run += 1) {
      const first = await runSeed({ seed: '19' });
      const verdict = await judgeRecovery(first);
      const second = verdict === null ? null : await continueAfter(first, verdict);
      hashes.push(second?.traceHash ?? 'none');
    }
    assert.equal(hashes[0], hashes[1]);
    assert.notEqual(hashes[0], 'none');
  });

  it('sees old members refused, and crashes inside the edit', async () => {
    const sums = { 'crash-in-bootstrap': 0, 'old-generation-refused': 0 };
    for (const seed of ['19', '69', '89']) {
      const first = await runSeed({ seed });
      const verdict = await judgeRecovery(first);
      const second = verdict === null ? null : await continueAfter(first, verdict);
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += second?.counters[name] ?? 0;
    }
    assert.ok(sums['crash-in-bootstrap'] > 0 && sums['old-generation-refused'] > 0, JSON.stringify(sums));
  });
});
