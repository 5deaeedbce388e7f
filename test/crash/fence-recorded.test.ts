import assert from 'node:assert/strict';
import { fence } from '../../src/engine/recovery/apply/fence.ts';
import { fakeWorld, plantFake } from '../helpers/fake-recovery.ts';
import { SimulatedFiles } from '../helpers/simulated-files.ts';
import { crashEverywhere } from './recorded.ts';

const OLD = '/srv/old';

/** Bytes by path, wherever the directory lies. */
function bytesOf(ops: SimulatedFiles, root: string): string {
  return ops.dump(root).filter((line) => line.includes(' file ') && !line.startsWith('FENCED ')).join('\n');
}

for (const store of ['etcd', 'native']) {
  describe(`crash consistency, recorded: recover fence of a member of ${store}`, function () {
    this.timeout(60_000);
    const fenceOf = store === 'native' ? `${OLD}/FENCED` : `${OLD}.fenced`;
    const world = (ops: SimulatedFiles) => fakeWorld(ops, { identify: (directory) => Promise.resolve(ops.facts(directory) === null ? null : { store, clusterId: '8c6d8b45601ffaf2', memberId: 'b2' }) });

    it('it is fenced or not, its bytes are all there, and the re-run ends', async () => {
      const disk = new SimulatedFiles();
      plantFake(disk, OLD);
      const original = bytesOf(disk, OLD);
      const where_ = (ops: SimulatedFiles): string => (ops.facts(OLD) === null ? fenceOf : OLD);
      const fenced = await crashEverywhere(
        {
          start: () => disk.afterPowerLoss({ kind: 'all' }),
          run: (ops) => fence({ dataDir: OLD, plan: null, lift: false, act: true }, world(ops)),
          afterCrash: (ops, where) => assert.equal(bytesOf(ops, where_(ops)), original, where),
          async afterRerun(ops, where) {
            assert.equal(bytesOf(ops, where_(ops)), original, where);
            assert.notEqual(ops.facts(fenceOf), null, where);
            assert.deepEqual(ops.list(`${OLD}.ri`), ['journal.ndjson'], where);
            assert.equal((await fence({ dataDir: OLD, plan: null, lift: false, act: true }, world(ops))).state, 'already-fenced', where);
            assert.equal((await fence({ dataDir: OLD, plan: null, lift: true, act: true }, world(ops))).state, 'lifted', where);
            assert.equal(bytesOf(ops, OLD), original, where);
          },
        },
        { subsets: 8, everySecond: 2, seed: 4 },
      );
      assert.ok(fenced.crashes > 20, JSON.stringify(fenced));
    });
  });
}
