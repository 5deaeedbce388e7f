import assert from 'node:assert/strict';
import { encodeConfiguration } from '../../../../src/engine/core/configuration.ts';
import type { Entry } from '../../../../src/engine/core/entry.ts';
import { RefusedError } from '../../../../src/engine/errors.ts';
import { META_KEY } from '../../../../src/engine/native/layout.ts';
import { recoveryOf } from '../../../../src/engine/native/recovery-record.ts';
import type { KvStore } from '../../../../src/engine/ports/kv-store.ts';
import { type NativeBootstrap, nativeBootstrap, planNativeBootstrap, readRecoveries, recoveredId } from '../../../../src/engine/storage/bootstrap.ts';
import { initialise } from '../../../../src/engine/storage/initialise.ts';
import { LogStorage } from '../../../../src/engine/storage/log-storage.ts';
import { lmdbBed, memoryBed } from '../../storage/beds.ts';
import { identityOf, threeMembers } from '../../../helpers/native-writer.ts';

const WHY = { planId: 'p1', at: '2026-03-14T02:14:07Z', source: 'n1', floor: 4, verdict: 'unknown', proof: 'best-effort', statement: 's', facts: ['--dead n2,n3'] };

function bootstrap(over: Partial<NativeBootstrap> = {}): NativeBootstrap {
  return {
    from: { clusterId: 'c1', generation: 1, memberId: 'n1' },
    to: { clusterId: 'c1', generation: 2, memberId: 'n1-g2', name: 'n1' },
    address: null,
    term: 1003,
    keepTo: 8,
    wallClockMs: 1_773_454_447_000,
    why: WHY,
    ...over,
  };
}

const command = (index: number, term: number): Entry => ({ index, term, kind: 'command', wallClockMs: 0, payload: Uint8Array.of(index) });

/** Entries 1 (configuration, term 1), 2 to 6 of term 1, 7 and 8 of term 3; committed is 4. */
async function filled(kv: KvStore): Promise<void> {
  await initialise(kv, identityOf('n1'), threeMembers());
  const storage = new LogStorage(kv);
  await storage.open();
  const entries = [2, 3, 4, 5, 6].map((index) => command(index, 1));
  await storage.commit({ hardState: { term: 1, vote: 'n1', commit: 4 }, truncateFrom: null, entries, install: null });
  await storage.commit({ hardState: { term: 3, vote: 'n2', commit: 4 }, truncateFrom: null, entries: [command(7, 3), command(8, 3)], install: null });
}

const rule = (wanted: string) => (error: unknown): boolean => error instanceof RefusedError && error.rule === wanted;

for (const [name, bed] of [['memory', memoryBed], ['LMDB', lmdbBed]] as const) {
  describe(`native bootstrap over ${name}`, () => {
    it('begins a new lineage in one transaction; the tail and its chain stay, nothing in doubt becomes committed', async () => {
      const place = await bed();
      const { kv } = place;
      try {
        await filled(kv);
        const before = new LogStorage(kv);
        await before.open();
        const chain = before.chainHash(8);
        await kv.transact(planNativeBootstrap(kv, bootstrap()));
        const fresh = await place.reopen();
        const storage = new LogStorage(fresh);
        const stored = await storage.open();
        assert.deepEqual(stored.identity, { clusterId: 'c1', generation: 2, memberId: 'n1-g2', name: 'n1', machine: 'kv' });
        assert.deepEqual(stored.hardState, { term: 1003, vote: '', commit: 4 });
        assert.equal(storage.chainHash(8), chain);
        const [entry] = storage.entries(9, 10, 1 << 20);
        assert.deepEqual([entry?.term, entry?.kind], [1003, 'confChange']);
        const newest = stored.configurations.at(-1);
        assert.deepEqual(newest, { index: 9, configuration: { members: [{ id: 'n1-g2', name: 'n1', address: '127.0.0.1:7001', role: 'voter' }], tombstones: ['n1', 'n2', 'n3'], changes: [] } });
        const mark = recoveryOf(entry?.payload ?? new Uint8Array());
        assert.deepEqual(mark, { ...WHY, from: { clusterId: 'c1', generation: 1, memberId: 'n1' }, to: { clusterId: 'c1', generation: 2, memberId: 'n1-g2' }, last: { term: 3, index: 8 }, kept: { term: 3, index: 8 } });
        assert.deepEqual(readRecoveries(fresh), [mark], 'the record says the same, and outlives the entry');
      } finally {
        await place.dispose();
      }
    });

    it('drops what is behind keepTo, and remembers where the log had ended', async () => {
      const place = await bed();
      const { kv } = place;
      try {
        await filled(kv);
        await kv.transact(planNativeBootstrap(kv, bootstrap({ keepTo: 5 })));
        const storage = new LogStorage(kv);
        const stored = await storage.open();
        assert.equal(stored.log.sizes.length, 6);
        assert.deepEqual(storage.entries(5, 7, 1 << 20).map(({ index, term }) => [index, term]), [[5, 1], [6, 1003]]);
        const [mark] = readRecoveries(kv);
        assert.deepEqual([mark?.last, mark?.kept], [{ term: 3, index: 8 }, { term: 1, index: 5 }]);
      } finally {
        await place.dispose();
      }
    });

    it('can be done again in a later generation; ids of every earlier member stay used', async () => {
      const place = await bed();
      const { kv } = place;
      try {
        await filled(kv);
        await kv.transact(planNativeBootstrap(kv, bootstrap()));
        const again = bootstrap({ from: { clusterId: 'c1', generation: 2, memberId: 'n1-g2' }, to: { clusterId: 'c1', generation: 3, memberId: 'n1-g3', name: 'n1' }, term: 2003, keepTo: 9, address: '10.0.0.9:7000', why: { ...WHY, planId: 'p2' } });
        await kv.transact(planNativeBootstrap(kv, again));
        const stored = await new LogStorage(kv).open();
        const configuration = stored.configurations.at(-1)?.configuration;
        assert.deepEqual(configuration?.tombstones, ['n1', 'n2', 'n3', 'n1-g2']);
        assert.equal(configuration.members[0]?.address, '10.0.0.9:7000');
        assert.deepEqual(readRecoveries(kv).map((one) => one.planId), ['p2', 'p1']);
        assert.throws(() => planNativeBootstrap(kv, again), rule('other-member'), 'a plan does not fit what it made');
      } finally {
        await place.dispose();
      }
    });
  });
}

