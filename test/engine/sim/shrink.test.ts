import assert from 'node:assert/strict';
import type { KvStore } from '../../../src/engine/ports/kv-store.ts';
import type { Host } from '../../../src/engine/sim/host.ts';
import { renderShrunk, shrink } from '../../../src/engine/sim/shrink.ts';
import { runSeed } from '../../../src/engine/sim/simulation.ts';

/** A storage that says done before anything is on the disk: the bug of an fsync that was left out. */
function sayDoneTooEarly(host: Host): void {
  const open = host.raft.open.bind(host.raft);
  host.raft.open = (process): KvStore => {
    const inside = open(process);
    if (host.lives === 0) return inside; // while it is set up
    return {
      ...inside,
      transact: async (operations) => {
        inside.transact(operations).catch(() => undefined);
        return Promise.resolve();
      },
    };
  };
}

describe('shrinker (C.10)', () => {
  it('a storage that acknowledges before it stores is caught (M08), made small, and replayed', async function () {
    this.timeout(180_000);
    // No disk errors among the faults: they would show another rule first.
    const options = { seed: '3', prepare: sayDoneTooEarly, plan: { faults: ['drop', 'delay', 'reorder', 'isolate', 'crash', 'pause'] } } as const;
    const first = await runSeed(options);
    assert.equal(first.violations[0]?.rule, 'I11', JSON.stringify(first.violations[0]));
    const small = await shrink(options, 60);
    assert.equal(small.violation.rule, 'I11');
    assert.ok(small.keep.length <= first.fired.length);
    assert.ok(small.plan.voters + small.plan.clients <= first.plan.voters + first.plan.clients);
    assert.deepEqual(small.plan.faults, [], 'no fault is needed to see it');
    const again = await runSeed({ ...options, plan: small.plan, keep: new Set(small.keep) });
    assert.equal(again.traceHash, small.result.traceHash);
    const text = renderShrunk(small);
    assert.match(text, /breaks I11/);
    assert.match(text, /Chart/);
  });

  it('refuses a seed that breaks nothing', async () => {
    await assert.rejects(shrink({ seed: '3', plan: { faults: [], troubleUs: 500_000 } }), RangeError);
  });
});
