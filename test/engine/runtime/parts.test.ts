import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Entry } from '../../../src/engine/core/entry.ts';
import { crc32c } from '../../../src/engine/native/crc32c.ts';
import { encodeManifest, manifestOf } from '../../../src/engine/native/snapshot-manifest.ts';
import { CallError } from '../../../src/engine/ports/node-api.ts';
import type { SnapshotManifest } from '../../../src/engine/ports/snapshot-files.ts';
import type { SnapshotChunk } from '../../../src/engine/ports/transport.ts';
import { AppendCalls } from '../../../src/engine/runtime/append-calls.ts';
import { EntryTail } from '../../../src/engine/runtime/entry-tail.ts';
import { ReadWaiters } from '../../../src/engine/runtime/read-waiters.ts';
import { IncomingSnapshot } from '../../../src/engine/runtime/snapshot-receiver.ts';
import { SnapshotSender } from '../../../src/engine/runtime/snapshot-sender.ts';
import { Ticker } from '../../../src/engine/runtime/ticker.ts';
import { SnapshotFileStore } from '../../../src/engine/storage/snapshot-files.ts';
import { MemoryDisk } from '../../helpers/memory-disk.ts';
import { HostClock, VirtualTime } from '../../helpers/mini-world.ts';

const entry = (index: number, term: number, bytes = 10): Entry => ({ index, term, kind: 'command', wallClockMs: 0, payload: new Uint8Array(bytes) });

describe('entry tail', () => {
  it('reads what was written last, from memory or storage, whatever was truncated and however little memory it has', () => {
    const step = fc.record({ back: fc.integer({ min: -1, max: 5 }), add: fc.integer({ min: 0, max: 6 }), isDurable: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), fc.integer({ min: 0, max: 800 }), (steps, maxBytes) => {
        let log: Entry[] = [];
        let stored: Entry[] = [];
        const storage = { entries: (from: number, until: number, bytes: number): Entry[] => stored.slice(from - 1, Math.min(until - 1, from - 1 + Math.max(1, Math.floor(bytes / 10)))) };
        const tail = new EntryTail(storage, 0, maxBytes);
        for (const [term, { back, add, isDurable }] of steps.entries()) {
          const truncateFrom = back < 0 ? null : Math.max(1, log.length + 1 - back);
          if (truncateFrom !== null) log = log.slice(0, truncateFrom - 1);
          const entries = Array.from({ length: add }, (_, n) => entry(log.length + 1 + n, term));
          log = [...log, ...entries];
          tail.change(truncateFrom, entries);
          if (isDurable) {
            stored = log;
            tail.setDurable(log.length);
            assert.ok(tail.bytes <= Math.max(maxBytes, 0), `${tail.bytes} bytes held, limit ${maxBytes}`);
          }
          assert.deepEqual(tail.read(1, log.length + 1), log);
          if (log.length > 2) assert.deepEqual(tail.read(2, log.length), log.slice(1, -1));
        }
        assert.throws(() => tail.read(log.length + 1, log.length + 2), RangeError);
      }),
      { numRuns: 500, seed: 5 },
    );
  });
});

describe('read waiters', () => {
  it('go in order of index, each once, when it is applied', () => {
    const waiters = new ReadWaiters();
    const run: number[] = [];
    for (const index of [5, 3, 9, 3, 7]) waiters.add(index, () => void run.push(index));
    waiters.release(2);
    assert.deepEqual(run, []);
    waiters.release(7);
    assert.deepEqual(run, [3, 3, 5, 7]);
    waiters.release(100);
    assert.deepEqual([run.length, waiters.size], [5, 0]);
  });
});

