import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Entry, HardState } from '../../../src/engine/core/entry.ts';
import type { StorageWrite } from '../../../src/engine/ports/storage.ts';
import { mergeWrites } from '../../../src/engine/runtime/merge-writes.ts';
import { WriteQueue } from '../../../src/engine/runtime/write-queue.ts';

const entry = (index: number, term: number, bytes = 1): Entry => ({ index, term, kind: 'command', wallClockMs: 0, payload: new Uint8Array(bytes) });
const write = (fields: Partial<StorageWrite>): StorageWrite => ({ hardState: null, truncateFrom: null, entries: [], install: null, ...fields });

/** What a disk holds: the reference for merging. */
interface Disk {
  readonly log: readonly number[]; // terms, from index 1
  readonly hardState: HardState | null;
  readonly snapshots: string;
}

function carriedOut(disk: Disk, one: StorageWrite): Disk {
  let log = [...disk.log];
  if (one.truncateFrom !== null) {
    assert.ok(one.truncateFrom <= log.length + 1, `truncation from ${one.truncateFrom} of a log that ends at ${log.length}`);
    log = log.slice(0, one.truncateFrom - 1);
  }
  for (const added of one.entries) {
    assert.equal(added.index, log.length + 1, 'entries follow each other');
    log.push(added.term);
  }
  return { log, hardState: one.hardState ?? disk.hardState, snapshots: one.snapshots?.map(({ id }) => id).join(' ') ?? disk.snapshots };
}

describe('merging writes (B10)', () => {
  it('gives what both give one after the other, for every truncation, append and hard state', () => {
    const arbitrary = fc.array(fc.record({ back: fc.integer({ min: -1, max: 4 }), add: fc.integer({ min: 0, max: 3 }), hasHardState: fc.boolean(), snapshot: fc.option(fc.integer({ min: 1, max: 9 }), { nil: null }) }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5 }), arbitrary, (held, plan) => {
        const disk: Disk = { log: Array.from({ length: held }, () => 1), hardState: null, snapshots: '' };
        let after = disk;
        let last = held;
        let carried = disk;
        let merged = write({});
        for (const [at, step] of plan.entries()) {
          const truncateFrom = step.back < 0 ? null : Math.max(1, last + 1 - step.back);
          const first = truncateFrom ?? last + 1;
          const one = write({
            truncateFrom,
            entries: Array.from({ length: step.add }, (_, n) => entry(first + n, at + 2)),
            hardState: step.hasHardState ? { term: at + 2, vote: 'a', commit: 0 } : null,
            ...(step.snapshot === null ? {} : { snapshots: [{ id: `s${step.snapshot}`, index: 0, term: 0, chainHash: '', configuration: { index: 0, configuration: { members: [], tombstones: [], changes: [] } } }] }),
          });
          last = first - 1 + step.add;
          after = carriedOut(after, one);
          const both = mergeWrites(merged, one);
          const takesBack = truncateFrom !== null && merged.entries.some(({ index }) => index >= truncateFrom);
          assert.equal(both === null, takesBack, 'only what takes back promised entries stays apart (I11)');
          if (both === null) carried = carriedOut(carried, merged);
          merged = both ?? one;
        }
        assert.deepEqual(carriedOut(carried, merged), after);
      }),
      { numRuns: 2000, seed: 11 },
    );
  });

  it('keeps an install apart, and bounds a commit', () => {
    const install = write({ install: { snapshot: { id: 's', index: 5, term: 1, chainHash: '', configuration: { index: 1, configuration: { members: [], tombstones: [], changes: [] } } }, keepSuffix: false } });
    assert.equal(mergeWrites(install, write({})), null);
    assert.equal(mergeWrites(write({}), install), null);
    const many = (from: number, count: number, bytes: number): StorageWrite => write({ entries: Array.from({ length: count }, (_, n) => entry(from + n, 1, bytes)) });
    assert.equal(mergeWrites(many(1, 1500, 1), many(1501, 1500, 1)), null);
    assert.equal(mergeWrites(many(1, 3, 1024 * 1024), many(4, 2, 1024 * 1024)), null);
    assert.equal(mergeWrites(many(1, 100, 1), many(101, 100, 1))?.entries.length, 200);
  });
});

describe('write queue', () => {
  /** A queue whose commits settle by hand. */
  function bench(): { queue: WriteQueue; commits: { write: StorageWrite; done: () => void; fail: (error: Error) => void }[]; told: string[] } {
    const commits: { write: StorageWrite; done: () => void; fail: (error: Error) => void }[] = [];
    const told: string[] = [];
    const queue = new WriteQueue(
      (one) => new Promise<void>((resolve, reject) => void commits.push({ write: one, done: resolve, fail: reject })),
      (number) => void told.push(`written ${number}`),
      (error) => void told.push(`failed ${String(error)}`),
    );
    return { queue, commits, told };
  }
  const turn = async (): Promise<void> => await new Promise((resolve) => void setImmediate(resolve));

  it('runs one commit at a time, the rest waits in one; each message leaves after its own write (I11)', async () => {
    const { queue, commits, told } = bench();
    queue.whenDurable(() => told.push('nothing to wait for'));
    for (let number = 1; number <= 4; number++) {
      queue.add(write({ entries: [entry(number, 1)] }), number);
      queue.whenDurable(() => told.push(`message ${number}`));
    }
    assert.equal(commits.length, 1);
    assert.equal(queue.length, 2);
    assert.deepEqual(told, ['nothing to wait for']);
    commits[0]?.done();
    await turn();
    assert.deepEqual(told, ['nothing to wait for', 'message 1', 'written 1']);
    assert.deepEqual(commits[1]?.write.entries.map(({ index }) => index), [2, 3, 4]);
    queue.whenDurable(() => told.push('no write of its own'));
    commits[1]?.done();
    await turn();
    assert.deepEqual(told.slice(3), ['message 2', 'message 3', 'message 4', 'no write of its own', 'written 4']);
    assert.ok(queue.isIdle);
  });

  it('does and tells nothing after a failure (I21)', async () => {
    const { queue, commits, told } = bench();
    queue.add(write({}), 1);
    queue.add(write({}), 2);
    queue.whenDurable(() => told.push('message'));
    commits[0]?.fail(new Error('EIO'));
    await turn();
    queue.add(write({}), 3);
    queue.whenDurable(() => told.push('later message'));
    await turn();
    assert.deepEqual(told, ['failed Error: EIO']);
    assert.equal(commits.length, 1);
    await queue.drain();
  });

  it('is drained when the last commit is done', async () => {
    const { queue, commits } = bench();
    let isDrained = false;
    queue.add(write({}), 1);
    queue.add(write({}), 2);
    void queue.drain().then(() => void (isDrained = true));
    commits[0]?.done();
    await turn();
    assert.equal(isDrained, false);
    commits[1]?.done();
    await turn();
    assert.equal(isDrained, true);
  });
});