describe('native bootstrap', () => {
  const refusals: { what: string; wanted: string; over: Partial<NativeBootstrap> }[] = [
    { what: 'the store of another member', wanted: 'other-member', over: { from: { clusterId: 'c1', generation: 1, memberId: 'n2' } } },
    { what: 'another generation than planned', wanted: 'other-member', over: { from: { clusterId: 'c1', generation: 2, memberId: 'n1' }, to: { clusterId: 'c1', generation: 3, memberId: 'n1-g3', name: '' } } },
    { what: 'a generation that does not grow', wanted: 'old-generation', over: { to: { clusterId: 'c1', generation: 1, memberId: 'x', name: '' } } },
    { what: 'a term that was seen', wanted: 'term-too-low', over: { term: 3 } },
    { what: 'more entries than there are', wanted: 'tail-out-of-reach', over: { keepTo: 9 } },
    { what: 'an id of a former member', wanted: 'id-reused', over: { to: { clusterId: 'c1', generation: 2, memberId: 'n3', name: '' } } },
  ];
  for (const { what, wanted, over } of refusals) {
    it(`refuses ${what}: ${wanted}`, async () => {
      const { kv } = await memoryBed();
      await filled(kv);
      assert.throws(() => planNativeBootstrap(kv, bootstrap(over)), rule(wanted));
    });
  }

  it('cuts a commit index that tells of entries which are gone', async () => {
    const { kv } = await memoryBed();
    await filled(kv);
    const outcome = nativeBootstrap(kv, bootstrap({ keepTo: 3 }));
    assert.equal(outcome.hardState.commit, 3);
  });

  it('falls back on the configuration before a dropped change, and still never uses its ids again', async () => {
    const { kv } = await memoryBed();
    await filled(kv);
    const storage = new LogStorage(kv);
    await storage.open();
    const grown = threeMembers();
    const configuration = { ...grown, members: [...grown.members, { id: 'n4', name: 'n4', address: '127.0.0.1:7004', role: 'learner' as const }] };
    await storage.commit({ hardState: null, truncateFrom: null, entries: [{ index: 9, term: 3, kind: 'confChange', wallClockMs: 0, payload: encodeConfiguration(configuration) }], install: null });
    await kv.transact(planNativeBootstrap(kv, bootstrap({ keepTo: 8 })));
    const stored = await new LogStorage(kv).open();
    assert.deepEqual(stored.configurations.at(-1)?.configuration.tombstones, ['n1', 'n2', 'n3', 'n4']);
    assert.deepEqual(stored.configurations.map((one) => one.index), [1, 9]);
  });

  it('stops at a damaged record instead of building on it', async () => {
    const { kv } = await memoryBed();
    await filled(kv);
    const bad = kv as unknown as { withValue(database: string, key: Uint8Array, change: (value: Uint8Array) => Uint8Array): KvStore };
    const broken = bad.withValue('meta', META_KEY.hardState, (value) => Uint8Array.from(value, (byte, at) => (at === 9 ? byte ^ 1 : byte)));
    assert.throws(() => planNativeBootstrap(broken, bootstrap()), { rule: 'record-damaged' });
  });

  it('leaves a record whose damage keeps the member from starting', async () => {
    const { kv } = await memoryBed();
    await filled(kv);
    await kv.transact(planNativeBootstrap(kv, bootstrap()));
    const bad = kv as unknown as { withValue(database: string, key: Uint8Array, change: (value: Uint8Array) => Uint8Array): KvStore };
    const broken = bad.withValue('meta', META_KEY.recoveries, (value) => Uint8Array.from(value, (byte, at) => (at === 40 ? byte ^ 1 : byte)));
    await assert.rejects(new LogStorage(broken).open(), { rule: 'record-damaged', where: 'raft/meta/recoveries' });
  });

  it('names members by generation, in place of an older suffix, and never twice', () => {
    assert.equal(recoveredId('n1', 2, new Set()), 'n1-g2');
    assert.equal(recoveredId('n1-g2', 3, new Set(['n1-g2'])), 'n1-g3');
    assert.equal(recoveredId('n1', 2, new Set(['n1-g2'])), 'n1-g2-2');
    assert.equal(recoveredId('n1-g2-2', 3, new Set()), 'n1-g3');
    assert.equal(recoveredId('x'.repeat(63), 12, new Set()), `${'x'.repeat(59)}-g12`);
  });
});