describe('append calls (B20)', () => {
  const refused = (): CallError => new CallError('failed', 'not-leader', 'no');
  const end = async (promise: Promise<unknown>): Promise<string> =>
    await promise.then(
      () => 'ok',
      (error: unknown) => (error instanceof CallError ? `${error.outcome} ${error.rule}` : String(error)),
    );

  it('each end once: by their own entry, another one in its place, a refusal, a lost leader or the end', async () => {
    const calls = new AppendCalls(new HostClock(new VirtualTime()), refused);
    const ends = [1, 2, 3, 4, 5].map(async (id) => await end(calls.add(id, 1000, 'call').promise));
    for (const id of [1, 2, 4]) calls.told({ id, kind: 'accepted', value: { index: 10 + id, term: 3 } }, 10);
    calls.told({ id: 3, kind: 'refused', refusal: { rule: 'not-leader', message: '', leader: null } }, 10);
    calls.applied(11, 3, new Uint8Array(0));
    calls.applied(12, 4, new Uint8Array(0));
    calls.loseAppended(Number.MAX_SAFE_INTEGER, () => new CallError('unknown', 'leadership-lost', ''));
    calls.endAll((outcome) => new CallError(outcome, 'stopping', ''));
    assert.deepEqual(await Promise.all(ends), ['ok', 'failed leadership-lost', 'failed not-leader', 'unknown leadership-lost', 'failed stopping']);
    assert.equal(calls.size, 0);
  });

  it('are unknown when the member ends while they are put to the core, failed before and after', async () => {
    for (const moment of ['before', 'while', 'after']) {
      const calls = new AppendCalls(new HostClock(new VirtualTime()), refused);
      const ended = end(calls.add(1, 1000, 'call').promise);
      const stop = (): void => calls.endAll((outcome) => new CallError(outcome, 'storage-failed', ''));
      if (moment === 'before') stop();
      calls.putting([1], () => (moment === 'while' ? stop() : undefined));
      if (moment === 'after') stop();
      assert.equal(await ended, moment === 'while' ? 'unknown storage-failed' : 'failed storage-failed', moment);
    }
  });

  it('keep nothing of a call whose deadline has passed', async () => {
    const time = new VirtualTime();
    const calls = new AppendCalls(new HostClock(time), refused);
    const first = end(calls.add(1, 50, 'call').promise);
    const second = end(calls.add(2, 50, 'call').promise);
    calls.told({ id: 2, kind: 'accepted', value: { index: 11, term: 3 } }, 10);
    await time.run(60);
    assert.deepEqual([await first, await second, calls.size], ['failed timeout', 'unknown timeout', 0]);
  });
});

describe('ticker (B1)', () => {
  it('counts all the time that passed, and after a stall only behind what was waiting', async () => {
    const time = new VirtualTime();
    const clock = new HostClock(time);
    const seen: string[] = [];
    const ticker = new Ticker(clock, (ticks) => void seen.push(`tick ${ticks}`));
    ticker.start();
    await time.run(30);
    assert.deepEqual(seen, ['tick 1', 'tick 1', 'tick 1']);
    seen.length = 0;
    clock.stalledUntilMs = time.nowMs + 500;
    await time.run(490);
    // Arrives at the socket while the loop stands; its handler runs in the turn after the late timer.
    time.at(time.nowMs + 10, () => clock.soon(() => void seen.push('message')));
    await time.run(10);
    assert.deepEqual(seen, ['message', 'tick 50']);
    assert.ok(ticker.delayMs >= 480);
    await time.run(11_000);
    assert.equal(ticker.delayMs, 0, 'no longer recent');
    ticker.stop();
    seen.length = 0;
    await time.run(100);
    assert.deepEqual(seen, []);
  });
});

