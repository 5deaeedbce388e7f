import assert from 'node:assert/strict';
import { CallError } from '../../../src/engine/ports/node-api.ts';
import { MiniWorld } from '../../helpers/mini-world.ts';

const IDS = ['a', 'b', 'c'];
const SEEDS = Number(process.env['CHAOS_SEEDS'] ?? 6);
const FIRST = Number(process.env['CHAOS_FIRST'] ?? 1);

/** Small generator of this test alone, so that a seed replays. */
function chance(seed: number): (below: number) => number {
  let state = seed * 2654435761;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 374761393) >>> 0;
    return Math.floor((((state ^ (state >>> 13)) >>> 0) / 2 ** 32) * below);
  };
}

describe('crashes, cuts, loss and slow disks together', () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    it(`lose nothing acknowledged and leave no call unanswered, CHAOS_FIRST=${seed} CHAOS_SEEDS=1`, async () => {
      const draw = chance(seed);
      const world = await MiniWorld.start({ node: { snapshotEntries: 20 + draw(40), compactionMargin: draw(10) }, kv: { flushCommands: 1 + draw(20) } });
      const acked = new Map<string, string>();
      const ends = new Map<string, number>();
      let [started, ended] = [0, 0];
      let isOn = true;
      const end = (how: string): void => {
        ended++;
        ends.set(how, (ends.get(how) ?? 0) + 1);
      };
      const call = (): void => {
        if (!isOn) return;
        world.time.at(world.time.nowMs + 1 + draw(15), call);
        const id = IDS[draw(3)] ?? 'a';
        const host = world.host(id);
        if (host.node === null) return;
        const [node, clock] = [host.node, host.clock];
        const [key, value] = [`k${started++}`, `v${draw(1000)}`];
        // A crashed process answers nobody: its calls are not waited for.
        const over = world.time.at(world.time.nowMs + 1500, () => (clock.isAlive ? assert.fail(`${key}: no end`) : end('crashed')));
        const finish = (how: string): void => {
          over();
          if (clock.isAlive) end(how);
        };
        const promise = draw(3) === 0 ? world.get(id, key, { kind: 'linearizable' }, 1000).then(() => 'read') : world.put(id, key, value, 1000).then(() => (acked.set(key, value), 'put'));
        promise.then(finish, (error: unknown) => {
          assert.ok(error instanceof CallError, String(error));
          finish(`${error.outcome} ${error.rule}`);
        });
        if (draw(100) === 0) node.transfer(null, { deadlineMs: 500 }).catch(() => undefined);
        if (draw(100) === 0) node.takeSnapshot().catch(() => undefined);
      };
      await world.elect();
      call();
      for (let round = 0; round < 40; round++) {
        const id = IDS[draw(3)] ?? 'a';
        const host = world.host(id);
        switch (draw(6)) {
          case 0:
            if (host.node !== null) world.crash(id);
            break;
          case 1:
            world.cut(id);
            break;
          case 2:
            host.raft.delayMs = draw(60);
            host.state.delayMs = draw(200);
            break;
          case 3: {
            const share = draw(40);
            world.isLost = () => draw(100) < share;
            break;
          }
          case 4:
            host.clock.stalledUntilMs = world.time.nowMs + draw(600);
            break;
          default:
            world.heal();
        }
        world.delayMs = 1 + draw(8);
        await world.time.run(20 + draw(300));
        for (const one of IDS) if (world.host(one).node === null && draw(2) === 0) await world.boot(one);
      }
      world.heal();
      for (const one of IDS) {
        if (world.host(one).node === null) await world.boot(one);
        [world.host(one).raft.delayMs, world.host(one).state.delayMs] = [0, 0];
      }
      isOn = false;
      await world.time.until('a leader and three even members', () => world.leader() !== null && world.isEven(), 10_000);
      await world.time.run(2000);
      assert.equal(ended, started, 'every call has ended');
      assert.deepEqual(world.violations, []);
      assert.deepEqual(IDS.map((one) => world.host(one).fatal), [null, null, null]);
      for (const one of IDS) for (const [key, value] of acked) assert.equal((await world.get(one, key, { kind: 'stale' })).value, value, `${key} at ${one}`);
      assert.ok(acked.size > 20, `${acked.size} acknowledged of ${started}: ${[...ends].map(([how, count]) => `${how} ${count}`).join(', ')}`);
    });
  }
});
