import assert from 'node:assert/strict';
import { CallError } from '../../../src/engine/ports/node-api.ts';
import type { SnapshotChunk } from '../../../src/engine/ports/transport.ts';
import { MiniWorld } from '../../helpers/mini-world.ts';

const OPTIONS = { node: { snapshotEntries: 50, compactionMargin: 5 } };

async function fill(world: MiniWorld, leader: string, count: number, valueBytes = 10): Promise<void> {
  for (let n = 0; n < count; n += 10) {
    await world.time.outcome(Promise.all(Array.from({ length: 10 }, (_, at) => world.put(leader, `k${(n + at) % 37}`, Buffer.alloc(valueBytes, n + at)))));
  }
}

const others = (leader: string): [string, string] => ['a', 'b', 'c'].filter((id) => id !== leader) as [string, string];

describe('snapshots', () => {
  it('are taken by number of entries, two stay, and the log goes up to the older one (B18, I20)', async () => {
    const world = await MiniWorld.start(OPTIONS);
    const leader = await world.elect();
    await fill(world, leader, 300);
    await world.time.run(500);
    for (const id of ['a', 'b', 'c']) {
      const host = world.host(id);
      const snapshots = host.disk.files().filter((name) => name.startsWith('snapshots/'));
      assert.equal(snapshots.length, 2, `${id}: ${snapshots.join(' ')}`);
      const status = world.node(id).status();
      const covered = snapshots.map((name) => Number(name.split('-')[1])).sort((x, y) => x - y);
      assert.ok(status.firstIndex > 100, `${id} begins at ${status.firstIndex}`);
      assert.ok(status.firstIndex <= (covered[0] ?? 0) + 1, `${id}: log from ${status.firstIndex}, older snapshot ${covered[0]}`);
      assert.equal(status.snapshotIndex, covered[1]);
    }
  });

  it('are taken by bytes, and on demand; a second demand for the same state gives the same one', async () => {
    const world = await MiniWorld.start({ node: { snapshotBytes: 20_000 } });
    const leader = await world.elect();
    await fill(world, leader, 30, 1000);
    await world.time.run(100);
    assert.ok(world.node(leader).status().snapshotIndex > 0);
    const first = await world.time.outcome(world.node(leader).takeSnapshot());
    const second = await world.time.outcome(world.node(leader).takeSnapshot());
    assert.deepEqual(second, first);
    assert.equal(first.index, world.node(leader).status().appliedIndex);
    const file: Uint8Array[] = [];
    for await (const part of world.node(leader).readSnapshot(first.id)) file.push(part);
    assert.deepEqual(Buffer.concat(file), world.host(leader).disk.content(world.host(leader).disk.files().find((name) => name.includes(first.id)) ?? ''));
    assert.throws(() => world.node(leader).readSnapshot('1-1-0000000000000000'), (error) => error instanceof CallError && error.rule === 'bad-request');
  });

  it('count for compaction only once they are named on the disk, however slow it is (B18, I20)', async () => {
    const world = await MiniWorld.start({ ids: ['a'], node: { compactionMargin: 0 } });
    const leader = await world.elect();
    for (let taken = 0; taken < 2; taken++) {
      await fill(world, leader, 20);
      await world.time.outcome(world.node(leader).takeSnapshot());
    }
    await fill(world, leader, 20);
    const host = world.host(leader);
    host.raft.delayMs = 200;
    const written = world.put(leader, 'k', 'v');
    await world.time.run(5);
    const third = world.node(leader).takeSnapshot(); // its name waits behind the write that runs
    await world.time.run(50);
    const { firstIndex } = await world.time.outcome(world.node(leader).compact());
    await world.time.outcome(Promise.all([written, third]));
    assert.equal(host.fatal, null);
    assert.ok(firstIndex > 10 && firstIndex < 30, `the log begins at ${firstIndex}`);
    assert.ok(world.node(leader).status().firstIndex > firstIndex, 'it moved on once the third was named');
  });

  it('bring back a member that the log no longer reaches (B17, I19)', async () => {
    const world = await MiniWorld.start(OPTIONS);
    const leader = await world.elect();
    const [lagging] = others(leader);
    world.cut(lagging);
    await world.time.run(500); // silent for so long, it no longer holds back compaction
    await fill(world, leader, 400);
    const { firstIndex } = world.node(leader).status();
    assert.ok(world.node(lagging).status().lastEntry.index + 1 < firstIndex);
    world.heal();
    await world.time.until('all are even', () => world.isEven());
    assert.ok(world.node(lagging).status().firstIndex > 100, 'its log begins at the snapshot');
    await fill(world, leader, 20);
    await world.time.until('all are even again', () => world.isEven());
    assert.deepEqual(world.violations, []);
    world.crash(lagging);
    await world.boot(lagging);
    await world.time.until('even after a restart', () => world.isEven());
  });

  it('of many chunks arrive over a lossy link, resumed and in order (B17, M37)', async () => {
    const world = await MiniWorld.start({ node: { snapshotEntries: 1_000_000, compactionMargin: 0 } });
    const leader = await world.elect();
    const [lagging] = others(leader);
    world.cut(lagging);
    await world.time.run(500); // silent for so long, it no longer holds back compaction
    await fill(world, leader, 40, 200_000);
    await world.time.outcome(world.node(leader).takeSnapshot());
    await fill(world, leader, 10, 200_000);
    const newest = await world.time.outcome(world.node(leader).takeSnapshot());
    assert.ok(world.node(lagging).status().lastEntry.index + 1 < world.node(leader).status().firstIndex);
    let chunks = 0;
    world.isLost = ({ body }) => body.kind.startsWith('snapshot') && ++chunks % 4 === 3;
    await world.time.until('all are even', () => world.isEven(), 60_000);
    const sent = world.host(leader).sent.flatMap(({ body }) => (body.kind === 'snapshot-chunk' ? [body] : []));
    assert.ok(sent.length > 20, `${sent.length} chunks`);
    assert.ok(sent.some((chunk: SnapshotChunk, at) => at > 0 && chunk.offset <= (sent[at - 1]?.offset ?? 0)), 'something was sent again');
    assert.deepEqual([...new Set(sent.map((chunk) => chunk.snapshotId))], [newest.id]);
    assert.deepEqual(world.violations, []);
  });

  it('need to be sent once, however many newer ones are taken meanwhile: the log behind it waits (B18)', async () => {
    const world = await MiniWorld.start({ node: { snapshotEntries: 10, compactionMargin: 0 } });
    const leader = await world.elect();
    const [lagging] = others(leader);
    world.cut(lagging);
    await world.time.run(500);
    await fill(world, leader, 50, 100_000);
    world.delayMs = 25;
    world.heal();
    for (let n = 0; n < 150; n++) {
      world.put(leader, `busy${n % 10}`, 'v').catch(() => undefined);
      await world.time.run(5);
    }
    await world.time.until('all are even', () => world.isEven());
    const sent = world.host(leader).sent.flatMap(({ body }) => (body.kind === 'snapshot-chunk' ? [body.snapshotId] : []));
    assert.equal(new Set(sent).size, 1);
    assert.ok(world.node(leader).status().snapshotIndex - Number(sent[0]?.split('-')[1]) >= 50, 'newer ones were taken');
    assert.deepEqual(world.violations, []);
  });

  it('being received survive the crash of the sender: another leader takes over', async () => {
    const world = await MiniWorld.start({ node: { snapshotEntries: 1_000_000, compactionMargin: 0 } });
    const leader = await world.elect();
    const [lagging, other] = others(leader);
    world.cut(lagging);
    await world.time.run(500); // silent for so long, it no longer holds back compaction
    await fill(world, leader, 40, 200_000);
    await world.time.run(100);
    for (const id of [leader, other]) {
      await world.time.outcome(world.node(id).takeSnapshot());
    }
    await fill(world, leader, 10);
    await world.time.run(100);
    for (const id of [leader, other]) await world.time.outcome(world.node(id).takeSnapshot());
    world.heal();
    const chunksTo = (id: string): number => world.host(id).sent.filter(({ body }) => body.kind === 'snapshot-chunk').length;
    world.delayMs = 10;
    await world.time.until('the stream is under way', () => chunksTo(leader) >= 4);
    world.crash(leader);
    const next = await world.elect([other, lagging]);
    assert.equal(next, other);
    await world.boot(leader);
    await world.time.until('all are even', () => world.isEven(), 20_000);
    assert.ok(chunksTo(other) > 0);
    assert.deepEqual(world.violations, []);
  });

  it('a crash between naming and restoring is finished at the start (B24)', async () => {
    const world = await MiniWorld.start(OPTIONS);
    const leader = await world.elect();
    const [lagging] = others(leader);
    world.cut(lagging);
    await world.time.run(500); // silent for so long, it no longer holds back compaction
    await fill(world, leader, 400);
    const host = world.host(lagging);
    host.state.delayMs = 500; // the restore takes long, the naming does not
    world.heal();
    await world.time.until('the snapshot is named', () => world.node(lagging).status().snapshotIndex > 100);
    await world.time.run(20);
    assert.ok(world.node(lagging).status().appliedIndex < 100, 'not restored yet');
    world.crash(lagging);
    await world.boot(lagging);
    assert.ok(world.node(lagging).status().appliedIndex > 100);
    await world.time.until('all are even', () => world.isEven());
    assert.deepEqual(world.violations, []);
  });

  it('are restored only when their name is durable: a crash before leaves the old log with the old state (I7)', async () => {
    const world = await MiniWorld.start(OPTIONS);
    const leader = await world.elect();
    const [lagging] = others(leader);
    world.cut(lagging);
    await world.time.run(500);
    await fill(world, leader, 400);
    const host = world.host(lagging);
    host.raft.delayMs = 400;
    world.heal();
    const isWhole = (): boolean => host.sent.some(({ body }) => body.kind === 'snapshot-ack' && body.status === 'done');
    await world.time.until('the snapshot is whole', isWhole);
    await world.time.run(50);
    world.crash(lagging);
    await world.boot(lagging);
    assert.ok(world.node(lagging).status().appliedIndex < 100, 'the state is that of the log');
    await world.time.until('all are even', () => world.isEven());
  });

  it('a newest snapshot that is damaged is passed over for the older one and the log; with both gone the member refuses to start (B24)', async () => {
    const world = await MiniWorld.start(OPTIONS);
    const leader = await world.elect();
    await fill(world, leader, 300);
    await world.time.run(300);
    const [victim] = others(leader);
    world.crash(victim);
    const host = world.host(victim);
    const files = host.disk.files().filter((name) => name.startsWith('snapshots/'));
    files.sort((x, y) => Number(y.split('-')[1]) - Number(x.split('-')[1]));
    const damage = (name: string): void => {
      const content = world.host(victim).disk.content(name);
      world.host(victim).disk.plant(name, content.fill(0x55, Math.floor(content.length / 2)));
    };
    // Without its state the member needs a snapshot.
    for (const database of host.state.databases()) await host.state.transact([{ kind: 'drop', database }]);
    damage(files[0] ?? '');
    await world.boot(victim);
    await world.time.until('all are even', () => world.isEven());
    assert.deepEqual(world.violations, []);
    world.crash(victim);
    for (const database of world.host(victim).state.databases()) await world.host(victim).state.transact([{ kind: 'drop', database }]);
    for (const name of world.host(victim).disk.files()) damage(name);
    await assert.rejects(world.boot(victim), (error: unknown) => error instanceof Error && 'rule' in error && error.rule === 'state-unreachable');
  });

  it('never hold up heartbeats: no election while large ones are taken and sent', async () => {
    const world = await MiniWorld.start({ node: { snapshotEntries: 20, compactionMargin: 0 } });
    const leader = await world.elect();
    const { term } = world.node(leader).status();
    const [lagging] = others(leader);
    world.cut(lagging);
    await world.time.run(500); // silent for so long, it no longer holds back compaction
    await fill(world, leader, 100, 100_000);
    world.heal();
    await fill(world, leader, 100, 100_000);
    await world.time.until('all are even', () => world.isEven(), 20_000);
    assert.equal(world.node(leader).status().term, term);
  });
});
