import assert from 'node:assert/strict';
import { KvMachine } from '../../../src/engine/machines/kv/kv-machine.ts';
import { decodeKvEvent, encodeKvWatch, type KvEvent } from '../../../src/engine/native/kv-query.ts';
import { encodeRecord, placeOf } from '../../../src/engine/native/kv-record.ts';
import { KvStateHash } from '../../../src/engine/native/kv-state-hash.ts';
import { StorageDamagedError } from '../../../src/engine/ports/damage.ts';
import { MemoryKvStore } from '../../helpers/memory-kv-store.ts';
import { Bench, bytes, collect, pieces, put } from '../../helpers/kv-bench.ts';

describe('kv snapshot', () => {
  async function filled(count: number): Promise<Bench> {
    const bench = new Bench(new MemoryKvStore(), { flushCommands: 16 });
    for (let n = 0; n < count; n++) await bench.run(put(`key-${n % 200}`, `value ${n} ${'x'.repeat(n % 97)}`));
    return bench;
  }

  it('is the state of one index, however much is written while it streams (I19)', async () => {
    const bench = await filled(500);
    const wanted = bench.machine.snapshot();
    void bench.run(put('later', '1'));
    const view = await wanted;
    const reference = await filled(500);
    assert.equal(view.index, 500);
    assert.equal(view.stateHash, reference.machine.stateHash());
    const stream = collect(view.chunks());
    for (let n = 0; n < 50; n++) await bench.run(put(`key-${n}`, 'overwritten'));
    const content = await stream;
    view.release();
    assert.deepEqual(content, await collect((await reference.machine.snapshot()).chunks()), 'equal states, equal bytes');

    const target = new Bench();
    await target.run(put('old', '1'));
    const events: KvEvent[] = [];
    target.machine.watch(encodeKvWatch({ prefix: bytes(''), fromRevision: null }), (event) => void events.push(decodeKvEvent(event)));
    await target.machine.restore(view.index, view.stateHash, pieces(content, 1000));
    assert.equal(target.machine.appliedIndex(), 500);
    assert.equal(target.machine.stateHash(), view.stateHash);
    assert.equal(target.get('old'), null);
    assert.deepEqual(events, [{ kind: 'lost', revision: 500 }]);
    assert.equal(target.store.databases().filter((name) => name.startsWith('kv-data')).length, 1);
    assert.equal(await target.restart(), 500);
    assert.equal(target.machine.stateHash(), view.stateHash);
  });

  it('refuses content that is cut, changed, out of order or hashes to something else, and keeps the old state', async () => {
    const source = await filled(60);
    const view = await source.machine.snapshot();
    const content = Buffer.from(await collect(view.chunks()));
    const target = new Bench();
    await target.run(put('old', '1'));
    const swapped = (): Buffer => {
      const hash = KvStateHash.empty();
      hash.add(bytes('a'), bytes('1'), 1);
      const frame = (key: string): Buffer => {
        const record = Buffer.from(encodeRecord({ key: bytes(key), value: bytes('1'), revision: 1 }));
        return Buffer.concat([Buffer.from([0, 0, 0, record.length]), record]);
      };
      return Buffer.concat([content.subarray(0, 5), frame('b'), frame('a')]);
    };
    const flipped = Buffer.from(content);
    flipped[content.length - 7] = (flipped[content.length - 7] ?? 0) ^ 1;
    const cases: [string, Buffer, string][] = [
      ['cut', content.subarray(0, -3), view.stateHash],
      ['changed', flipped, view.stateHash],
      ['out of order', swapped(), view.stateHash],
      ['no head', content.subarray(5), view.stateHash],
      ['empty', Buffer.alloc(0), view.stateHash],
      ['other hash', content, '0'.repeat(64)],
    ];
    for (const [name, bad, hash] of cases) {
      await assert.rejects(target.machine.restore(60, hash, pieces(bad, 100)), (error) => error instanceof StorageDamagedError, name);
      assert.equal(target.get('old'), '1@1', name);
    }
    assert.equal(await target.restart(), 1, 'leftovers go, the old state is there');
    assert.equal(target.get('old'), '1@1');
    assert.equal(target.store.databases().filter((one) => one.startsWith('kv-data')).length, 1);
  });

  it('leaves the old or the new state wherever a crash cuts a restore short', async () => {
    const source = await filled(300);
    const view = await source.machine.snapshot();
    const content = await collect(view.chunks());
    const target = new Bench();
    await target.run(put('old', '1'));
    await target.machine.close();
    const before = target.machine.stateHash();
    const whole = target.store.reopen();
    const machine = new KvMachine(whole);
    await machine.open();
    await machine.restore(300, view.stateHash, pieces(content, 4096));
    for (let cut = 0; cut <= whole.transactions.length; cut++) {
      const store = target.store.reopen();
      for (const operations of whole.transactions.slice(0, cut)) await store.transact(operations);
      const after = new KvMachine(store);
      const { appliedIndex } = await after.open();
      assert.ok((appliedIndex === 1 && after.stateHash() === before) || (appliedIndex === 300 && after.stateHash() === view.stateHash), `after ${cut} transactions`);
    }
    assert.ok(whole.transactions.length >= 3);
  });

  it('is taken beside a restore at any moment without undoing it', async () => {
    const source = await filled(4);
    const view = await source.machine.snapshot();
    const content = await collect(view.chunks());
    for (let turns = 0; turns < 120; turns++) {
      const target = new Bench(new MemoryKvStore(), { flushCommands: 1000 });
      await target.run(put('old', '1'));
      const restoring = target.machine.restore(4, view.stateHash, pieces(content, 1 << 20));
      for (let n = 0; n < turns; n++) await Promise.resolve();
      const other = await target.machine.snapshot();
      await restoring;
      assert.ok(other.index === 4 || other.index === 1);
      assert.ok((await collect(other.chunks())).length > 20);
      assert.equal(await target.restart(), 4, `after ${turns} turns`);
      assert.equal(target.machine.stateHash(), view.stateHash);
      assert.equal(target.range('').pairs.length, 4);
    }
  });

  it('gives long keys a place that a short key cannot take', () => {
    const long = new Uint8Array(1025).fill(7);
    assert.equal(placeOf(long).length, 1056);
    assert.equal(placeOf(long.subarray(0, 1024)).length, 1024);
  });
});
