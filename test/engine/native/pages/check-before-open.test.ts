import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LmdbKvStore } from '../../../../src/engine/adapters/lmdb-kv-store.ts';
import { checkBeforeOpen } from '../../../../src/engine/native/pages/check-before-open.ts';
import { openLmdb } from '../../../../src/engine/native/pages/lmdb-file.ts';
import { memorySource } from '../../../../src/engine/native/pages/byte-source.ts';
import { writeSample } from '../../../helpers/lmdb-sample.ts';

describe('checkBeforeOpen', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'check-before-open-'));
  const file = path.join(directory, 'data.mdb');
  after(() => fs.rmSync(directory, { recursive: true, force: true }));
  let bytes: Buffer;

  before(async () => {
    const sample = await writeSample(21, { databases: 3, rounds: 20, perRound: 60, maxValueBytes: 12_000 });
    bytes = fs.readFileSync(sample.file);
    sample.remove();
  });

  const check = (content: Buffer) => {
    fs.writeFileSync(file, content);
    return checkBeforeOpen(directory);
  };

  it('lets a new and a sound environment pass, and writes nothing', () => {
    fs.rmSync(file, { force: true });
    assert.deepEqual(checkBeforeOpen(directory), { ok: true });
    assert.deepEqual(checkBeforeOpen(path.join(directory, 'missing')), { ok: true });
    assert.deepEqual(check(bytes), { ok: true });
    assert.deepEqual(fs.readdirSync(directory), ['data.mdb']);
  });

  it('stops an empty file, a cut one, and either meta page gone, with the place', () => {
    assert.deepEqual(check(Buffer.alloc(0)), { ok: false, file, byteOffset: 0, problem: 'is empty: an environment that was opened once is never' });
    for (let cut = 1; cut < bytes.length; cut += 4096 * 3 + 517) {
      const found = check(bytes.subarray(0, cut));
      const view = openLmdb(memorySource('', bytes.subarray(0, cut))).views[0];
      assert.equal(found.ok, cut > 8192 && view?.firstDamage() === null, `cut at ${cut}`);
    }
    for (const page of [0, 1]) {
      const bad = Buffer.from(bytes);
      bad.fill(0, page * 4096, page * 4096 + 4096);
      const found = check(bad);
      assert.ok(!found.ok);
      assert.equal(found.byteOffset, page * 4096);
    }
  });

  it('stops a page that is not what its tree needs, and names its byte', () => {
    const [view] = openLmdb(memorySource('', bytes)).views;
    assert.ok(view);
    for (const root of [view.meta.main.root, view.meta.free.root, ...[...view.databases().values()].map((one) => one.head.root)]) {
      assert.ok(root);
      const bad = Buffer.from(bytes);
      bad.writeUInt16LE(0x40, root * 4096 + 18);
      const found = check(bad);
      assert.ok(!found.ok);
      assert.equal(found.byteOffset, root * 4096);
    }
  });

  it('lets a list of free pages pass whose transactions lie on both sides of a multiple of 256', async () => {
    // Its keys are numbers of the machine: 256 (00 01) comes after 255 (ff 00), though its bytes do not. An open view keeps them listed.
    const home = path.join(directory, 'free-list');
    const store = await LmdbKvStore.open(home);
    const put = (at: number) => store.transact([{ kind: 'put', database: 'd', key: Buffer.from('k'), value: Buffer.alloc(5000, at) }]);
    try {
      for (let at = 0; at < 240; at += 1) await put(at);
      const view = store.view();
      for (let at = 240; at < 300; at += 1) {
        await put(at);
        assert.deepEqual(checkBeforeOpen(home), { ok: true }, `after transaction ${at}`);
      }
      view.release();
    } finally {
      await store.close();
    }
  });

  it('stops what is no file', () => {
    fs.rmSync(file);
    fs.mkdirSync(file);
    assert.equal(checkBeforeOpen(directory).ok, false);
    fs.rmdirSync(file);
  });
});
