import assert from 'node:assert/strict';
import { encodeBatch } from '../../../src/engine/native/batch-record.ts';
import { EMPTY_CHAIN } from '../../../src/engine/native/chain-hash.ts';
import { indexKey, META_KEY } from '../../../src/engine/native/layout.ts';
import { encodePosition, encodeHardState } from '../../../src/engine/native/position-records.ts';
import { encodeSnapshotNames } from '../../../src/engine/native/named-records.ts';
import { StorageDamagedError, StorageFailedError, StorageMisuseError } from '../../../src/engine/ports/damage.ts';
import type { StorageWrite } from '../../../src/engine/ports/storage.ts';
import { LogStorage } from '../../../src/engine/storage/log-storage.ts';
import { MemoryKvStore } from '../../helpers/memory-kv-store.ts';
import { entries, entry, newStorage, plain, snapshotAt, write } from './storage-fixtures.ts';

const SEGMENT = 'log-0000000000000001';
const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));

/** Entries 1 to 9 in four batches, a snapshot at 4, a vote. */
async function filled(): Promise<MemoryKvStore> {
  const kv = new MemoryKvStore();
  const storage = await newStorage(kv);
  await storage.commit(write({ entries: entries(2, 6) }));
  await storage.commit(write({ entries: entries(6, 9), hardState: { term: 2, vote: 'n2', commit: 7 } }));
  await storage.commit(write({ entries: [entry(9, 2)], snapshots: [snapshotAt(4, 1, storage.chainHash(4) ?? '')] }));
  return kv;
}

async function ruleAtOpen(kv: MemoryKvStore): Promise<string> {
  const transactions = kv.transactions.length;
  try {
    await new LogStorage(kv).open();
  } catch (error) {
    assert.ok(error instanceof StorageDamagedError, String(error));
    assert.ok(error.where.startsWith('raft'), error.where);
    assert.equal(kv.transactions.length, transactions, 'nothing is repaired');
    return error.rule;
  }
  return 'opened';
}

