import assert from 'node:assert/strict';
import fc from 'fast-check';
import { KvMachine } from '../../../src/engine/machines/kv/kv-machine.ts';
import { decodeKvCommand, decodeKvResult, encodeKvCommand, KV_MAX_KEY_BYTES, KV_MAX_VALUE_BYTES, type KvCommand } from '../../../src/engine/native/kv-command.ts';
import { decodeKvAnswer, decodeKvEvent, encodeKvQuery, encodeKvWatch, type KvEvent } from '../../../src/engine/native/kv-query.ts';
import { StorageDamagedError } from '../../../src/engine/ports/damage.ts';
import { CallError } from '../../../src/engine/ports/node-api.ts';
import { MemoryKvStore } from '../../helpers/memory-kv-store.ts';
import { Bench, bytes, put, text } from '../../helpers/kv-bench.ts';

describe('kv machine', () => {
  it('puts, reads, deletes, and gives each key the index that wrote it last', async () => {
    const bench = new Bench();
    const results = await bench.run(put('a', '1'), put('a', '2'), { op: 'delete', key: bytes('b') }, { op: 'delete', key: bytes('a') }, put('c', '3'));
    assert.deepEqual(results, [
      { status: 'ok', revision: 1, existed: false },
      { status: 'ok', revision: 2, existed: true },
      { status: 'ok', revision: 3, existed: false },
      { status: 'ok', revision: 4, existed: true },
      { status: 'ok', revision: 5, existed: false },
    ]);
    assert.deepEqual([bench.get('a'), bench.get('c')], [null, '3@5']);
  });

  it('swaps only when the expected value, revision or absence holds, and says what is there', async () => {
    const bench = new Bench();
    const cas = (expected: Extract<KvCommand, { op: 'cas' }>['expected'], value: string): KvCommand => ({ op: 'cas', key: bytes('k'), expected, value: bytes(value) });
    const results = await bench.run(
      cas({ kind: 'value', value: bytes('x') }, '0'),
      cas({ kind: 'absent' }, '1'),
      cas({ kind: 'absent' }, '2'),
      cas({ kind: 'value', value: bytes('1') }, '3'),
      cas({ kind: 'revision', revision: 2 }, '4'),
      cas({ kind: 'revision', revision: 4 }, '5'),
    );
    assert.deepEqual(
      results.map((one) => (one.status === 'conflict' ? (one.found === null ? 'none' : `${text(one.found.value)}@${one.found.revision}`) : one.status)),
      ['none', 'ok', '1@2', 'ok', '3@4', 'ok'],
    );
    assert.equal(bench.get('k'), '5@6');
  });

  it('appends, and refuses a value beyond the limit without changing anything', async () => {
    const bench = new Bench();
    const half = new Uint8Array(KV_MAX_VALUE_BYTES / 2 + 1);
    const results = await bench.run({ op: 'append', key: bytes('k'), value: half }, { op: 'append', key: bytes('k'), value: half }, { op: 'append', key: bytes('s'), value: bytes('x') }, { op: 'append', key: bytes('s'), value: bytes('y') });
    assert.deepEqual(results.map((one) => one.status), ['ok', 'bad', 'ok', 'ok']);
    assert.equal(bench.get('s'), 'xy@4');
  });

  it('answers broken commands and queries with a result that says so, and never throws', async () => {
    const bench = new Bench();
    await bench.run(put('a', '1'));
    const before = bench.machine.stateHash();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), async (payload) => {
        const isCommand = (() => {
          try {
            decodeKvCommand(payload);
            return true;
          } catch {
            return false;
          }
        })();
        fc.pre(!isCommand);
        const [result] = await bench.machine.apply([{ index: ++bench.index, term: 1, wallClockMs: 0, payload }], bench.index);
        assert.equal(decodeKvResult(result ?? new Uint8Array()).status, 'bad');
        const answer = decodeKvAnswer(bench.machine.query(payload));
        assert.ok(['bad', 'value', 'range'].includes(answer.kind));
      }),
      { numRuns: 300, seed: 7 },
    );
    assert.equal(bench.machine.stateHash(), before);
    assert.throws(() => bench.machine.watch(Uint8Array.of(9), () => undefined), (error) => error instanceof CallError && error.rule === 'bad-request');
    assert.throws(() => encodeKvCommand(put('x'.repeat(KV_MAX_KEY_BYTES + 1), '')), RangeError);
    assert.throws(() => encodeKvCommand(put('', '')), RangeError);
  });

  it('behaves as a map does, whatever is waiting, being stored or stored (I5: same commands, same state, same hash)', async () => {
    const key = fc.constantFrom('a', 'ab', 'b', 'ba', 'c');
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ op: fc.constant('put' as const), key, value: fc.string({ maxLength: 4 }) }) },
      { weight: 2, arbitrary: fc.record({ op: fc.constant('delete' as const), key }) },
      { weight: 2, arbitrary: fc.record({ op: fc.constant('append' as const), key, value: fc.string({ maxLength: 3 }) }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('yield' as const) }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('restart' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), async (steps, flushCommands) => {
        const bench = new Bench(new MemoryKvStore(), { flushCommands });
        const log: Uint8Array[] = [];
        const model = new Map<string, { value: string; revision: number }>();
        for (const one of steps) {
          if (one.op === 'yield') await Promise.resolve();
          else if (one.op === 'restart') {
            // What was not stored comes again from the log.
            const from = await bench.restart();
            assert.ok(from <= log.length);
            await bench.machine.apply(log.slice(from).map((payload, at) => ({ index: from + at + 1, term: 1, wallClockMs: 0, payload })), log.length);
          } else {
            const command: KvCommand = one.op === 'delete' ? { op: 'delete', key: bytes(one.key) } : { op: one.op, key: bytes(one.key), value: bytes(one.value) };
            log.push(encodeKvCommand(command));
            await bench.run(command);
            if (one.op === 'delete') model.delete(one.key);
            else model.set(one.key, { value: one.op === 'put' ? one.value : (model.get(one.key)?.value ?? '') + one.value, revision: bench.index });
          }
          const expected = [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { value, revision }]) => `${name}=${value}@${revision}`);
          assert.deepEqual(bench.range('').pairs.map((pair) => `${text(pair.key)}=${text(pair.value)}@${pair.revision}`), expected);
          assert.deepEqual(bench.range('a').pairs.length, expected.filter((line) => line.startsWith('a')).length);
        }
        const other = new Bench();
        await other.machine.apply(log.map((payload, at) => ({ index: at + 1, term: 1, wallClockMs: 0, payload })), log.length);
        assert.equal(bench.machine.stateHash(), other.machine.stateHash());
      }),
      { numRuns: 150, seed: 3 },
    );
  });

  it('pages through a range, long keys included, with no key twice or missing', async () => {
    const bench = new Bench(new MemoryKvStore(), { flushCommands: 7 });
    const long = 'p'.repeat(1100);
    const names = [...Array.from({ length: 25 }, (_, n) => `p${String(n).padStart(3, '0')}`), ...['x', 'y', 'z'].map((tail) => long + tail), 'q'];
    for (const name of names) await bench.run(put(name, name.slice(-3)));
    const seen: string[] = [];
    let continuation: Uint8Array | null = null;
    do {
      const page = bench.range('p', 4, continuation);
      assert.ok(page.pairs.length <= 4);
      seen.push(...page.pairs.map((pair) => text(pair.key)));
      ({ continuation } = page);
    } while (continuation !== null);
    assert.deepEqual([...seen].sort(), names.filter((name) => name.startsWith('p')).sort());
    assert.equal(new Set(seen).size, seen.length);
    assert.deepEqual(bench.range(`${long}y`).pairs.map((pair) => text(pair.key).at(-1)), ['y']);
    assert.equal(bench.get(`${long}z`), `ppz@28`);
  });

  it('ends a range answer by bytes', async () => {
    const bench = new Bench();
    for (let n = 0; n < 5; n++) await bench.run({ op: 'put', key: bytes(`k${n}`), value: new Uint8Array(600 * 1024) });
    const page = bench.range('');
    assert.equal(page.pairs.length, 2);
    assert.equal(text(page.continuation ?? bytes('')), 'k2');
  });

  it('stores applied index, digest and pairs in one transaction', async () => {
    const bench = new Bench(new MemoryKvStore(), { flushCommands: 3 });
    await bench.run(put('a', '1'), put('b', '2'));
    assert.equal(await bench.restart(), 0);
    bench.index = 0;
    await bench.run(put('a', '1'), put('b', '2'), put('c', '3'));
    await bench.machine.close();
    assert.equal(bench.store.transactions.length, 1);
    const hash = bench.machine.stateHash();
    assert.equal(await bench.restart(), 3);
    assert.equal(bench.machine.stateHash(), hash);
    assert.equal(bench.get('b'), '2@2');
  });

  it('remembers entries that are no commands as applied, and refuses a command applied before (M47)', async () => {
    const bench = new Bench();
    await bench.machine.apply([], 7);
    assert.equal(bench.machine.appliedIndex(), 7);
    await assert.rejects(bench.machine.apply([{ index: 7, term: 1, wallClockMs: 0, payload: encodeKvCommand(put('a', '1')) }], 7), /applied before/);
  });

  it('shows a failed commit at the next call and never goes on (I21)', async () => {
    const bench = new Bench(new MemoryKvStore(), { flushCommands: 1 });
    bench.store.failNext(new Error('EIO'), false);
    await bench.run(put('a', '1'));
    await new Promise((resolve) => setImmediate(resolve));
    await assert.rejects(bench.run(put('b', '2')), /EIO/);
    await assert.rejects(bench.machine.snapshot(), /EIO/);
  });

  it('refuses a record whose checksum does not fit (B22)', async () => {
    const bench = new Bench(new MemoryKvStore(), { flushCommands: 1 });
    await bench.run(put('a', '1'));
    await bench.machine.close();
    const damaged = bench.store.withValue('kv-data-1', bytes('a'), (value) => value.fill((value.at(-6) ?? 0) ^ 1, -6, -5));
    const machine = new KvMachine(damaged);
    await machine.open();
    assert.throws(() => machine.query(encodeKvQuery({ kind: 'get', key: bytes('a') })), (error) => error instanceof StorageDamagedError && error.rule === 'kv-record');
  });
});

