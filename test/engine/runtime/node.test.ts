import assert from 'node:assert/strict';
import { CallError } from '../../../src/engine/ports/node-api.ts';
import { MiniWorld } from '../../helpers/mini-world.ts';

const failure = (outcome: string, rule: string) => (error: unknown): boolean => {
  assert.ok(error instanceof CallError, String(error));
  assert.deepEqual([error.outcome, error.rule], [outcome, rule]);
  return true;
};

describe('a cluster of three', () => {
  it('elects, commits on a quorum, answers by the entry applied, and ends even', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    const puts = Array.from({ length: 40 }, (_, n) => world.put(leader, `k${n % 5}`, `v${n}`));
    const results = await world.time.outcome(Promise.all(puts));
    assert.deepEqual(results.map(({ index }) => index), results.map((_, n) => (results[0]?.index ?? 0) + n), 'in the order of the calls');
    for (const { index, result } of results) assert.equal(result.status === 'ok' ? result.revision : null, index);
    await world.time.until('all are even', () => world.isEven());
    assert.deepEqual(world.violations, []);
    const status = world.node(leader).status();
    assert.deepEqual([status.role, status.members.length, status.isChangePending, status.removedIds], ['leader', 3, false, []]);
  });

  it('puts the proposals of one turn into one write (B10)', async () => {
    const batches: number[] = [];
    const world = await MiniWorld.start({ observer: { stepped: (_before, input) => void (input.kind === 'propose' && batches.push(input.proposals.length)) } });
    const leader = await world.elect();
    await world.time.run(100);
    const before = world.host(leader).raft.commits.length;
    const puts = Promise.all(Array.from({ length: 100 }, (_, n) => world.put(leader, `k${n}`, 'v')));
    await world.time.outcome(puts);
    assert.deepEqual(batches, [100]);
    assert.ok(world.host(leader).raft.commits.length - before <= 2, `${world.host(leader).raft.commits.length - before} commits for 100 proposals`);
  });

  it('gives large proposals to the core a few megabytes a turn, in their order: heartbeats go in between (B10, B1)', async () => {
    const batches: number[] = [];
    const world = await MiniWorld.start({
      ids: ['a'],
      observer: { stepped: (_before, input) => void (input.kind === 'propose' && batches.push(input.proposals.reduce((bytes, { payload }) => bytes + payload.length, 0))) },
    });
    const leader = await world.elect();
    const puts = await world.time.outcome(Promise.all(Array.from({ length: 12 }, (_, n) => world.put(leader, `k${n}`, Buffer.alloc(900_000, n)))));
    assert.ok(batches.length >= 3 && batches.every((bytes) => bytes <= 4 * 1024 * 1024), batches.join(' '));
    assert.deepEqual(puts.map(({ index }) => index), puts.map((_, n) => (puts[0]?.index ?? 0) + n));
  });

  it('merges what arrives during a slow commit into the next one (B10)', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    const { raft } = world.host(leader);
    raft.delayMs = 40;
    const before = raft.commits.length;
    const puts: Promise<unknown>[] = [];
    for (let n = 0; n < 60; n++) {
      puts.push(world.put(leader, `k${n}`, 'v'));
      await world.time.run(1);
    }
    await world.time.outcome(Promise.all(puts));
    assert.ok(raft.commits.length - before <= 5, `${raft.commits.length - before} commits for 60 turns in 60 ms of 40 ms each`);
    assert.deepEqual(world.violations, []);
  });

  it('commits without the slow disk of the leader, but applies only what its own disk holds (B11)', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    world.host(leader).raft.delayMs = 100;
    const put = world.put(leader, 'k', 'v');
    await world.time.run(60);
    const status = world.node(leader).status();
    assert.equal(status.commitIndex, status.lastEntry.index, 'the two followers decide');
    assert.ok(status.appliedIndex < status.commitIndex);
    assert.equal((await world.time.outcome(put)).result.status, 'ok');
  });

  it('acknowledges an append only when it is durable (I11)', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    const follower = ['a', 'b', 'c'].find((id) => id !== leader) ?? '';
    world.host(follower).raft.delayMs = 120;
    const put = world.put(leader, 'k', 'v');
    const { index } = await world.time.outcome(put);
    const claims = (): number[] => world.host(follower).sent.flatMap(({ body }) => (body.kind === 'append-reply' && body.result.kind === 'stored' ? [body.result.match] : []));
    assert.ok(Math.max(...claims()) < index, 'nothing claimed while the commit runs');
    await world.time.until('the follower acknowledges', () => Math.max(...claims()) >= index);
  });

  it('refuses proposals elsewhere and names the leader', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    await world.time.run(60);
    const follower = ['a', 'b', 'c'].find((id) => id !== leader) ?? '';
    await assert.rejects(world.time.outcome(world.put(follower, 'k', 'v')), (error: unknown) => failure('failed', 'not-leader')(error) && error instanceof CallError && error.leader?.id === leader);
  });

  it('loses nothing acknowledged when all crash, and takes the log up again (I10)', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    for (let n = 0; n < 50; n++) await world.time.outcome(world.put(leader, `k${n}`, `v${n}`));
    const { stateHash } = world.node(leader).status();
    for (const id of ['a', 'b', 'c']) world.crash(id);
    for (const id of ['a', 'b', 'c']) await world.boot(id);
    const next = await world.elect();
    assert.equal((await world.time.outcome(world.get(next, 'k49'))).value, 'v49');
    await world.time.until('all are even', () => world.isEven());
    assert.equal(world.node(next).status().stateHash, stateHash);
    assert.deepEqual(world.violations, []);
  });

  it('goes on when the leader crashes, and tells the caller of the old one nothing false (B20)', async () => {
    const world = await MiniWorld.start();
    const old = await world.elect();
    world.cut(old);
    const call = world.put(old, 'k', 'lost?', 3000);
    await assert.rejects(world.time.outcome(call), failure('unknown', 'leadership-lost'));
    const others = ['a', 'b', 'c'].filter((id) => id !== old);
    const next = await world.elect(others);
    await world.time.outcome(world.put(next, 'k', 'new'));
    world.heal();
    await world.time.until('all are even', () => world.isEven());
    assert.equal((await world.time.outcome(world.get(old, 'k'))).value, 'new');
    assert.deepEqual(world.violations, []);
  });

  it('ends calls by their deadline: unknown once appended, failed before (B20)', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    world.cut(leader);
    await assert.rejects(world.time.outcome(world.put(leader, 'k', 'v', 50)), failure('unknown', 'timeout'));
    await assert.rejects(world.time.outcome(world.get(leader, 'k', { kind: 'linearizable' }, 50)), failure('failed', 'timeout'));
    const late = world.put(leader, 'k', 'v', 0);
    await assert.rejects(world.time.outcome(late), (error: unknown) => error instanceof CallError && error.rule === 'timeout');
  });

  it('refuses what is too large, and ends everything when it stops', async () => {
    const world = await MiniWorld.start({ node: { maxCommandBytes: 100 } });
    const leader = await world.elect();
    await assert.rejects(world.put(leader, 'k', 'v'.repeat(200)), failure('failed', 'too-large'));
    world.cut(leader);
    const put = world.put(leader, 'k', 'v');
    const get = world.get(leader, 'k');
    const ends = Promise.allSettled([put, get]);
    await world.time.run(5);
    const node = world.node(leader);
    const stopping = node.stop();
    await world.time.outcome(stopping);
    const rules = (await ends).map((end) => (end.status === 'rejected' && end.reason instanceof CallError ? `${end.reason.outcome} ${end.reason.rule}` : end.status));
    assert.deepEqual(rules, ['unknown stopping', 'failed stopping']);
    await assert.rejects(node.propose(new Uint8Array(1), { deadlineMs: 10 }), failure('failed', 'stopping'));
  });
});