describe('incoming snapshot (B17)', () => {
  const identity = { clusterId: 'c', generation: 1, memberId: 'b', name: 'b', machine: 'kv' };
  const CONTENT = Buffer.alloc(700_000, 'raft');

  async function setUp(commit = 0): Promise<{ incoming: IncomingSnapshot; acks: string[]; received: SnapshotManifest[]; refused: string[]; manifest: SnapshotManifest; disk: MemoryDisk; chunk: (offset: number, length?: number, fields?: Partial<SnapshotChunk>) => Promise<void> }> {
    const source = new MemoryDisk();
    const files = new SnapshotFileStore(source);
    const configuration = { index: 1, configuration: { members: [{ id: 'a', name: 'a', address: 'a:1', role: 'voter' as const }], tombstones: [], changes: [] } };
    const head = { clusterId: 'c', generation: 1, machine: 'kv', index: 40, term: 2, chainHash: '0'.repeat(32), configuration, featureLevel: 0, stateHash: '', takenAtMs: 0 };
    await source.makeDirectory('snapshots');
    const manifest = await files.write(head, (async function* () { yield await Promise.resolve(CONTENT); })());
    const disk = new MemoryDisk();
    await disk.makeDirectory('snapshots');
    const [acks, received, refused]: [string[], SnapshotManifest[], string[]] = [[], [], []];
    const incoming = new IncomingSnapshot(new SnapshotFileStore(disk), identity, {
      ack: (ack) => void acks.push(`${ack.status} ${ack.offset}`),
      currentTerm: () => 5,
      commitIndex: () => commit,
      mayBegin: async () => await Promise.resolve(),
      received: (_from, _term, one) => void received.push(one),
      refused: (rule) => void refused.push(rule),
      failed: (error) => assert.fail(String(error)),
    });
    const chunk = async (offset: number, length = 200_000, fields: Partial<SnapshotChunk> = {}): Promise<void> => {
      const bytes = CONTENT.subarray(offset, offset + length);
      incoming.add({ kind: 'snapshot-chunk', from: 'a', to: 'b', term: 5, snapshotId: manifest.id, manifest: offset === 0 ? encodeManifest(manifest) : null, offset, bytes, crc32c: crc32c(bytes), isLast: offset + length >= CONTENT.length, ...fields });
      for (let n = 0; n < 5; n++) await new Promise((resolve) => void setImmediate(resolve));
    };
    return { incoming, acks, received, refused, manifest, disk, chunk };
  }

  it('takes chunks in order and says where to go on when one is lost, repeated or broken', async () => {
    const { acks, received, refused, manifest, chunk } = await setUp();
    await chunk(0);
    await chunk(400_000);
    await chunk(0);
    await chunk(200_000, 200_000, { crc32c: 1 });
    await chunk(200_000);
    await chunk(400_000);
    assert.equal(received.length, 0);
    await chunk(600_000);
    await chunk(600_000);
    assert.deepEqual(acks, ['go-on 200000', 'go-on 200000', 'go-on 200000', 'go-on 400000', 'go-on 600000', 'done 700000', 'done 700000']);
    assert.deepEqual(refused, ['chunk-checksum']);
    assert.deepEqual(received.map(({ id }) => id), [manifest.id]);
  });

  it('asks for the beginning when it knows nothing of the stream, and goes on where an earlier attempt ended', async () => {
    const { acks, incoming, chunk, disk, manifest } = await setUp();
    await chunk(200_000);
    assert.deepEqual(acks, ['go-on 0']);
    await chunk(0, 700_000 - 1);
    await incoming.end();
    assert.ok(disk.files().length > 0, 'the part stays');
    const receiver = await new SnapshotFileStore(disk).receive(manifest);
    assert.ok(receiver.offset > 0);
    await receiver.abandon();
  });

  it('refuses other lineages, false manifests and older terms, and does not need what is committed', async () => {
    const { acks, refused, chunk, manifest, disk, received } = await setUp();
    await chunk(0, 10, { term: 4 });
    await chunk(0, 10, { manifest: new TextEncoder().encode('{}') });
    await chunk(0, 10, { snapshotId: '2-40-0000000000000000' });
    const foreign = manifestOf({ ...manifest, clusterId: 'other' }, manifest);
    await chunk(0, 10, { manifest: encodeManifest(foreign), snapshotId: foreign.id });
    assert.deepEqual(acks, Array.from({ length: 4 }, () => 'refused 0'));
    assert.deepEqual(refused, ['manifest-malformed', 'manifest-lineage', 'manifest-lineage']);
    assert.deepEqual([disk.files(), received], [[], []]);
    const ahead = await setUp(40);
    await ahead.chunk(0);
    assert.deepEqual(ahead.acks, ['done 700000']);
    assert.deepEqual(ahead.received, []);
  });

  it('is given up when the log got past it: its sender is gone, and own snapshots may be taken again', async () => {
    const { incoming, chunk, acks } = await setUp();
    await chunk(0);
    assert.ok(incoming.isBusy);
    incoming.outgrown(39);
    await chunk(200_000);
    assert.ok(incoming.isBusy);
    incoming.outgrown(40);
    for (let n = 0; n < 5; n++) await new Promise((resolve) => void setImmediate(resolve));
    assert.equal(incoming.isBusy, false);
    assert.deepEqual(acks, ['go-on 200000', 'go-on 400000']);
  });

  it('never mixes two: content of another snapshot under this id does not verify (M37)', async () => {
    const { acks, refused, received, chunk, disk } = await setUp();
    await chunk(0);
    const other = Buffer.alloc(500_000, 'other');
    await chunk(200_000, 0, { bytes: other, crc32c: crc32c(other), isLast: true });
    assert.deepEqual(acks, ['go-on 200000', 'refused 0']);
    assert.deepEqual(refused, ['snapshot-content']);
    assert.deepEqual(received, []);
    assert.deepEqual(disk.files(), [], 'the part is gone');
  });
});

