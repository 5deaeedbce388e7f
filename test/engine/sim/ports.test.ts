import assert from 'node:assert/strict';
import { SimDisk } from '../../../src/engine/sim/disk.ts';
import { drawPartition, PARTITION_KINDS } from '../../../src/engine/sim/partitions.ts';
import { KvEnvironment } from '../../../src/engine/sim/kv.ts';
import { Prng } from '../../../src/engine/sim/prng.ts';
import { SimFile } from '../../../src/engine/sim/sim-file.ts';
import { diskConformance, kvConformance, storageConformance } from '../storage/storage-conformance.ts';
import type { KvBed } from '../storage/kv-conformance.ts';
import { PortBench } from './port-bench.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const put = (key: string, value: string) => ({ kind: 'put', database: 'a', key: bytes(key), value: bytes(value) }) as const;

async function kvBed(): Promise<KvBed> {
  const bench = new PortBench();
  const stop = bench.keepGoing();
  const environment = new KvEnvironment(bench.world, 'n1', 'raft', () => undefined);
  return Promise.resolve({
    kv: environment.open(bench.process()),
    reopen: async () => Promise.resolve(environment.open(bench.process())),
    dispose: async () => Promise.resolve(stop()),
  });
}

kvConformance('simulated', kvBed);
storageConformance('a simulated store', kvBed);
diskConformance('simulated', async () => {
  const bench = new PortBench();
  const stop = bench.keepGoing();
  return Promise.resolve({ disk: new SimDisk(bench.world, 'n1').open(bench.process()), dispose: async () => Promise.resolve(stop()) });
});

describe('simulated store', () => {
  it('a crash keeps waiting commits whole, in order, or not at all', async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 60; seed += 1) {
      const bench = new PortBench(String(seed));
      const environment = new KvEnvironment(bench.world, 'n1', 'raft', () => undefined);
      const process = bench.process();
      const kv = environment.open(process);
      await bench.run(kv.transact([put('k', '0')]));
      void kv.transact([put('k', '1'), put('l', '1')]);
      void kv.transact([put('k', '2')]);
      process.kill('crash');
      environment.crash();
      const [k, l] = ['k', 'l'].map((key) => Buffer.from(environment.content().get('a', bytes(key)) ?? []).toString());
      outcomes.add(`${k}${l}`);
    }
    assert.deepEqual([...outcomes].sort(), ['0', '11', '21']);
  });

  it('a failed commit may be on the disk all the same, and a dead process never hears of anything', async () => {
    const kept = new Set<boolean>();
    for (let seed = 0; seed < 4000 && kept.size < 2; seed += 1) {
      const bench = new PortBench(String(seed), ['commit-error']);
      const environment = new KvEnvironment(bench.world, 'n1', 'raft', () => undefined);
      const kv = environment.open(bench.process());
      const failed = await bench.run(kv.transact([put('k', '1')]).then(() => false, () => true));
      if (failed === true) kept.add(environment.content().get('a', bytes('k')) !== undefined);
    }
    assert.deepEqual([...kept].sort((a, b) => Number(a) - Number(b)), [false, true]);
    const bench = new PortBench();
    const process = bench.process();
    const kv = new KvEnvironment(bench.world, 'n1', 'raft', () => undefined).open(process);
    const waiting = kv.transact([put('k', '1')]);
    process.kill('crash');
    assert.equal(await bench.run(waiting), undefined);
  });

  it('damage changes exactly one value, and not what was read before', async () => {
    for (const how of ['bit-flip', 'zeroed', 'misdirected'] as const) {
      const bench = new PortBench('5');
      const environment = new KvEnvironment(bench.world, 'n1', 'raft', () => undefined);
      await bench.run(environment.open(bench.process()).transact([put('k', 'one'), put('l', 'two'), put('m', 'three')]));
      const before = ['k', 'l', 'm'].map((key) => environment.content().get('a', bytes(key)));
      const texts = before.map((value) => Buffer.from(value ?? []).toString('hex'));
      while (!environment.damage(how, () => true));
      const after = ['k', 'l', 'm'].map((key) => Buffer.from(environment.content().get('a', bytes(key)) ?? []).toString('hex'));
      assert.equal(after.filter((value, at) => value !== texts[at]).length, 1, how);
      assert.deepEqual(before.map((value) => Buffer.from(value ?? []).toString('hex')), texts, how);
    }
  });

  it('a view stays as it was while writes go on', async () => {
    const bench = new PortBench();
    const kv = new KvEnvironment(bench.world, 'n1', 'raft', () => undefined).open(bench.process());
    await bench.run(kv.transact([put('k', '1')]));
    const view = kv.view();
    await bench.run(kv.transact([put('k', '2'), put('j', '2')]));
    assert.deepEqual([...view.range('a')].map(([key, value]) => `${Buffer.from(key).toString()}=${Buffer.from(value).toString()}`), ['k=1']);
    view.release();
  });
});