describe('slow disks everywhere (B1, B4)', () => {
  for (const delayMs of [150, 400, 2000]) {
    it(`commits of ${delayMs} ms neither end a leadership nor keep the others from electing after it`, async () => {
      const world = await MiniWorld.start();
      const leader = await world.elect();
      await world.time.run(300);
      const { term } = world.node(leader).status();
      for (const id of ['a', 'b', 'c']) world.host(id).raft.delayMs = delayMs;
      await world.time.outcome(Promise.all(Array.from({ length: 5 }, (_, n) => world.put(leader, `k${n}`, 'v', 20_000))), 20_000);
      await world.time.run(3000);
      assert.deepEqual([world.leader(), world.node(leader).status().term], [leader, term]);
      world.crash(leader);
      const rest = ['a', 'b', 'c'].filter((id) => id !== leader);
      await world.time.until('another is elected', () => world.leader(rest) !== null, 3 * delayMs + 2000);
      await world.time.run(5 * delayMs);
      const next = world.leader(rest);
      assert.ok(next !== null && world.node(next).status().term <= term + 2, 'without a storm of terms');
      await world.time.outcome(world.put(next, 'k', 'v', 20_000), 20_000);
    });
  }
});

describe('reads', () => {
  it('linearizable on every member see what was acknowledged before (B12, I15)', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    for (let n = 0; n < 10; n++) {
      await world.time.outcome(world.put(leader, 'k', `v${n}`));
      for (const id of ['a', 'b', 'c']) assert.equal((await world.time.outcome(world.get(id, 'k'))).value, `v${n}`, id);
    }
  });

  it('follower and stale answer at once, and say how old the contact is; too stale and behind the token are refused (B13, I16)', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    await world.time.outcome(world.put(leader, 'k', 'old'));
    await world.time.run(200);
    const follower = ['a', 'b', 'c'].find((id) => id !== leader) ?? '';
    assert.equal((await world.get(follower, 'k', { kind: 'follower', maxStalenessMs: 200 })).value, 'old');
    world.cut(follower);
    const { index } = await world.time.outcome(world.put(leader, 'k', 'new'));
    const token = { generation: 1, index };
    await assert.rejects(world.get(follower, 'k', { kind: 'follower', maxStalenessMs: 10_000, token }), failure('failed', 'behind-token'));
    await assert.rejects(world.get(follower, 'k', { kind: 'follower', maxStalenessMs: 10_000, token: { generation: 2, index: 1 } }), failure('failed', 'wrong-lineage'));
    await world.time.run(1000);
    await assert.rejects(world.get(follower, 'k', { kind: 'follower', maxStalenessMs: 500 }), failure('failed', 'too-stale'));
    assert.equal((await world.get(follower, 'k', { kind: 'stale' })).value, 'old');
    await assert.rejects(world.time.outcome(world.get(follower, 'k', { kind: 'linearizable' }, 300)), (error: unknown) => error instanceof CallError && error.outcome === 'failed');
  });

  it('follower at a leader that a quorum no longer answers are as old as its last contact (B13)', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    await world.time.run(200);
    world.cut(leader);
    await world.time.run(200);
    assert.equal(world.node(leader).status().role, 'leader', 'it has not noticed yet');
    await assert.rejects(world.get(leader, 'k', { kind: 'follower', maxStalenessMs: 100 }), failure('failed', 'too-stale'));
    world.heal();
    await world.time.run(100);
    assert.ok(((await world.get(leader, 'k', { kind: 'follower', maxStalenessMs: 100 })).leaderContactMs ?? 999) <= 100);
  });

  it('linearizable wait at a member whose disk is behind, until it has applied what the leader had committed', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    await world.time.run(100);
    const follower = ['a', 'b', 'c'].find((id) => id !== leader) ?? '';
    world.host(follower).raft.delayMs = 80;
    const { index } = await world.time.outcome(world.put(leader, 'k', 'new'));
    assert.ok(world.node(follower).status().appliedIndex < index);
    const read = await world.time.outcome(world.get(follower, 'k'));
    assert.deepEqual([read.value, read.index >= index], ['new', true]);
  });

  it('of one turn share one read index', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    await world.time.outcome(world.put(leader, 'k', 'v'));
    let inputs = 0;
    const follower = ['a', 'b', 'c'].find((id) => id !== leader) ?? '';
    world.crash(follower);
    await world.boot(follower, { stepped: (_before, input) => void (inputs += input.kind === 'read' ? 1 : 0) });
    await world.time.run(300);
    const answers = await world.time.outcome(Promise.all(Array.from({ length: 50 }, () => world.get(follower, 'k'))));
    assert.ok(answers.every(({ value }) => value === 'v'));
    assert.equal(inputs, 1);
  });
});