describe('sending a snapshot (B17)', () => {
  const CHUNK = 256 * 1024;

  async function setUp(bytes = 8 * CHUNK): Promise<{ time: VirtualTime; sender: SnapshotSender; sent: () => number[]; ack: (offset: number, status?: 'go-on' | 'done' | 'refused', id?: string) => Promise<void>; ends: string[] }> {
    const disk = new MemoryDisk();
    await disk.makeDirectory('snapshots');
    const files = new SnapshotFileStore(disk);
    const configuration = { index: 1, configuration: { members: [], tombstones: [], changes: [] } };
    const head = { clusterId: 'c', generation: 1, machine: 'kv', index: 40, term: 2, chainHash: '0'.repeat(32), configuration, featureLevel: 0, stateHash: '', takenAtMs: 0 };
    const manifest = await files.write(head, (async function* () { yield await Promise.resolve(new Uint8Array(bytes)); })());
    const time = new VirtualTime();
    const offsets: number[] = [];
    const ends: string[] = [];
    const sender = new SnapshotSender(new HostClock(time), files, head, {
      send: (chunk) => void offsets.push(chunk.offset / CHUNK),
      ended: (to, index, outcome) => void ends.push(`${to} ${index} ${outcome}`),
      failed: (error) => assert.fail(String(error)),
    });
    sender.start('b', { id: manifest.id, index: manifest.index });
    const pass = async (): Promise<void> => {
      for (let n = 0; n < 10; n++) await time.run(0);
    };
    await pass();
    const ack = async (offset: number, status: 'go-on' | 'done' | 'refused' = 'go-on', id = manifest.id): Promise<void> => {
      sender.ack({ kind: 'snapshot-ack', from: 'b', to: 'a', term: 1, snapshotId: id, offset, status });
      await pass();
    };
    return { time, sender, sent: () => offsets.splice(0), ack, ends };
  }

  it('begins with one chunk, then keeps a window full, and ends when the receiver has it', async () => {
    const { sent, ack, ends } = await setUp();
    assert.deepEqual(sent(), [0]);
    await ack(CHUNK);
    assert.deepEqual(sent(), [1, 2, 3, 4]);
    await ack(3 * CHUNK);
    assert.deepEqual(sent(), [5, 6]);
    await ack(7 * CHUNK);
    assert.deepEqual(sent(), [7]);
    assert.deepEqual(ends, []);
    await ack(8 * CHUNK, 'done');
    assert.deepEqual(ends, ['b 40 delivered']);
  });

  it('goes on where an earlier attempt ended, and back when the receiver began anew', async () => {
    const { sent, ack } = await setUp();
    sent();
    await ack(6 * CHUNK);
    assert.deepEqual(sent(), [6, 7]);
    await ack(0);
    assert.deepEqual(sent(), [0]);
  });

  it('sends a lost chunk again at the first repeated ack, once', async () => {
    const { sent, ack } = await setUp();
    await ack(CHUNK);
    sent();
    await ack(2 * CHUNK);
    sent();
    await ack(2 * CHUNK); // 2 is lost, 3 arrived
    assert.deepEqual(sent(), [2, 3, 4, 5]);
    await ack(2 * CHUNK); // 4 arrived, before what was sent again
    assert.deepEqual(sent(), []);
  });

  it('sends again after silence, and gives up after twenty', async () => {
    const { time, sent, ack, ends } = await setUp();
    await ack(CHUNK);
    sent();
    await time.run(510);
    assert.deepEqual(sent(), [1, 2, 3, 4]);
    await ack(2 * CHUNK);
    sent();
    await time.run(9_000);
    assert.deepEqual(ends, []);
    await time.run(2_000);
    assert.deepEqual(ends, ['b 40 failed']);
  });

  it('believes no ack of another snapshot, and none beyond the end', async () => {
    const { sent, ack, ends } = await setUp();
    sent();
    await ack(8 * CHUNK, 'done', '1-1-0000000000000000');
    await ack(9 * CHUNK);
    await ack(-1);
    assert.deepEqual([sent(), ends], [[], []]);
    await ack(0, 'refused');
    assert.deepEqual(ends, ['b 40 failed']);
  });
});