describe('log storage: damage', () => {
  it('B22: a whole batch of another place is no batch of this one, found while running as well', async () => {
    const sound = await filled();
    const misdirected = sound.get(SEGMENT, indexKey(6)) ?? null;
    // The walk at the start sees the sound store; the write goes astray afterwards.
    let isAstray = false;
    const get = sound.get.bind(sound);
    sound.get = (database, key) => (isAstray && database === SEGMENT && Buffer.compare(key, indexKey(2)) === 0 ? (misdirected ?? undefined) : get(database, key));
    const storage = new LogStorage(sound);
    await storage.open();
    isAstray = true;
    assert.throws(() => storage.entries(2, 9, 1e6), (error) => error instanceof StorageDamagedError && error.rule === 'batch-misplaced');
  });

  it('B24: finds every flipped bit of every record at open', async () => {
    const kv = await filled();
    let flips = 0;
    for (const database of kv.databases()) {
      for (const [key, value] of kv.range(database)) {
        for (let at = 0; at < value.length; at++) {
          const bit = 1 << (at % 8);
          const damaged = kv.withValue(database, key, (bytes) => bytes.with(at, (bytes[at] ?? 0) ^ bit));
          assert.equal(await ruleAtOpen(damaged), 'record-damaged', `${database} ${Buffer.from(key).toString('latin1')} byte ${at}`);
          flips++;
        }
      }
    }
    assert.ok(flips > 1500, String(flips));
  });

  it('B24: finds every record that is missing', async () => {
    const kv = await filled();
    for (const [database, key, rule] of [
      // A store that was never recovered has no record of recoveries.
      ...Object.values(META_KEY).filter((one) => one !== META_KEY.recoveries).map((one) => ['meta', one, 'record-missing'] as const),
      ['tail', ascii('tail-copy'), 'record-missing'] as const,
      [SEGMENT, indexKey(1), 'log-gap'] as const,
      [SEGMENT, indexKey(2), 'log-gap'] as const,
      [SEGMENT, indexKey(6), 'log-gap'] as const,
      [SEGMENT, indexKey(9), 'tail-lost'] as const,
    ]) {
      assert.equal(await ruleAtOpen(kv.withValue(database, key, () => null)), rule, `${database} ${Buffer.from(key).toString('latin1')}`);
    }
    assert.equal(await ruleAtOpen(new MemoryKvStore()), 'record-missing');
  });

  it('B24: refuses what cannot be true although every checksum holds', async () => {
    const kv = await filled();
    const storage = new LogStorage(kv.reopen());
    await storage.open();
    const chain = (index: number): Uint8Array => Buffer.from(storage.chainHash(index) ?? '', 'hex');
    const cases: readonly [string, () => MemoryKvStore][] = [
      ['commit-beyond-log', () => kv.withValue('meta', META_KEY.hardState, () => encodeHardState({ term: 2, vote: '', commit: 10 }))],
      ['term-below-log', () => kv.withValue('meta', META_KEY.hardState, () => encodeHardState({ term: 1, vote: '', commit: 7 }))],
      ['commit-below-snapshot', () => kv.withValue('meta', META_KEY.hardState, () => encodeHardState({ term: 2, vote: '', commit: 3 }))],
      ['tail-differs', () => kv.withValue('meta', META_KEY.tail, () => encodePosition('tail', { index: 8, term: 1, chainHash: chain(8) }))],
      ['chain-broken', () => kv.withValue(SEGMENT, indexKey(6), () => encodeBatch([entry(6, 1, 'other'), entry(7), entry(8)], EMPTY_CHAIN).record)],
      ['chain-broken', () => kv.withValue(SEGMENT, indexKey(9), () => encodeBatch([entry(9, 2)], EMPTY_CHAIN).record)],
      ['batch-misplaced', () => kv.withValue(SEGMENT, indexKey(6), () => kv.get(SEGMENT, indexKey(2)) ?? null)],
      ['log-gap', () => kv.withValue(SEGMENT, indexKey(6), () => encodeBatch([entry(6)], chain(5)).record)],
      ['term-falls', () => kv.withValue(SEGMENT, indexKey(2), () => encodeBatch(entries(2, 6, 3), chain(1)).record)],
      ['snapshot-differs', () => kv.withValue('meta', META_KEY.snapshots, () => encodeSnapshotNames([snapshotAt(4, 1, 'ab'.repeat(16))]))],
      ['snapshot-beyond-log', () => kv.withValue('meta', META_KEY.snapshots, () => encodeSnapshotNames([snapshotAt(12, 2, 'ab'.repeat(16))]))],
      ['log-overlap', () => kv.withValue('meta', META_KEY.base, () => encodePosition('base', { index: 3, term: 1, chainHash: chain(3) }))],
    ];
    const found: string[] = [];
    for (const [, make] of cases) found.push(await ruleAtOpen(make()));
    assert.deepEqual(found, cases.map(([rule]) => rule));
  });

  it('B24: refuses a gap between snapshot and log, and a log whose snapshot is gone', async () => {
    const kv = await filled();
    const storage = new LogStorage(kv);
    await storage.open();
    await storage.trim(5);
    assert.equal(await ruleAtOpen(kv.reopen()), 'opened');
    const named = (...snapshots: ReturnType<typeof snapshotAt>[]): MemoryKvStore => kv.withValue('meta', META_KEY.snapshots, () => encodeSnapshotNames(snapshots));
    assert.equal(await ruleAtOpen(named()), 'snapshot-missing');
    assert.equal(await ruleAtOpen(named(snapshotAt(3, 1, 'ab'.repeat(16)))), 'snapshot-gap');
  });

  it('notices at a read that a batch went bad after the start', async () => {
    const kv = await filled();
    const storage = new LogStorage(kv);
    await storage.open();
    await kv.transact([{ kind: 'put', database: SEGMENT, key: indexKey(6), value: new Uint8Array(40) }]);
    assert.throws(() => storage.entries(6, 8, 1000), { rule: 'record-damaged' });
  });
});

describe('log storage: a commit that fails', () => {
  for (const isKept of [false, true]) {
    it(`I21: every later call rejects, and a new start reads what is there (kept: ${String(isKept)})`, async () => {
      const kv = await filled();
      const storage = new LogStorage(kv);
      await storage.open();
      kv.failNext(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }), isKept);
      const failed = (error: unknown): boolean => error instanceof StorageFailedError && error.reason === 'full';
      const [first, second] = [storage.commit(write({ entries: [entry(10, 2)] })), storage.commit(write({ entries: [entry(11, 2)] }))];
      await assert.rejects(first, failed);
      await assert.rejects(second, failed);
      await assert.rejects(storage.trim(2), failed);
      await assert.rejects(storage.commit(write({ hardState: { term: 3, vote: '', commit: 7 } })), failed);
      assert.throws(() => storage.entries(2, 5, 100), failed);
      assert.throws(() => storage.chainHash(2), failed);
      const again = new LogStorage(kv.reopen());
      const { log } = await again.open();
      assert.equal(log.sizes.length, isKept ? 10 : 9);
    });
  }

  it('an error without a code is an I/O error', async () => {
    const kv = await filled();
    const storage = new LogStorage(kv);
    await storage.open();
    kv.failNext(new Error('something'), false);
    await assert.rejects(storage.commit(write({ entries: [entry(10, 2)] })), { code: 'STORAGE_FAILED', reason: 'io' });
  });
});