describe('kv watch', () => {
  const watching = (bench: Bench, prefix: string, fromRevision: number | null): { events: KvEvent[]; stop: () => void } => {
    const events: KvEvent[] = [];
    return { events, stop: bench.machine.watch(encodeKvWatch({ prefix: bytes(prefix), fromRevision }), (event) => void events.push(decodeKvEvent(event))) };
  };

  it('tells changes below a prefix from now on or from a held revision, in order, once', async () => {
    const bench = new Bench();
    await bench.run(put('a1', 'x'), put('b1', 'x'));
    const fromNow = watching(bench, 'a', null);
    const fromFirst = watching(bench, 'a', 1);
    await bench.run(put('a2', 'y'), { op: 'delete', key: bytes('a1') }, { op: 'delete', key: bytes('a9') }, put('b2', 'z'));
    const shown = (events: KvEvent[]): string[] => events.map((event) => `${event.kind} ${event.kind === 'lost' ? '' : text(event.key)}@${event.revision}`);
    assert.deepEqual(shown(fromNow.events), ['put a2@3', 'delete a1@4']);
    assert.deepEqual(shown(fromFirst.events), ['put a1@1', 'put a2@3', 'delete a1@4']);
    fromNow.stop();
    await bench.run(put('a3', 'y'));
    assert.equal(fromNow.events.length, 2);
  });

  it('drops a watcher that throws, and goes on', async () => {
    const bench = new Bench();
    bench.machine.watch(encodeKvWatch({ prefix: bytes(''), fromRevision: null }), () => assert.fail('a broken stream'));
    const { events } = watching(bench, '', null);
    await bench.run(put('a', '1'), put('b', '2'));
    assert.equal(events.length, 2);
    assert.equal(bench.get('b'), '2@2');
  });

  it('refuses a revision that is no longer held, by number, by bytes and after a restart', async () => {
    const compacted = (error: unknown): boolean => error instanceof CallError && error.rule === 'compacted' && error.outcome === 'failed';
    const few = new Bench(new MemoryKvStore(), { maxEvents: 3, flushCommands: 1 });
    for (let n = 0; n < 9; n++) await few.run(put('k', String(n)));
    assert.throws(() => watching(few, '', 6), compacted);
    assert.equal(watching(few, '', 7).events.length, 3);
    const small = new Bench(new MemoryKvStore(), { maxEventBytes: 1000 });
    for (let n = 0; n < 9; n++) await small.run(put('k', 'v'.repeat(400)));
    assert.throws(() => watching(small, '', 7), compacted);
    assert.equal(watching(small, '', 8).events.length, 2);
    await few.machine.close();
    await few.restart();
    assert.throws(() => watching(few, '', 9), compacted);
    assert.equal(watching(few, '', 10).events.length, 0);
  });
});
