import assert from 'node:assert/strict';
import { labPaths } from '../../src/engine/lab/lab-file.ts';
import { ensureBuilt } from '../helpers/run-cli.ts';
import { cli, TestLab, until } from '../helpers/lab.ts';
import { pause } from '../helpers/pause.ts';
import { Load } from '../helpers/load.ts';

const KILLS = Number(process.env['RAFT_INSPECTOR_KILLS'] ?? 10);
/** Every so many kills, all members at once. */
const ALL_EVERY = 5;
const SEED = Number(process.env['RAFT_INSPECTOR_KILL_SEED'] ?? Date.now() % 2 ** 31);

/** Moments and victims repeat with the seed; what the processes do at that moment does not. */
function chanceOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe(`lab: kill -9 at random moments under load, ${KILLS} times, RAFT_INSPECTOR_KILL_SEED=${SEED}`, function () {
  this.timeout(60_000 + KILLS * 20_000);
  let lab: TestLab;

  before(async () => {
    ensureBuilt();
    // Small snapshots: kills also fall into taking, naming and trimming.
    lab = await TestLab.up(3, '--snapshot-entries', '100');
  });
  after(() => lab?.end());

  async function fsckClean(id: string): Promise<void> {
    const ran = await cli<unknown>('inspect', 'fsck', labPaths.data(lab.dir, id), '--deep', '--json');
    const errors = ran.envelope.findings.filter((one) => one.severity === 'error').map((one) => `${one.rule}: ${one.message}`);
    assert.deepEqual(errors, [], `${id} after its kill`);
    assert.equal(ran.code, 0, ran.stderr);
  }

  it('every acknowledged write is there exactly once, and what lies on the killed disks is sound (I10, B2, B7)', async () => {
    const chance = chanceOf(SEED);
    const load = new Load(lab.connection, { writers: 6 }).start();
    const counts = { leader: 0, follower: 0, all: 0 };
    try {
      for (let kill = 1; kill <= KILLS; kill += 1) {
        const before = load.acked.size;
        await until(`writes before kill ${kill}`, () => load.acked.size > before + 20, 30_000);
        await pause(chance() * 200);
        const { members, leader } = await lab.status();
        if (kill % ALL_EVERY === 0) {
          const ids = members.map((one) => one.id);
          await lab.order({ kind: 'kill', ids, signal: 'SIGKILL' });
          counts.all += 1;
          for (const id of ids) await fsckClean(id);
          await Promise.all(ids.map((id) => lab.order({ kind: 'start', id })));
        } else {
          const victim = members[Math.floor(chance() * members.length)]?.id ?? '';
          await lab.order({ kind: 'kill', ids: [victim], signal: 'SIGKILL' });
          counts[victim === leader ? 'leader' : 'follower'] += 1;
          await fsckClean(victim);
          await lab.order({ kind: 'start', id: victim });
        }
      }
      await load.stop();
      await lab.settled(30_000);
      await load.verify(30_000);
      console.error(`      ${load.acked.size} acknowledged, ${load.unknown.size} unknown, ${load.failed.size} failed; killed: ${counts.leader} leaders, ${counts.follower} followers, ${counts.all} times all`);
      assert.ok(load.acked.size > KILLS * 20);
      const { members } = await lab.status();
      assert.equal(new Set(members.map((one) => one.stateHash)).size, 1, 'equal state');
      await lab.order({ kind: 'kill', ids: members.map((one) => one.id), signal: 'SIGTERM' });
      const states = await Promise.all(members.map((one) => lab.member(one.id)));
      assert.deepEqual(states.map((one) => one.ended?.code), [0, 0, 0], 'SIGTERM ends them in good order');
      for (const { id } of members) await fsckClean(id);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${lab.logTails()}`, { cause: error });
    } finally {
      load.close();
    }
  });
});