describe('log storage: what it refuses to write', () => {
  const cases: readonly { rule: string; id: string; parts: Partial<StorageWrite> }[] = [
    { id: 'I9', rule: 'truncate-committed', parts: { truncateFrom: 7 } },
    { id: 'I9', rule: 'truncate-outside-log', parts: { truncateFrom: 11 } },
    { id: 'I2', rule: 'append-gap', parts: { entries: [entry(11, 2)] } },
    { id: 'I2', rule: 'append-gap', parts: { entries: [entry(9, 2)] } },
    { id: 'I7', rule: 'append-term', parts: { entries: [entry(10, 1)] } },
    { id: 'I7', rule: 'term-back', parts: { hardState: { term: 1, vote: '', commit: 7 } } },
    { id: 'I7', rule: 'commit-back', parts: { hardState: { term: 2, vote: 'n2', commit: 6 } } },
    { id: 'I1', rule: 'second-vote', parts: { hardState: { term: 2, vote: 'n3', commit: 7 } } },
    { id: 'B2', rule: 'second-vote', parts: { hardState: { term: 2, vote: '', commit: 7 } } },
    { id: 'B2', rule: 'term-below-log', parts: { entries: [entry(10, 5)] } },
    { id: 'I20', rule: 'snapshot-outside-log', parts: { snapshots: [snapshotAt(50, 2, 'ab'.repeat(16))] } },
    { id: 'I19', rule: 'snapshot-differs', parts: { snapshots: [snapshotAt(7, 1, 'ab'.repeat(16))] } },
    { id: 'B17', rule: 'install-suffix', parts: { install: { snapshot: snapshotAt(9, 1, 'ab'.repeat(16)), keepSuffix: true } } },
    { id: 'B17', rule: 'install-behind', parts: { install: { snapshot: snapshotAt(6, 1, 'ab'.repeat(16)), keepSuffix: false } } },
  ];
  for (const { id, rule, parts } of cases) {
    it(`${id}: ${rule}`, async () => {
      const kv = await filled();
      const storage = new LogStorage(kv);
      await storage.open();
      const before = kv.transactions.length;
      await assert.rejects(storage.commit(write(parts)), (error) => (error instanceof StorageMisuseError || error instanceof StorageDamagedError) && error.rule === rule);
      assert.equal(kv.transactions.length, before);
    });
  }

  it('B10: one commit is one transaction, in the order of calls; an empty one is none', async () => {
    const kv = await filled();
    const storage = new LogStorage(kv);
    await storage.open();
    const before = kv.transactions.length;
    await Promise.all([
      storage.commit(write({ entries: [entry(10, 2), entry(11, 2)], hardState: { term: 3, vote: 'n1', commit: 9 } })),
      storage.commit(write({})),
      storage.commit(write({ truncateFrom: 11, entries: [entry(11, 3)] })),
    ]);
    assert.equal(kv.transactions.length, before + 2);
    assert.deepEqual(plain(storage.entries(10, 12, 1000)), plain([entry(10, 2), entry(11, 3)]));
    await storage.close();
    await assert.rejects(storage.commit(write({ entries: [entry(12, 3)] })));
  });
});

describe('log storage: reads beside a trim', () => {
  it('B18: finds the batch that is being cut, also when the store shows the cut before its commit returned', async () => {
    const kv = new MemoryKvStore();
    const storage = await newStorage(kv);
    await storage.commit(write({ entries: entries(2, 12) }));
    await storage.commit(write({ hardState: { term: 1, vote: '', commit: 11 }, snapshots: [snapshotAt(11, 1, storage.chainHash(11) ?? '')] }));
    for (let index = 12; index < 22; index++) await storage.commit(write({ entries: entries(index, index + 1, 1, 1024 * 1024) }));
    let settle = (): void => undefined;
    const transact = kv.transact.bind(kv);
    kv.transact = async (operations) => {
      await transact(operations);
      await new Promise<void>((resolve) => (settle = resolve));
    };
    const trimmed = storage.trim(5);
    await new Promise<void>((resolve) => void setImmediate(resolve));
    assert.equal(storage.entries(12, 22, 1e9).length, 10); // more than is kept in memory
    assert.deepEqual(plain(storage.entries(5, 8, 1e9)), plain(entries(5, 8)));
    settle();
    await trimmed;
    assert.deepEqual(plain(storage.entries(5, 8, 1e9)), plain(entries(5, 8)));
  });
});