describe('storage failure', () => {
  it('ends the member at once: nothing leaves it any more, and its callers are told unknown (I21, B22)', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    const host = world.host(leader);
    await world.time.run(100);
    host.raft.delayMs = 20;
    host.raft.failure = new Error('EIO: fsync');
    const put = world.put(leader, 'k', 'v');
    const ended = put.catch((error: unknown) => error);
    await world.time.until('the process ends', () => host.fatal !== null);
    const sent = host.sent.length;
    await world.time.run(500);
    assert.equal(host.sent.length, sent);
    const error = await ended;
    assert.ok(error instanceof CallError && error.outcome === 'unknown' && error.rule === 'storage-failed', String(error));
    // What it had sent may have been committed by the others: a restart reads the disk anew.
    world.crash(leader);
    await world.boot(leader);
    await world.elect();
    await world.time.until('all are even', () => world.isEven());
    assert.deepEqual(world.violations, []);
  });

  it('of the state machine ends the member too', async () => {
    const world = await MiniWorld.start({ kv: { flushCommands: 1 } });
    const leader = await world.elect();
    world.host(leader).state.failure = new Error('ENOSPC');
    await world.time.outcome(Promise.allSettled([world.put(leader, 'k', '1')]));
    await world.time.outcome(Promise.allSettled([world.put(leader, 'k', '2')]));
    await world.time.until('the process ends', () => world.host(leader).fatal !== null);
  });
});

