import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { NodeDisk } from '../../../src/engine/adapters/node-disk.ts';
import { CHUNK_BYTES, encodeManifest, parseManifest } from '../../../src/engine/native/snapshot-manifest.ts';
import type { SnapshotHead, SnapshotManifest } from '../../../src/engine/ports/snapshot-files.ts';
import { SnapshotFileStore } from '../../../src/engine/storage/snapshot-files.ts';
import { DiskStopped, MemoryDisk, systemError } from '../../helpers/memory-disk.ts';
import { scratch } from './beds.ts';
import { CONFIGURATION } from './storage-fixtures.ts';

const HEAD: SnapshotHead = {
  clusterId: 'c-1',
  generation: 1,
  machine: 'kv',
  index: 70,
  term: 2,
  chainHash: 'ab'.repeat(16),
  configuration: { index: 1, configuration: CONFIGURATION },
  featureLevel: 1,
  stateHash: 'cd'.repeat(32),
  takenAtMs: 5,
};

/** Content that differs from byte to byte and from chunk to chunk. */
function content(bytes: number, seed = 1): Buffer {
  const made = Buffer.alloc(bytes);
  for (let at = 0, state = seed; at < bytes; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    made[at] = state >>> 24;
  }
  return made;
}

async function* pieces(of: Buffer, size = 300_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < of.length; at += size) yield await Promise.resolve(of.subarray(at, at + size));
}

async function gather(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(Uint8Array.from(part));
  return Buffer.concat(parts);
}

async function manifestFor(bytes: Buffer): Promise<SnapshotManifest> {
  return parseManifest(encodeManifest(await new SnapshotFileStore(new MemoryDisk()).write(HEAD, pieces(bytes))));
}

const TWO_AND_A_BIT = content(2 * CHUNK_BYTES + 1234);

