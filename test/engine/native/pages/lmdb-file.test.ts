import assert from 'node:assert/strict';
import fs from 'node:fs';
import { memorySource } from '../../../../src/engine/native/pages/byte-source.ts';
import { openLmdb } from '../../../../src/engine/native/pages/lmdb-file.ts';
import type { LmdbView } from '../../../../src/engine/native/pages/lmdb-file.ts';
import { packageView, writeSample } from '../../../helpers/lmdb-sample.ts';
import type { Content, Sample } from '../../../helpers/lmdb-sample.ts';
import { Chance } from '../../../helpers/mutations.ts';

const PAGE = 4096;

function newest(bytes: Uint8Array): LmdbView {
  const [view] = openLmdb(memorySource('data.mdb', bytes)).views;
  assert.ok(view, 'no view');
  return view;
}

/** Pairs by database, and everything that is lost. */
function contentOf(view: LmdbView): { content: Content; lost: string[] } {
  const content: Content = new Map();
  const lost = view.lostDatabases().map((one) => one.problem);
  for (const name of view.databases().keys()) {
    const held = new Map<string, string>();
    for (const item of view.items(name)) {
      if (item.kind === 'pair') held.set(item.key.toString('hex'), item.value.toString('hex'));
      else lost.push(item.problem);
    }
    content.set(name, held);
  }
  return { content, lost };
}

function sorted(content: Content): [string, [string, string][]][] {
  return [...content].map(([name, held]): [string, [string, string][]] => [name, [...held].sort(([a], [b]) => (a < b ? -1 : 1))]).sort(([a], [b]) => (a < b ? -1 : 1));
}

