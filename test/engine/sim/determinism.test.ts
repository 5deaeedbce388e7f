import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { Counters } from '../../../src/engine/sim/counters.ts';
import { EventQueue, type SimEvent } from '../../../src/engine/sim/event-queue.ts';
import { Faults } from '../../../src/engine/sim/faults.ts';
import { forbidTheRealWorld, NondeterminismError } from '../../../src/engine/sim/guard.ts';
import { Prng } from '../../../src/engine/sim/prng.ts';
import { runSeed } from '../../../src/engine/sim/simulation.ts';

describe('determinism (C.2)', () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    it(`seed ${seed}, run twice, gives one trace`, async () => {
      const [first, second] = [await runSeed({ seed: String(seed) }), await runSeed({ seed: String(seed) })];
      assert.equal(first.traceHash, second.traceHash);
      assert.equal(first.events, second.events);
      assert.deepEqual(first.fired, second.fired);
    });
  }

  it('two seeds give two traces', async () => {
    const [first, second] = [await runSeed({ seed: '1' }), await runSeed({ seed: '2' })];
    assert.notEqual(first.traceHash, second.traceHash);
  });

  it('a replay by the list of what fired is the same run', async () => {
    const first = await runSeed({ seed: '5' });
    const again = await runSeed({ seed: '5', keep: new Set(first.fired) });
    assert.equal(again.traceHash, first.traceHash);
  });

  it('a replay that keeps nothing meets no fault', async () => {
    const calm = await runSeed({ seed: '5', keep: new Set() });
    assert.deepEqual([calm.fired, calm.violations], [[], []]);
  });

  it('keeping lines of the trace does not change the run', async () => {
    const [plain, kept] = [await runSeed({ seed: '6' }), await runSeed({ seed: '6', keepLines: 100 })];
    assert.equal(plain.traceHash, kept.traceHash);
    assert.ok(kept.lines.length > 0);
  });

  it('the real world is out of reach inside a run, and back after it', () => {
    const refused: string[] = [];
    const allow = forbidTheRealWorld((error) => refused.push(error.message));
    try {
      assert.throws(() => Date.now(), NondeterminismError);
      assert.throws(() => new Date(), NondeterminismError);
      assert.throws(() => performance.now(), NondeterminismError);
      assert.throws(() => Math.random(), NondeterminismError);
      assert.throws(() => randomBytes(8), NondeterminismError);
      assert.throws(() => globalThis.crypto.randomUUID(), NondeterminismError);
      assert.throws(() => setTimeout(() => undefined, 1), NondeterminismError);
      assert.throws(() => fs.readFileSync('/dev/null'), NondeterminismError);
      assert.throws(() => new WeakRef({}), NondeterminismError);
      assert.equal(new Date(0).getTime(), 0, 'a moment that is given is no clock');
    } finally {
      allow();
    }
    assert.equal(refused.length, 9);
    assert.ok(Date.now() > 0 && Math.random() < 1 && randomBytes(2).length === 2);
  });
});

describe('chance of the simulator', () => {
  it('splits do not depend on what was drawn', () => {
    const [fresh, used] = [Prng.fromSeed('0x1234567890abcdef'), Prng.fromSeed('0x1234567890abcdef')];
    for (let round = 0; round < 100; round += 1) used.nextU32();
    assert.equal(fresh.split('disk').nextU32(), used.split('disk').nextU32());
    assert.notEqual(fresh.split('disk').nextU32(), fresh.split('net').nextU32());
  });

  it('uses all 64 bits of a seed', () => {
    const draws = ['0', '1', String(2n ** 32n), String(2n ** 63n)].map((seed) => Prng.fromSeed(seed).nextU32());
    assert.equal(new Set(draws).size, draws.length);
  });

  it('is even', () => {
    const prng = Prng.fromSeed('7');
    const buckets = Array.from({ length: 16 }, () => 0);
    for (let draw = 0; draw < 160_000; draw += 1) {
      const bucket = prng.between(0, 16);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    for (const count of buckets) assert.ok(count > 9_500 && count < 10_500, String(count));
  });

  it('a fault class that is turned on does not shift the draws of another', () => {
    const draws = (classes: readonly ('drop' | 'pause')[]): boolean[] => {
      const faults = new Faults(Prng.fromSeed('3'), new Set(classes), null, new Counters());
      faults.isSuspended = false;
      const stream = faults.stream('link');
      return Array.from({ length: 200 }, () => {
        faults.fires('pause', faults.stream('pauses'), 0.5);
        return faults.fires('drop', stream, 0.3);
      });
    };
    assert.deepEqual(draws(['drop']), draws(['drop', 'pause']));
  });
});

describe('event queue', () => {
  it('gives events by time, then by tie-break, then in the order of insertion', () => {
    const queue = new EventQueue();
    const prng = Prng.fromSeed('9');
    const events = Array.from({ length: 2000 }, (_, order): SimEvent => ({ at: prng.between(0, 50), tie: prng.between(0, 4), order, owner: null, run: null }));
    for (const event of events) queue.push(event);
    const popped = events.map(() => queue.pop() as SimEvent);
    assert.equal(queue.pop(), undefined);
    const expected = [...events].sort((a, b) => a.at - b.at || a.tie - b.tie || a.order - b.order);
    assert.deepEqual(popped, expected);
  });
});