describe('snapshot files', () => {
  for (const size of [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES + 1234]) {
    it(`writes and reads back ${size} bytes`, async () => {
      const store = new SnapshotFileStore(new MemoryDisk());
      const bytes = content(size);
      const manifest = await store.write(HEAD, pieces(bytes));
      assert.deepEqual([manifest.bytes, manifest.chunks], [size, Math.ceil(size / CHUNK_BYTES)]);
      const reader = await store.open(manifest.id);
      assert.deepEqual(reader.manifest, manifest);
      assert.ok((await gather(reader.chunks())).equals(bytes));
      for (const [offset, max] of [[0, 100], [CHUNK_BYTES - 5, 10], [size - 1, 100], [0, size], [size, 10]] as const) {
        if (offset >= 0) assert.ok(Buffer.from(await reader.read(offset, max)).equals(bytes.subarray(offset, offset + max)), `${offset}, ${max}`);
      }
      await reader.close();
    });
  }

  it('B17: file, fsync, rename, fsync of the directory, in this order', async () => {
    const disk = new MemoryDisk();
    const { id } = await new SnapshotFileStore(disk).write(HEAD, pieces(content(10)));
    const part = 'snapshots/local-2-70.part';
    assert.deepEqual(disk.journal.slice(-3), [`sync ${part}`, `rename ${part} snapshots/${id}.snap`, 'sync-directory snapshots']);
    assert.ok(!disk.journal.slice(0, -3).some((one) => /rename|sync/.test(one)));
  });

  for (const kind of ['write', 'receive'] as const) {
    it(`§E: a crash before any call of ${kind} leaves no snapshot or a whole one, and the next attempt succeeds`, async () => {
      const manifest = await manifestFor(TWO_AND_A_BIT);
      const run = async (disk: MemoryDisk): Promise<SnapshotManifest> => {
        const store = new SnapshotFileStore(disk);
        if (kind === 'write') return await store.write(HEAD, pieces(TWO_AND_A_BIT));
        const receiver = await store.receive(manifest);
        await receiver.add(TWO_AND_A_BIT.subarray(receiver.offset));
        return await receiver.finish();
      };
      const whole = new MemoryDisk();
      await run(whole);
      assert.ok(whole.calls >= 8, whole.journal.join());
      let wholeOnes = 0;
      for (let calls = 0; calls <= whole.calls; calls++) {
        const disk = new MemoryDisk();
        disk.stopAfter(calls);
        const isDone = await run(disk).then(() => true, (error: Error) => (assert.ok(error.cause instanceof DiskStopped || error instanceof DiskStopped, String(error)), false));
        assert.equal(isDone, calls === whole.calls);
        for (const unsynced of ['all', 'none'] as const) {
          const after = disk.crash(unsynced);
          const finished = after.files().filter((name) => name.endsWith('.snap'));
          if (isDone) assert.deepEqual(finished, [`snapshots/${manifest.id}.snap`]);
          const store = new SnapshotFileStore(after);
          for (const name of finished) {
            wholeOnes++;
            const reader = await store.open(name.slice('snapshots/'.length, -'.snap'.length));
            assert.ok((await gather(reader.chunks())).equals(TWO_AND_A_BIT));
          }
          await run(after);
          await store.keepOnly([manifest.id]);
          assert.deepEqual(after.files(), [`snapshots/${manifest.id}.snap`]);
        }
      }
      assert.ok(wholeOnes >= 2);
    });
  }

  it('§E: a crash inside keepOnly never takes the snapshot that is kept', async () => {
    for (let calls = 0; calls < 5; calls++) {
      const disk = new MemoryDisk();
      const store = new SnapshotFileStore(disk);
      const kept = await store.write(HEAD, pieces(content(10)));
      await store.write({ ...HEAD, index: 71 }, pieces(content(11)));
      disk.plant('snapshots/3-99-0123456789abcdef.part', content(5));
      disk.plant('snapshots/notes.txt', content(5));
      disk.stopAfter(calls);
      await store.keepOnly([kept.id]).catch(() => undefined);
      for (const unsynced of ['all', 'none'] as const) {
        const after = disk.crash(unsynced);
        const again = new SnapshotFileStore(after);
        await (await again.open(kept.id)).close();
        await again.keepOnly([kept.id]);
        assert.deepEqual(after.files(), [`snapshots/${kept.id}.snap`, 'snapshots/notes.txt']);
      }
    }
  });

  it('B17: a stream goes on where it ended, also in the middle of a chunk', async () => {
    const disk = new MemoryDisk();
    const manifest = await manifestFor(TWO_AND_A_BIT);
    let offset = 0;
    for (const until of [10, 700_000, CHUNK_BYTES, CHUNK_BYTES + 5, 2 * CHUNK_BYTES + 100, TWO_AND_A_BIT.length]) {
      const receiver = await new SnapshotFileStore(disk).receive(manifest);
      assert.equal(receiver.offset, offset);
      await receiver.add(TWO_AND_A_BIT.subarray(offset, until));
      offset = until;
      if (until < TWO_AND_A_BIT.length) await receiver.abandon();
      else await receiver.finish();
    }
    const reader = await new SnapshotFileStore(disk).open(manifest.id);
    assert.ok((await gather(reader.chunks())).equals(TWO_AND_A_BIT));
  });

  it('B17: goes on only behind what verifies', async () => {
    const manifest = await manifestFor(TWO_AND_A_BIT);
    const disk = new MemoryDisk();
    const first = await new SnapshotFileStore(disk).receive(manifest);
    await first.add(TWO_AND_A_BIT.subarray(0, 2 * CHUNK_BYTES));
    await first.abandon();
    const part = `snapshots/${manifest.id}.part`;
    const whole = disk.content(part);
    for (const [at, offset] of [[3, 0], [100, 0], [CHUNK_BYTES + 100, CHUNK_BYTES]] as const) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      const other = new MemoryDisk();
      await other.makeDirectory('snapshots');
      other.plant(part, damaged);
      const receiver = await new SnapshotFileStore(other).receive(manifest);
      assert.equal(receiver.offset, offset);
      await receiver.add(TWO_AND_A_BIT.subarray(offset));
      assert.equal((await receiver.finish()).id, manifest.id);
    }
  });

  it('I19: content that is not the manifest\'s becomes no file, and its part goes', async () => {
    const manifest = await manifestFor(TWO_AND_A_BIT);
    const other = content(TWO_AND_A_BIT.length, 2);
    for (const sent of [other, TWO_AND_A_BIT.subarray(0, 1000)]) {
      const disk = new MemoryDisk();
      const receiver = await new SnapshotFileStore(disk).receive(manifest);
      await receiver.add(sent);
      await assert.rejects(receiver.finish(), { rule: 'snapshot-content' });
      assert.deepEqual(disk.files(), []);
    }
    const disk = new MemoryDisk();
    const receiver = await new SnapshotFileStore(disk).receive(manifest);
    await assert.rejects(receiver.add(Buffer.concat([TWO_AND_A_BIT, Buffer.alloc(1)])), { rule: 'snapshot-content' });
    assert.deepEqual(disk.files(), []);
  });

  it('finds flipped bits anywhere in a file, at open or when the chunk is read', async () => {
    const disk = new MemoryDisk();
    const bytes = content(CHUNK_BYTES + 500);
    const { id } = await new SnapshotFileStore(disk).write(HEAD, pieces(bytes));
    const path = `snapshots/${id}.snap`;
    const whole = disk.content(path);
    const places = [...Array.from({ length: 30 }, (_, n) => n), 4000, CHUNK_BYTES, CHUNK_BYTES + 40, ...Array.from({ length: whole.length - CHUNK_BYTES - 600 }, (_, n) => CHUNK_BYTES + 520 + n).filter((at) => at % 7 === 0), whole.length - 1];
    for (const at of places) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      const other = new MemoryDisk();
      other.plant(path, damaged);
      await assert.rejects(async () => gather((await new SnapshotFileStore(other).open(id)).chunks()), { code: 'STORAGE_DAMAGED' }, `byte ${at}`);
    }
    for (const length of [0, 10, 48, whole.length - 1, whole.length - 32]) {
      const other = new MemoryDisk();
      other.plant(path, whole.subarray(0, length));
      await assert.rejects(new SnapshotFileStore(other).open(id), { code: 'STORAGE_DAMAGED' });
    }
    await assert.rejects(new SnapshotFileStore(new MemoryDisk()).open(id), { rule: 'snapshot-missing' });
    await assert.rejects(new SnapshotFileStore(disk).open('../../etc/passwd'), { rule: 'snapshot-id' });
    const moved = new MemoryDisk();
    moved.plant('snapshots/2-70-0123456789abcdef.snap', whole);
    await assert.rejects(new SnapshotFileStore(moved).open('2-70-0123456789abcdef'), { rule: 'record-invalid' });
  });

  it('a disk error says whether the disk is full; an error of the content comes through as it is', async () => {
    for (const [code, reason] of [['ENOSPC', 'full'], ['EIO', 'io']] as const) {
      for (const after of [0, 2, 4, 5]) {
        const disk = new MemoryDisk();
        disk.failOnce(systemError(code, 'x'), after);
        await assert.rejects(new SnapshotFileStore(disk).write(HEAD, pieces(TWO_AND_A_BIT)), { code: 'STORAGE_FAILED', reason });
        assert.deepEqual(disk.files().filter((name) => name.endsWith('.snap')), []);
      }
    }
    const stopped = new Error('stopped');
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(content(10));
      throw stopped;
    };
    const disk = new MemoryDisk();
    await assert.rejects(new SnapshotFileStore(disk).write(HEAD, failing()), (error) => error === stopped);
    assert.deepEqual(disk.files(), []);
  });

  it('keepOnly leaves a part that is being received; a second receiver is refused', async () => {
    const disk = new MemoryDisk();
    const store = new SnapshotFileStore(disk);
    const manifest = await manifestFor(TWO_AND_A_BIT);
    const receiver = await store.receive(manifest);
    await receiver.add(TWO_AND_A_BIT);
    await store.keepOnly([]);
    await assert.rejects(store.receive(manifest), { rule: 'snapshot-busy' });
    await receiver.finish();
    await receiver.abandon();
    await store.keepOnly([]);
    assert.deepEqual(disk.files(), []);
  });

  it('works on a real directory; raw gives the file as it lies', async () => {
    const root = await scratch('snapshots');
    try {
      const store = new SnapshotFileStore(new NodeDisk(root));
      const { id } = await store.write(HEAD, pieces(TWO_AND_A_BIT));
      const raw = await gather(store.raw(id, HEAD));
      assert.ok(raw.equals(await fs.readFile(`${root}/snapshots/${id}.snap`)));
      assert.equal((await fs.stat(`${root}/snapshots/${id}.snap`)).mode & 0o777, 0o600);
      const reader = await store.open(id);
      assert.ok((await gather(reader.chunks())).equals(TWO_AND_A_BIT));
      await reader.close();
      // Saved from a member of a later generation, it is a snapshot of that one.
      const later = await gather(store.raw(id, { clusterId: 'a-longer-name-of-the-cluster', generation: 5 }));
      await fs.writeFile(`${root}/snapshots/${id}.snap`, later);
      const saved = await store.open(id);
      assert.deepEqual({ ...saved.manifest, clusterId: HEAD.clusterId, generation: HEAD.generation }, { ...reader.manifest });
      assert.deepEqual([saved.manifest.clusterId, saved.manifest.generation], ['a-longer-name-of-the-cluster', 5]);
      assert.ok((await gather(saved.chunks())).equals(TWO_AND_A_BIT));
      await saved.close();
    } finally {
      await fs.rm(root, { recursive: true });
    }
  });
});
