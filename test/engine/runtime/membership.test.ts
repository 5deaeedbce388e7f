import assert from 'node:assert/strict';
import type { MembershipChange } from '../../../src/engine/core/configuration.ts';
import { CallError } from '../../../src/engine/ports/node-api.ts';
import { MiniWorld } from '../../helpers/mini-world.ts';

/** Makes a change the way a careful client does: the same changeId, asking whoever leads, as long as the answer allows it. */
async function change(world: MiniWorld, what: MembershipChange, changeId = `${what.kind} ${what.id}`): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const leader = world.leader();
    try {
      if (leader !== null) return (await world.time.outcome(world.node(leader).changeMembership(what, { changeId, expectedIndex: null, deadlineMs: 2000 }))).index;
    } catch (error) {
      const again = ['not-leader', 'removes-leader', 'change-pending', 'learner-lagging', 'no-commit-in-term', 'transferring', 'leadership-lost', 'margin-lost'];
      if (!(error instanceof CallError) || !again.includes(error.rule)) throw error;
    }
    await world.time.run(100);
  }
  throw new Error(`${changeId}: no end`);
}

/** Puts all the time, one after another, wherever the leader is. */
function load(world: MiniWorld): { stop: () => void; acked: Map<string, string> } {
  const acked = new Map<string, string>();
  let isOn = true;
  const next = (n: number): void => {
    const leader = world.leader();
    if (!isOn) return;
    const again = (): void => void world.time.at(world.time.nowMs + 5, () => next(n + 1));
    if (leader === null) return again();
    world.put(leader, `load${n}`, `v${n}`, 1000).then(
      ({ result }) => {
        if (result.status === 'ok') acked.set(`load${n}`, `v${n}`);
        again();
      },
      () => again(),
    );
  };
  next(0);
  return { stop: () => void (isOn = false), acked };
}

