import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BoltFile } from '../../../../src/engine/readers/bbolt/file.ts';
import { FileSource } from '../../../../src/engine/readers/file-source.ts';
import { editBolt, type BucketEdit } from '../../../../src/engine/writers/bbolt/edit.ts';
import { writeBolt, type BoltWriteOptions } from '../../../helpers/bbolt-writer.ts';

const PAGE = 4096;

function revision(main: number): Buffer {
  const key = Buffer.alloc(17);
  key.writeBigUInt64BE(BigInt(main), 0);
  key[8] = 0x5f;
  return key;
}

function sha256(bytes: Uint8Array): string {
  return crypto.createHash('sha256').update(bytes).digest('hex');
}

function* revisions(count: number, bytes: number): Generator<[Buffer, Buffer]> {
  for (let i = 1; i <= count; i++) yield [revision(i), Buffer.alloc(bytes, i)];
}

describe('bbolt edit', () => {
  let directory: string;
  let file: string;

  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-edit-'));
    file = path.join(directory, 'db');
  });

  afterEach(() => fs.rmSync(directory, { recursive: true }));

  function write(keys: number, bytes: number, options: BoltWriteOptions & { inline?: boolean } = {}): void {
    const { inline = false, ...rest } = options;
    const small = (name: string, rows: [string, string][]) => ({ name, inline: true, items: rows.map(([key, value]) => [Buffer.from(key), Buffer.from(value)] as const) });
    writeBolt(file, [{ name: 'key', inline, items: revisions(keys, bytes) }, small('members', [['a', '1'], ['b', '2']]), small('meta', [['consistent_index', 'x'], ['term', 'y']])], rest);
  }

  /** Everything in it, and what the format's own check says. */
  function content(): { buckets: Record<string, [string, string][]>; problems: unknown[]; txid: number } {
    using source = FileSource.open(file);
    const bolt = BoltFile.open(source);
    const buckets: Record<string, [string, string][]> = {};
    const all = [...bolt.buckets()]; // items are read with the same buffer
    for (const bucket of all) {
      const rows: [string, string][] = (buckets[bucket.name] = []);
      for (const { key, value } of bucket.items()) rows.push([key.toString('hex'), value.length > 64 ? sha256(value) : value.toString('hex')]);
    }
    return { buckets, problems: bolt.check(), txid: bolt.txid };
  }

  const hex = (text: string): string => Buffer.from(text).toString('hex');
  const append: BucketEdit = { bucket: 'key', kind: 'append', key: revision(2 ** 40), value: Buffer.alloc(0) };

  for (const [what, keys, bytes, options] of [
    ['a leaf', 10, 20, {}],
    ['one level of branches', 300, 200, {}],
    ['two levels of branches', 60_000, 200, {}],
    ['values larger than a page', 40, 3 * PAGE, {}],
    ['an inline bucket', 3, 10, { inline: true }],
    ['a synced freelist', 300, 200, { freelist: 'synced' }],
    ['no freelist', 300, 200, { freelist: 'none' }],
    ['pages of 16 KiB', 3000, 200, { pageSize: 16_384 }],
    ['an even txid', 300, 200, { txid: 8 }],
  ] as [string, number, number, BoltWriteOptions & { inline?: boolean }][]) {
    it(`appends behind the last key of ${what} and leaves the rest as it is`, () => {
      write(keys, bytes, options);
      const before = content();
      editBolt(file, [append]);
      const after = content();
      assert.deepEqual(after.problems, []);
      assert.equal(after.txid, before.txid + 1);
      assert.deepEqual(after.buckets['key'], [...(before.buckets['key'] ?? []), [revision(2 ** 40).toString('hex'), '']]);
      assert.deepEqual({ ...after.buckets, key: [] }, { ...before.buckets, key: [] });
      assert.ok(fs.statSync(file).size % (options.pageSize ?? PAGE) === 0);
    });
  }

  it('replaces a bucket, sets keys in another and makes one that is missing, in one transaction', () => {
    write(300, 200);
    const before = content();
    editBolt(file, [
      { bucket: 'members', kind: 'replace', items: [['c', '3']] },
      { bucket: 'meta', kind: 'set', items: [['term', 'z'], ['confState', '{}']] },
      { bucket: 'members_removed', kind: 'replace', items: [['b', 'removed'], ['a', 'removed']] },
    ]);
    const { buckets, problems, txid } = content();
    assert.deepEqual(problems, []);
    assert.equal(txid, before.txid + 1);
    assert.deepEqual(buckets['members'], [[hex('c'), hex('3')]]);
    assert.deepEqual(buckets['members_removed'], [[hex('a'), hex('removed')], [hex('b'), hex('removed')]]);
    assert.deepEqual(buckets['meta'], [[hex('confState'), hex('{}')], [hex('consistent_index'), hex('x')], [hex('term'), hex('z')]]);
    assert.deepEqual(buckets['key'], before.buckets['key']);
  });

  it('sees its own changes where a bucket is edited twice', () => {
    write(5, 10);
    const items = Array.from({ length: 500 }, (_, i) => [String(i).padStart(16, '0'), 'v'] as const);
    editBolt(file, [{ bucket: 'meta', kind: 'set', items }, { bucket: 'meta', kind: 'set', items: [['zz', 'last']] }]);
    const { buckets, problems } = content();
    assert.deepEqual(problems, []);
    assert.equal(buckets['meta']?.length, 503);
    assert.deepEqual(buckets['meta']?.at(-1), [hex('zz'), hex('last')]);
  });

  it('gives a bucket that is too large to be inline pages of its own', () => {
    write(5, 10);
    const items = Array.from({ length: 500 }, (_, i) => [String(i).padStart(16, '0'), 'removed'] as const);
    editBolt(file, [{ bucket: 'members_removed', kind: 'replace', items }]);
    const { buckets, problems } = content();
    assert.deepEqual(problems, []);
    assert.equal(buckets['members_removed']?.length, 500);
    editBolt(file, [{ bucket: 'members_removed', kind: 'set', items: [['zz', 'removed']] }]);
    assert.equal(content().buckets['members_removed']?.length, 501);
    assert.deepEqual(content().problems, []);
  });

  it('leaves the old content where the new meta page did not reach the disk', () => {
    write(300, 200);
    const before = content();
    const metas = fs.readFileSync(file).subarray(0, 2 * PAGE);
    editBolt(file, [append]);
    const fd = fs.openSync(file, 'r+');
    fs.writeSync(fd, metas, 0, metas.length, 0);
    fs.closeSync(fd);
    assert.deepEqual(content(), before);
  });

  it('refuses a key that does not come last', () => {
    write(300, 200);
    const before = fs.readFileSync(file).subarray(0, 2 * PAGE);
    assert.throws(() => editBolt(file, [{ bucket: 'key', kind: 'append', key: revision(5), value: Buffer.alloc(0) }]), RangeError);
    assert.deepEqual(fs.readFileSync(file).subarray(0, 2 * PAGE), before);
  });
});
