import assert from 'node:assert/strict';
import type { Entry } from '../../../src/engine/core/entry.ts';
import type { KvStore } from '../../../src/engine/ports/kv-store.ts';
import type { Storage, StoredState } from '../../../src/engine/ports/storage.ts';
import { initialise } from '../../../src/engine/storage/initialise.ts';
import { LogStorage } from '../../../src/engine/storage/log-storage.ts';
import type { KvBed } from './kv-conformance.ts';
import { CONFIGURATION, entries, entry, IDENTITY, newStorage, plain, snapshotAt, write } from './storage-fixtures.ts';

export { diskConformance } from './disk-conformance.ts';
export { kvConformance } from './kv-conformance.ts';

const ALL = Number.MAX_SAFE_INTEGER;

function held(storage: Storage): Entry[] {
  const found: Entry[] = [];
  for (let next = firstHeld(storage); ; ) {
    const more = storage.entries(next, ALL, 1000);
    if (more.length === 0) return found;
    found.push(...more);
    next += more.length;
  }
}

function firstHeld(storage: Storage): number {
  for (let index = 1; index < 1_000_000; index++) if (storage.entries(index, index + 1, 0).length > 0) return index;
  return ALL;
}

/** What the log storage must do over every `KvStore`. */
export function storageConformance(name: string, make: () => Promise<KvBed>): void {
  describe(`log storage over ${name}`, () => {
    let bed: KvBed;
    beforeEach(async () => void (bed = await make()));
    afterEach(async () => await bed.dispose());

    async function reopened(): Promise<{ storage: LogStorage; state: StoredState; kv: KvStore }> {
      const kv = await bed.reopen();
      const storage = new LogStorage(kv);
      return { storage, state: await storage.open(), kv };
    }

    it('begins with the initial configuration as committed entry 1, and counts its starts', async () => {
      await initialise(bed.kv, IDENTITY, CONFIGURATION);
      const first = await new LogStorage(bed.kv).open();
      assert.deepEqual(first.identity, IDENTITY);
      assert.deepEqual([first.hardState, first.incarnation], [{ term: 1, vote: '', commit: 1 }, 1]);
      assert.deepEqual(first.configurations, [{ index: 1, configuration: CONFIGURATION }]);
      const { state, kv } = await reopened();
      assert.equal(state.incarnation, 2);
      await assert.rejects(initialise(kv, IDENTITY, null), { rule: 'not-empty' });
    });

    it('begins empty for a member that joins', async () => {
      await initialise(bed.kv, IDENTITY, null);
      const state = await new LogStorage(bed.kv).open();
      assert.deepEqual([state.hardState, state.configurations, state.log], [{ term: 0, vote: '', commit: 0 }, [], { base: { term: 0, index: 0 }, termRuns: [], sizes: [] }]);
    });

    it('B2: stores hard state and entries in one commit, finds exactly them again', async () => {
      const storage = await newStorage(bed.kv);
      await storage.commit(write({ hardState: { term: 2, vote: 'n2', commit: 1 }, entries: entries(2, 5, 1) }));
      await storage.commit(write({ hardState: { term: 2, vote: 'n2', commit: 9 }, entries: [entry(5, 2, '', 'noop'), entry(6, 2)] }));
      const before = plain(held(storage));
      const { storage: again, state } = await reopened();
      assert.deepEqual(plain(held(again)), before);
      assert.equal(before.length, 6);
      assert.deepEqual(state.hardState, { term: 2, vote: 'n2', commit: 6 }, 'the commit index is clipped to the log');
      assert.deepEqual(state.log.termRuns, [{ term: 1, first: 1, last: 4 }, { term: 2, first: 5, last: 6 }]);
      assert.deepEqual(state.log.sizes.slice(1), [9, 9, 9, 0, 9]);
    });

    it('gives entries within limits, at least one, and only durable ones', async () => {
      const storage = await newStorage(bed.kv);
      const commit = storage.commit(write({ entries: entries(2, 12, 1, 100) }));
      assert.deepEqual(storage.entries(2, 12, ALL), []);
      await commit;
      const indexes = (from: number, until: number, max: number): number[] => storage.entries(from, until, max).map((one) => one.index);
      assert.deepEqual(indexes(2, 5, ALL), [2, 3, 4]);
      assert.deepEqual(indexes(3, 12, 250), [3, 4]);
      assert.deepEqual(indexes(3, 12, 300), [3, 4, 5]);
      assert.deepEqual(indexes(3, 12, 0), [3]);
      assert.deepEqual([indexes(11, 99, ALL), indexes(12, 99, ALL), indexes(0, 9, ALL), indexes(5, 5, ALL)], [[11], [], [], []]);
    });

    it('B7: truncates across batches, and writes the batch that is cut anew in the same commit', async () => {
      const storage = await newStorage(bed.kv);
      await storage.commit(write({ entries: entries(2, 6) }));
      await storage.commit(write({ entries: entries(6, 9) }));
      await storage.commit(write({ entries: entries(9, 10) }));
      await storage.commit(write({ truncateFrom: 4, hardState: { term: 3, vote: '', commit: 1 }, entries: [entry(4, 3), entry(5, 3)] }));
      const { storage: again } = await reopened();
      assert.deepEqual(plain(held(again)).slice(1), plain([entry(2), entry(3), entry(4, 3), entry(5, 3)]));
      await again.commit(write({ truncateFrom: 5 }));
      await again.commit(write({ truncateFrom: 2 }));
      assert.equal(held((await reopened()).storage).length, 1);
    });

    it('splits large appends into batches and reads across them', async () => {
      const storage = await newStorage(bed.kv);
      const many = entries(2, 3002, 1, 700);
      await storage.commit(write({ entries: many }));
      const { storage: again, kv } = await reopened();
      assert.deepEqual(plain(again.entries(1000, 2500, ALL)), plain(many.slice(998, 2498)));
      assert.ok([...kv.range('log-0000000000000001')].length >= 4);
    });

    it('rolls over to a new segment every 65,536 entries, truncates back over it and drops whole segments', async function () {
      this.timeout(60_000);
      const storage = await newStorage(bed.kv);
      const none = new Uint8Array(0);
      for (let from = 2; from < 140_002; from += 10_000) await storage.commit(write({ entries: Array.from({ length: 10_000 }, (_, n) => entry(from + n, 1, none)) }));
      const segments = (kv: KvStore): string[] => kv.databases().filter((one) => one.startsWith('log-'));
      assert.deepEqual(segments(bed.kv), ['log-0000000000000001', 'log-0000000000065537', 'log-0000000000131073']);
      await storage.commit(write({ truncateFrom: 131_000, entries: [entry(131_000, 1, 'x')] }));
      assert.deepEqual(segments(bed.kv).length, 2);
      const chainHash = storage.chainHash(100_000) ?? '';
      await storage.commit(write({ hardState: { term: 1, vote: '', commit: 131_000 }, snapshots: [snapshotAt(100_000, 1, chainHash)] }));
      await storage.trim(99_990);
      assert.deepEqual(segments(bed.kv), ['log-0000000000065537']);
      const { state, storage: again } = await reopened();
      assert.deepEqual([state.log.base, state.log.sizes.length], [{ term: 1, index: 99_989 }, 131_000 - 99_989]);
      assert.deepEqual(again.entries(99_990, 99_992, ALL).map((one) => one.index), [99_990, 99_991]);
      assert.deepEqual(again.entries(99_989, 99_992, ALL), []);
    });

    it('B18, I20: trims in bounded steps up to the older snapshot, never beyond it', async () => {
      const storage = await newStorage(bed.kv);
      await storage.commit(write({ entries: entries(2, 5000), hardState: { term: 1, vote: '', commit: 4999 } }));
      const at = (index: number): ReturnType<typeof snapshotAt> => snapshotAt(index, 1, storage.chainHash(index) ?? '');
      await storage.commit(write({ snapshots: [at(4900), at(4500)] }));
      const chain = storage.chainHash(4450);
      await storage.trim(4400);
      await storage.trim(10);
      const { storage: again, state } = await reopened();
      assert.deepEqual([state.log.base, again.chainHash(4450), again.chainHash(4398)], [{ term: 1, index: 4399 }, chain, null]);
      assert.deepEqual(state.snapshots.map((one) => one.index), [4900, 4500]);
      assert.deepEqual(state.configurations, [{ index: 1, configuration: CONFIGURATION }]);
      await again.trim(4501);
      await assert.rejects(again.trim(4502), { rule: 'trim-uncovered' });
    });

    it('B17: an install that does not match resets the log in the commit that names the snapshot', async () => {
      const storage = await newStorage(bed.kv);
      await storage.commit(write({ entries: entries(2, 50) }));
      const snapshot = snapshotAt(40, 3, 'ab'.repeat(16));
      await storage.commit(write({ install: { snapshot, keepSuffix: false }, hardState: { term: 3, vote: '', commit: 40 } }));
      assert.deepEqual([storage.chainHash(40), storage.entries(1, 60, ALL)], ['ab'.repeat(16), []]);
      await storage.commit(write({ entries: entries(41, 44, 3) }));
      const { state, storage: again } = await reopened();
      assert.deepEqual([state.log.base, state.log.sizes.length, state.hardState.commit], [{ term: 3, index: 40 }, 3, 40]);
      assert.deepEqual([state.snapshots, held(again).map((one) => one.index)], [[snapshot], [41, 42, 43]]);
    });

    it('B17: an install that matches keeps the suffix', async () => {
      const storage = await newStorage(bed.kv);
      await storage.commit(write({ entries: entries(2, 50) }));
      const snapshot = snapshotAt(40, 1, storage.chainHash(40) ?? '');
      await storage.commit(write({ install: { snapshot, keepSuffix: true } }));
      const { state, storage: again } = await reopened();
      assert.deepEqual([state.snapshots, state.hardState.commit], [[snapshot], 40], 'what a snapshot covers is committed');
      assert.deepEqual(held(again).at(-1)?.index, 49);
      await again.trim(41);
      await assert.rejects(again.commit(write({ install: { snapshot: snapshotAt(45, 1, 'ab'.repeat(16)), keepSuffix: true } })), { rule: 'chain-differs' });
    });

    it('I3: equal content has an equal chain, however it was cut into commits', async () => {
      const storage = await newStorage(bed.kv);
      const many = entries(2, 40);
      await storage.commit(write({ entries: many.slice(0, 20) }));
      await storage.commit(write({ entries: [entry(22, 1, 'other')] }));
      await storage.commit(write({ truncateFrom: 22, entries: many.slice(20, 30) }));
      for (const one of many.slice(30)) await storage.commit(write({ entries: [one] }));
      const other = await make();
      const whole = await newStorage(other.kv);
      await whole.commit(write({ entries: many }));
      for (let index = 0; index < 40; index++) assert.equal(storage.chainHash(index), whole.chainHash(index));
      await whole.commit(write({ truncateFrom: 20, entries: [entry(20, 1, 'x'), ...many.slice(19)] }));
      assert.notEqual(storage.chainHash(39), whole.chainHash(39));
      await other.dispose();
    });
  });
}