describe('membership under load (B15)', () => {
  it('adds a learner, promotes it, removes a voter, and loses nothing acknowledged', async () => {
    const world = await MiniWorld.start({ node: { snapshotEntries: 40, compactionMargin: 0 } });
    await world.elect();
    const traffic = load(world);
    await world.time.run(2000);
    await world.create('d', null);
    await world.boot('d');
    await change(world, { kind: 'add-learner', id: 'd', name: 'd', address: 'd:1' });
    await world.time.run(500);
    assert.equal(world.node('d').status().members.find(({ id }) => id === 'd')?.role, 'learner');
    await change(world, { kind: 'promote', id: 'd' });
    const victim = ['a', 'b', 'c'].find((id) => id !== world.leader()) ?? '';
    await change(world, { kind: 'remove', id: victim });
    await world.time.run(500);
    traffic.stop();
    const rest = ['a', 'b', 'c', 'd'].filter((id) => id !== victim);
    await world.time.until('the rest is even', () => world.isEven(rest));
    assert.ok(world.node(victim).status().isRemoved, 'it was told');
    await assert.rejects(world.time.outcome(world.get(victim, 'x', { kind: 'stale' })), (error: unknown) => error instanceof CallError && error.rule === 'removed', 'and answers nothing, not even stale');
    assert.deepEqual(world.node('d').status().removedIds, [victim]);
    const { term } = world.node('d').status();
    await world.time.run(3000);
    assert.equal(world.node('d').status().term, term, 'the removed member disturbs nobody (M29)');
    assert.ok(traffic.acked.size > 50, `${traffic.acked.size} puts`);
    for (const [key, value] of traffic.acked) assert.equal((await world.get('d', key, { kind: 'stale' })).value, value);
    assert.deepEqual(world.violations, []);
  });

  it('removes its leader: leadership moves first, the retry under the same changeId succeeds', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    await world.time.run(100);
    const call = world.node(leader).changeMembership({ kind: 'remove', id: leader }, { changeId: 'x', expectedIndex: null, deadlineMs: 3000 });
    await assert.rejects(world.time.outcome(call), (error: unknown) => error instanceof CallError && error.outcome === 'failed' && error.rule === 'removes-leader' && error.leader !== null && error.leader.id !== leader);
    const index = await change(world, { kind: 'remove', id: leader }, 'x');
    await world.time.until('it is told', () => world.node(leader).status().isRemoved);
    assert.equal(await change(world, { kind: 'remove', id: leader }, 'x'), index, 'a retry gets the first outcome');
    assert.equal(world.node(world.leader() ?? '').status().members.length, 2);
  });

  it('replaces a dead member by a new one under a new id, and refuses the old id for ever', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    const dead = ['a', 'b', 'c'].find((id) => id !== leader) ?? '';
    world.crash(dead);
    await world.time.run(500);
    await change(world, { kind: 'remove', id: dead });
    await world.create('n', null);
    await world.boot('n');
    await change(world, { kind: 'add-learner', id: 'n', name: 'n', address: 'n:1' });
    await change(world, { kind: 'promote', id: 'n' });
    const now = world.leader() ?? '';
    const again = world.node(now).changeMembership({ kind: 'add-learner', id: dead, name: dead, address: 'x:1' }, { changeId: 'again', expectedIndex: null, deadlineMs: 500 });
    await assert.rejects(world.time.outcome(again), (error: unknown) => error instanceof CallError && error.rule === 'id-reused');
    await world.time.outcome(world.put(now, 'k', 'v'));
    await world.time.until('the three are even', () => world.isEven(['a', 'b', 'c', 'n'].filter((id) => id !== dead)));
    assert.deepEqual(world.violations, []);
  });

  it('refuses a change whose configuration moved, and one at a follower', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    await world.time.run(100);
    const follower = ['a', 'b', 'c'].find((id) => id !== leader) ?? '';
    const what = { kind: 'change-address', id: follower, address: 'new:1' } as const;
    const ask = (id: string, expectedIndex: number | null): Promise<unknown> => world.time.outcome(world.node(id).changeMembership(what, { changeId: 'm', expectedIndex, deadlineMs: 500 }));
    await assert.rejects(ask(leader, 77), (error: unknown) => error instanceof CallError && error.rule === 'configuration-moved');
    await assert.rejects(ask(follower, null), (error: unknown) => error instanceof CallError && error.rule === 'not-leader' && error.leader?.id === leader);
    await ask(leader, 1);
    assert.equal(world.node(leader).status().members.find(({ id }) => id === follower)?.address, 'new:1');
  });

  it('a change whose leader is cut off ends as unknown, and the retry tells how it went (B20)', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    await world.time.run(100);
    const follower = ['a', 'b', 'c'].find((id) => id !== leader) ?? '';
    world.cut(leader);
    const call = world.node(leader).changeMembership({ kind: 'change-address', id: follower, address: 'new:1' }, { changeId: 'm', expectedIndex: null, deadlineMs: 5000 });
    await assert.rejects(world.time.outcome(call), (error: unknown) => error instanceof CallError && error.outcome === 'unknown');
    await world.elect(['a', 'b', 'c'].filter((id) => id !== leader));
    world.heal();
    await world.time.until('all are even', () => world.isEven());
    assert.equal(world.node(leader).status().members.find(({ id }) => id === follower)?.address, `${follower}:1`, 'taken back with its entry (M05)');
  });
});

describe('transfer (B16)', () => {
  it('moves leadership to the member asked for, under load, without an acknowledged write lost', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    const traffic = load(world);
    await world.time.run(300);
    const target = ['a', 'b', 'c'].find((id) => id !== leader) ?? '';
    const moved = await world.time.outcome(world.node(leader).transfer(target, { deadlineMs: 2000 }));
    assert.equal(moved.leader, target);
    await world.time.run(500);
    assert.equal(world.leader(), target);
    traffic.stop();
    await world.time.until('all are even', () => world.isEven());
    for (const [key, value] of traffic.acked) assert.equal((await world.get(target, key, { kind: 'stale' })).value, value);
  });

  it('is refused elsewhere, and to somebody who is no voter', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    await world.time.run(100);
    const follower = ['a', 'b', 'c'].find((id) => id !== leader) ?? '';
    await assert.rejects(world.time.outcome(world.node(follower).transfer(null, { deadlineMs: 500 })), (error: unknown) => error instanceof CallError && error.rule === 'not-leader');
    await assert.rejects(world.time.outcome(world.node(leader).transfer('z', { deadlineMs: 500 })), (error: unknown) => error instanceof CallError && error.rule === 'transfer-target');
  });
});