describe('LMDB pages', () => {
  const samples: Sample[] = [];
  after(() => samples.forEach((sample) => sample.remove()));
  const sample = async (...args: Parameters<typeof writeSample>): Promise<Sample> => {
    const made = await writeSample(...args);
    samples.push(made);
    return made;
  };

  for (const [seed, shape] of [
    { databases: 1, rounds: 1, perRound: 1, maxValueBytes: 10 },
    { databases: 3, rounds: 40, perRound: 40, maxValueBytes: 30_000 },
    { databases: 40, rounds: 20, perRound: 100, maxValueBytes: 3_000 },
    { databases: 2, rounds: 60, perRound: 100, maxValueBytes: 300 },
    { databases: 5, rounds: 30, perRound: 20, maxValueBytes: 200_000 },
  ].entries()) {
    it(`reads what the package reads: ${JSON.stringify(shape)}`, async () => {
      const { file, content } = await sample(seed + 1, shape);
      const view = newest(fs.readFileSync(file));
      const read = contentOf(view);
      assert.deepEqual(read.lost, []);
      assert.equal(view.firstDamage(), null, 'every page holds together, the free pages too');
      const written = sorted(content).filter(([, held]) => held.length > 0);
      assert.deepEqual(sorted(read.content).filter(([, held]) => held.length > 0), written);
      assert.deepEqual(sorted(await packageView(file, content.keys())).filter(([, held]) => held.length > 0), written);
      for (const [name, held] of content) for (const [key, value] of [...held].slice(0, 20)) {
        const got = view.get(name, Buffer.from(key, 'hex'));
        assert.ok(got && 'value' in got);
        assert.equal(got.value.toString('hex'), value);
      }
    });
  }

  it('begins at any key', async () => {
    const { file, content } = await sample(7, { databases: 1, rounds: 30, perRound: 100, maxValueBytes: 3000 });
    const view = newest(fs.readFileSync(file));
    const keys = [...(content.get('db-0') ?? [])].map(([key]) => key).sort();
    for (let number = 0; number < 2000; number += 37) {
      const from = Buffer.alloc(8);
      from.writeUInt32BE(number, 4);
      const read = [...view.items('db-0', from)].map((item) => (item.kind === 'pair' ? item.key.toString('hex') : item.problem));
      assert.deepEqual(read, keys.filter((key) => key >= from.toString('hex')));
    }
  });

  it('gives values where the file has them', async () => {
    const { file } = await sample(8, { databases: 2, rounds: 5, perRound: 40, maxValueBytes: 20_000 });
    const bytes = fs.readFileSync(file);
    let big = 0;
    for (const item of newest(bytes).items('db-0')) {
      assert.equal(item.kind, 'pair');
      if (item.kind !== 'pair') continue;
      assert.deepEqual(bytes.subarray(item.byteOffset, item.byteOffset + item.value.length), item.value);
      if (item.value.length > PAGE) big++;
    }
    assert.ok(big > 0, 'overflow values are among them');
  });

  it('ends and says so when the file is cut at any page', async () => {
    const { file, content } = await sample(9, { databases: 3, rounds: 20, perRound: 60, maxValueBytes: 12_000 });
    const bytes = fs.readFileSync(file);
    const view = newest(bytes);
    let told = 0;
    for (let pages = 0; pages < bytes.length / PAGE; pages++) {
      const cut = bytes.subarray(0, pages * PAGE + (pages % 3) * 700);
      const [found] = openLmdb(memorySource('data.mdb', cut)).views;
      if (found === undefined) {
        assert.ok(pages < 2, `no view of ${pages} pages`);
        continue;
      }
      const read = contentOf(found);
      for (const [name, held] of read.content) for (const [key, value] of held) {
        if (found.meta.transaction === view.meta.transaction) assert.equal(content.get(name)?.get(key), value);
      }
      if (read.lost.length > 0) told++;
      else assert.deepEqual(sorted(read.content), sorted(contentOf(view).content), `${pages} pages: something is missing and nothing was said`);
    }
    assert.ok(told > 10);
  });

  it('loses only what a destroyed page held, and names the keys between which it is gone', async () => {
    const { file, content } = await sample(10, { databases: 1, rounds: 30, perRound: 100, maxValueBytes: 300 });
    const bytes = fs.readFileSync(file);
    const held = content.get('db-0') ?? new Map<string, string>();
    let destroyed = 0;
    for (let page = 2; page < bytes.length / PAGE; page++) {
      const bad = Buffer.from(bytes);
      bad.fill(0, page * PAGE, (page + 1) * PAGE);
      const view = newest(bad);
      if (view.lostDatabases().length > 0) continue;
      const gone: { from: string; until: string }[] = [];
      const read = new Set<string>();
      for (const item of view.items('db-0')) {
        if (item.kind === 'pair') read.add(item.key.toString('hex'));
        else gone.push({ from: item.from?.toString('hex') ?? '', until: item.until?.toString('hex') ?? 'ff' });
      }
      const missing = [...held.keys()].filter((key) => !read.has(key));
      if (missing.length > 0) destroyed++;
      for (const key of missing) assert.ok(gone.some((range) => key >= range.from && key < range.until), `page ${page}: ${key} is gone unnamed`);
    }
    assert.ok(destroyed > 3);
  });

  it('takes the other meta page when the newer one is bad, and says which', async () => {
    const { file } = await sample(11, { databases: 1, rounds: 4, perRound: 5, maxValueBytes: 50 });
    const bytes = fs.readFileSync(file);
    const { views } = openLmdb(memorySource('data.mdb', bytes));
    const [first, second] = views;
    assert.ok(first && second && first.meta.transaction === second.meta.transaction + 1);
    for (const at of [18, 24, 28, 48, 144, 152, 136]) {
      const bad = Buffer.from(bytes);
      bad.writeUInt16LE(0x7776 + (1 - first.meta.page), first.meta.byteOffset + at);
      if (at === 136) bad.writeUInt16LE(0xffff, first.meta.byteOffset + at);
      const file = openLmdb(memorySource('data.mdb', bad));
      assert.deepEqual(file.badMetas.map((one) => [one.page, one.byteOffset]), [[first.meta.page, first.meta.byteOffset]], `byte ${at}`);
      assert.equal(file.views[0]?.meta.transaction, second.meta.transaction);
      assert.equal(file.views[0]?.firstDamage(), null, 'the older view is whole');
    }
  });

  it('does not take the older view for the newest when its transaction number was flipped upwards', async () => {
    const { file } = await sample(14, { databases: 1, rounds: 4, perRound: 5, maxValueBytes: 50 });
    const bytes = fs.readFileSync(file);
    const [first, second] = openLmdb(memorySource('data.mdb', bytes)).views;
    assert.ok(first && second);
    bytes.writeUInt8((bytes[second.meta.byteOffset + 152] ?? 0) | 0x40, second.meta.byteOffset + 152);
    const opened = openLmdb(memorySource('data.mdb', bytes));
    assert.equal(opened.views[0]?.meta.transaction, first.meta.transaction);
    assert.match(opened.badMetas[0]?.problem ?? '', /its main tree is of/);
  });

  it('never loops, throws or allocates without bound whatever bits flip', async () => {
    const { file } = await sample(12, { databases: 3, rounds: 12, perRound: 60, maxValueBytes: 9000 });
    const bytes = fs.readFileSync(file);
    const chance = new Chance(5);
    let told = 0;
    for (let round = 0; round < 600; round++) {
      const bad = Buffer.from(bytes);
      // Headers, pointers and nodes: where a flipped bit leads somewhere else.
      const page = chance.below(bytes.length / PAGE) * PAGE;
      for (let flips = 0; flips < 1 + chance.below(4); flips++) {
        const at = page + (chance.below(2) === 0 ? chance.below(200) : chance.below(PAGE));
        bad[at] = (bad[at] ?? 0) ^ (1 << chance.below(8));
      }
      const opened = openLmdb(memorySource('data.mdb', bad));
      for (const view of opened.views) {
        const { lost } = contentOf(view);
        if (lost.length > 0 || view.firstDamage() !== null) told++;
      }
    }
    assert.ok(told > 50);
  });

  it('refuses a tree that leads into itself', async () => {
    const { file } = await sample(13, { databases: 1, rounds: 30, perRound: 100, maxValueBytes: 300 });
    const bytes = fs.readFileSync(file);
    const view = newest(bytes);
    const root = view.databases().get('db-0')?.head.root ?? 0;
    const branch = root * PAGE;
    assert.equal(bytes.readUInt16LE(branch + 18), 1, 'the root is a branch page');
    // The second child becomes the first: its page is reached twice; then the root itself: a cycle.
    const pointer = (i: number): number => branch + 24 + bytes.readUInt16LE(branch + 24 + 2 * i);
    for (const child of [bytes.readUInt32LE(pointer(0)), root]) {
      const bad = Buffer.from(bytes);
      bad.writeUInt32LE(child, pointer(1));
      const lost = [...newest(bad).items('db-0')].filter((item) => item.kind === 'lost');
      assert.ok(lost.length > 0);
      assert.match(lost[0]?.kind === 'lost' ? lost[0].problem : '', /reached twice|at a place for/);
    }
  });
});