describe('simulated disk', () => {
  it('loses a name that no directory sync covered, and keeps one that was', async () => {
    const found = new Set<string>();
    for (let seed = 0; seed < 40; seed += 1) {
      const bench = new PortBench(String(seed));
      const disk = new SimDisk(bench.world, 'n1');
      const port = disk.open(bench.process());
      await bench.run(port.makeDirectory('d'));
      for (const name of ['d/synced', 'd/new']) {
        const file = await bench.run(port.open(name, 'create'));
        await bench.run(file?.write(0, bytes('content')) ?? Promise.resolve());
        await bench.run(file?.sync() ?? Promise.resolve());
        if (name === 'd/synced') await bench.run(port.syncDirectory('d'));
      }
      disk.crash();
      found.add(disk.durableFiles().map((one) => one.path).join(' '));
    }
    assert.deepEqual([...found].sort(), ['d/new d/synced', 'd/synced']);
  });

  it('keeps any subset of the sectors that were not synced, and tears the last write', () => {
    const shapes = new Set<string>();
    let torn = 0;
    for (let seed = 0; seed < 200; seed += 1) {
      const file = new SimFile();
      file.write(0, new Uint8Array(2048).fill(1));
      file.sync();
      file.write(0, new Uint8Array(2048).fill(2));
      torn += file.crash(Prng.fromSeed(String(seed))).tornWrites;
      const content = file.durableBytes();
      shapes.add([0, 512, 1024, 1536].map((at) => content[at]).join(''));
      assert.ok(content.every((byte) => byte === 1 || byte === 2));
    }
    assert.ok(shapes.size >= 8, [...shapes].join(' '));
    assert.ok(torn > 5, String(torn));
  });

  it('a failed fsync drops the pages for good (ext4), or takes them back (Btrfs)', () => {
    const dropped = new SimFile();
    dropped.write(0, bytes('new'));
    dropped.forgetDirty();
    assert.equal(Buffer.from(dropped.read(0, 3)).toString(), 'new', 'the page cache still has it');
    dropped.crash(Prng.fromSeed('1'));
    assert.notEqual(dropped.durableBytes().toString(), 'new', 'the next fsync had nothing to write');
    const reverted = new SimFile();
    reverted.write(0, bytes('old'));
    reverted.sync();
    reverted.write(0, bytes('new'));
    reverted.revert();
    assert.equal(Buffer.from(reverted.read(0, 3)).toString(), 'old');
  });
});

describe('partitions', () => {
  const ids = ['a', 'b', 'c', 'd', 'e'];
  const connected = (kind: (typeof PARTITION_KINDS)[number], seed: string): Map<string, Set<string>> => {
    const cut = new Set(drawPartition(kind, ids, 'a', Prng.fromSeed(seed)).map(({ from, to }) => `${from}${to}`));
    return new Map(ids.map((from) => [from, new Set(ids.filter((to) => to === from || (!cut.has(from + to) && !cut.has(to + from))))]));
  };

  it('isolate: one alone, the others together', () => assert.deepEqual([...connected('isolate', '1').values()].map((seen) => seen.size).sort((a, b) => a - b), [1, 4, 4, 4, 4]));
  it('halves: 3 and 2', () => assert.deepEqual([...connected('halves', '1').values()].map((seen) => seen.size).sort((a, b) => a - b), [2, 2, 3, 3, 3]));
  it('bridge: one sees everybody, the sides see it and themselves', () => assert.deepEqual([...connected('bridge', '1').values()].map((seen) => seen.size).sort((a, b) => a - b), [3, 3, 3, 3, 5]));
  it('ring: each sees a majority, no two the same', () => {
    const seen = [...connected('ring', '1').values()].map((one) => [...one].sort().join(''));
    assert.deepEqual(seen.map((one) => one.length), [3, 3, 3, 3, 3]);
    assert.equal(new Set(seen).size, 5);
  });
  it('one-way: one direction only', () => {
    const cuts = drawPartition('one-way', ids, 'a', Prng.fromSeed('1'));
    assert.equal(cuts.length, 4);
    assert.ok(cuts.every(({ from }) => from === 'a') || cuts.every(({ to }) => to === 'a'));
  });
  it('swizzle: cut one by one, restored in another order', () => {
    const cuts = drawPartition('swizzle', ids, 'a', Prng.fromSeed('4'));
    assert.ok(new Set(cuts.map((cut) => cut.cutUs)).size > 1 && new Set(cuts.map((cut) => cut.restoreUs)).size > 1);
    assert.ok(cuts.every((cut) => cut.restoreUs > cut.cutUs));
  });
});