describe('a stalled event loop (B1)', () => {
  it('handles what arrived before it counts the lost time: no election after a stall', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    await world.time.run(200);
    const { term } = world.node(leader).status();
    const follower = ['a', 'b', 'c'].find((id) => id !== leader) ?? '';
    world.host(follower).clock.stalledUntilMs = world.time.nowMs + 2000;
    await world.time.run(3000);
    assert.equal(world.node(follower).status().term, term);
    assert.equal(world.node(follower).status().role, 'follower');
    assert.ok(world.node(follower).status().eventLoopDelayMs >= 1900);
  });
});

describe('lineage (B23, I17)', () => {
  it('refuses envelopes of another cluster, generation, addressee, version or sender, and changes nothing', async () => {
    const world = await MiniWorld.start();
    const leader = await world.elect();
    await world.time.run(100);
    const follower = ['a', 'b', 'c'].find((id) => id !== leader) ?? '';
    const host = world.host(follower);
    const real = world.host(leader).sent.find(({ to, body }) => to === follower && body.kind === 'append');
    assert.ok(real !== undefined);
    const body = { ...real.body, term: 99 } as typeof real.body;
    const before = JSON.stringify(world.node(follower).status());
    const cases = [
      { ...real, body, clusterId: 'other' },
      { ...real, body, generation: 2 },
      { ...real, body, to: 'z' },
      { ...real, body, version: 2 },
      { ...real, body, from: 'z' },
      { ...real, body: { ...body, to: 'z' } },
      { ...real, from: follower, body: { ...body, from: follower } },
    ];
    host.refused = [];
    for (const envelope of cases) host.receive?.(envelope);
    assert.equal(JSON.stringify(world.node(follower).status()), before);
    assert.deepEqual(host.refused.map((line) => line.split(' ')[0]), ['wrong-cluster', 'wrong-generation', 'wrong-addressee', 'wrong-version', 'wrong-sender', 'wrong-addressee', 'wrong-sender']);
  });
});
