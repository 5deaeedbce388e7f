import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CorruptDataError } from '../../../../src/engine/errors.ts';
import { fnv1a64 } from '../../../../src/engine/readers/bbolt/bytes.ts';
import { BoltFile } from '../../../../src/engine/readers/bbolt/file.ts';
import { FileSource } from '../../../../src/engine/readers/file-source.ts';
import { resealMeta, writeBolt, type BoltWriteOptions, type BucketToWrite } from '../../../helpers/bbolt-writer.ts';

let directory: string;
before(() => (directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-bolt-'))));
after(() => fs.rmSync(directory, { recursive: true }));

function u64key(n: number): Buffer {
  const key = Buffer.alloc(8);
  key.writeBigUInt64BE(BigInt(n));
  return key;
}

function* rows(count: number, bytes: number): Generator<readonly [Buffer, Buffer]> {
  for (let i = 1; i <= count; i++) yield [u64key(i), Buffer.alloc(bytes, i)];
}

function written(buckets: BucketToWrite[], options?: BoltWriteOptions): string {
  const file = path.join(directory, 'test.db');
  writeBolt(file, buckets, options);
  return file;
}

const open = (file: string) => BoltFile.open(FileSource.open(file));

/** Changes bytes of a file in place. */
function patch(file: string, change: (bytes: Buffer) => void): void {
  const bytes = fs.readFileSync(file);
  change(bytes);
  fs.writeFileSync(file, bytes);
}

describe('fnv1a64', () => {
  // Test vectors of the FNV reference distribution (draft-eastlake-fnv).
  for (const [text, hash] of [['', 'cbf29ce484222325'], ['a', 'af63dc4c8601ec8c'], ['foobar', '85944171f73967e8']] as const) {
    it(`of "${text}"`, () => {
      const { high, low } = fnv1a64(Buffer.from(text));
      assert.equal(high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0'), hash);
    });
  }
});

describe('BoltFile', () => {
  for (const pageSize of [1024, 4096, 16384, 65536]) {
    it(`reads a tree with branches, overflow pages and inline buckets at page size ${pageSize}`, () => {
      const bolt = open(written([{ name: 'logs', items: rows(20_000, 40) }, { name: 'big', items: rows(7, 3 * pageSize) }, { name: 'conf', items: rows(3, 8), inline: true }, { name: 'none', items: [] }], { pageSize, txid: 8 }));
      assert.deepEqual(bolt.bucketNames(), ['big', 'conf', 'logs', 'none']);
      assert.equal(bolt.pageSize, pageSize);
      assert.equal(bolt.txid, 8);
      assert.deepEqual(bolt.check(), []);
      const logs = bolt.bucket('logs');
      let next = 1;
      for (const { key, value } of logs?.items() ?? []) {
        assert.deepEqual(key, u64key(next));
        assert.equal(value[0], next & 0xff);
        next += 1;
      }
      assert.equal(next, 20_001);
      assert.deepEqual(logs?.firstKey(), u64key(1));
      assert.deepEqual(logs?.lastKey(), u64key(20_000));
      assert.deepEqual(bolt.bucket('big')?.get(u64key(5)), Buffer.alloc(3 * pageSize, 5));
      assert.deepEqual(bolt.bucket('conf')?.get(u64key(3)), Buffer.alloc(8, 3));
      assert.equal(bolt.bucket('none')?.lastKey(), null);
      assert.equal(bolt.bucket('missing'), null);
    });
  }

  it('gets keys, and nothing for keys that are not there', () => {
    const bucket = open(written([{ name: 'logs', items: rows(5000, 40) }])).bucket('logs');
    for (const n of [1, 2, 99, 2500, 4999, 5000]) assert.equal(bucket?.get(u64key(n))?.[0], n & 0xff);
    for (const n of [0, 5001, 2 ** 40]) assert.equal(bucket?.get(u64key(n)), null);
    assert.equal(bucket?.get('x'), null);
  });

  it('begins a walk at any key', () => {
    const bucket = open(written([{ name: 'logs', items: rows(5000, 40) }])).bucket('logs');
    for (const n of [1, 77, 2500, 4999, 5000]) {
      const keys = [...(bucket?.items({ from: u64key(n) }) ?? [])].map(({ key }) => Number(key.readBigUInt64BE()));
      assert.deepEqual([keys[0], keys.at(-1), keys.length], [n, 5000, 5001 - n]);
    }
    assert.deepEqual([...(bucket?.items({ from: u64key(5001) }) ?? [])], []);
  });

  it('notices a newer transaction', () => {
    const file = written([{ name: 'logs', items: rows(10, 10) }], { txid: 5 });
    const bolt = open(file);
    assert.equal(bolt.movedOn(), false);
    patch(file, (bytes) => {
      bytes.writeBigUInt64LE(6n, 64);
      resealMeta(bytes.subarray(0, 4096));
    });
    assert.equal(bolt.movedOn(), true);
  });

  it('finds meta 1 at its own page size when meta 0 is gone', () => {
    const file = written([{ name: 'logs', items: rows(10, 10) }], { pageSize: 16384, txid: 7 });
    patch(file, (bytes) => bytes.fill(0, 0, 4096));
    const bolt = open(file);
    assert.deepEqual([bolt.pageSize, bolt.txid], [16384, 7]);
    assert.equal(bolt.metas[0]?.problem, 'magic is 0x00000000, not 0xed0cdaed');
    assert.equal([...(bolt.bucket('logs')?.items() ?? [])].length, 10);
  });

  it('says so when the file comes from a big-endian machine', () => {
    const file = written([{ name: 'logs', items: rows(10, 10) }]);
    patch(file, (bytes) => {
      for (const at of [16, 4096 + 16]) bytes.subarray(at, at + 4).reverse();
    });
    assert.throws(() => open(file), /big-endian/);
  });

  it('goes on behind a damaged page and gives the bounds of what is lost', () => {
    const file = written([{ name: 'logs', items: rows(5000, 40) }]);
    const all = [...(open(file).bucket('logs')?.items() ?? [])];
    const victim = all[2500]?.byteOffset as number;
    const lost = all.filter(({ byteOffset }) => byteOffset === victim).map(({ key }) => Number(key.readBigUInt64BE()));
    patch(file, (bytes) => bytes.fill(0, victim, victim + 4096));
    const damage: [number, number | undefined, number | undefined][] = [];
    const items = open(file).bucket('logs')?.items({
      onDamage: (error, from, to) => damage.push([error.byteOffset, Number(from?.readBigUInt64BE()), Number(to?.readBigUInt64BE())]),
    });
    assert.equal([...(items ?? [])].length, all.length - lost.length);
    assert.deepEqual(damage, [[victim, lost[0], (lost.at(-1) as number) + 1]]);
    assert.throws(() => [...(open(file).bucket('logs')?.items() ?? [])], CorruptDataError);
    assert.ok(open(file).check().some(({ byteOffset }) => byteOffset === victim));
  });

  it('loses one element, not its page, to a broken length', () => {
    const file = written([{ name: 'logs', items: rows(60, 20) }]);
    const page = [...(open(file).bucket('logs')?.items() ?? [])][0]?.byteOffset as number;
    patch(file, (bytes) => bytes.writeUInt32LE(0x7fffffff, page + 16 + 16 * 10 + 12));
    const damage: unknown[] = [];
    const items = [...(open(file).bucket('logs')?.items({ onDamage: (_, from, to) => damage.push([from, to]) }) ?? [])];
    assert.equal(items.length, 59);
    assert.deepEqual(damage, [[u64key(10), u64key(12)]]);
  });
});

describe('BoltFile.check', () => {
  const problemsAfter = (change: (bytes: Buffer, leaf: number) => void, options?: BoltWriteOptions): string => {
    const file = written([{ name: 'logs', items: rows(2000, 20) }, { name: 'small', items: rows(4, 4), inline: true }], options);
    const leaf = [...(open(file).bucket('logs')?.items() ?? [])][1000]?.byteOffset as number;
    patch(file, (bytes) => change(bytes, leaf));
    const problems = open(file).check();
    return problems.map(({ problem }) => problem).join('\n');
  };

  it('sees keys out of order', () => {
    assert.match(problemsAfter((bytes, leaf) => bytes.writeUInt8(0xff, leaf + bytes.readUInt32LE(leaf + 20) + 16)), /comes before its neighbour|belongs to the next page/);
  });

  it('sees a page that is in use and in the freelist', () => {
    const problems = problemsAfter((bytes, leaf) => {
      bytes.writeUInt16LE(1, 2 * 4096 + 10);
      bytes.writeBigUInt64LE(BigInt(leaf / 4096), 2 * 4096 + 16);
    });
    assert.match(problems, /in use and in the freelist/);
  });

  it('sees a page freed twice, and a page outside the file', () => {
    const problems = problemsAfter((bytes) => {
      bytes.writeUInt16LE(3, 2 * 4096 + 10);
      [5n, 5n, 2n ** 63n].forEach((id, i) => bytes.writeBigUInt64LE(id, 2 * 4096 + 16 + i * 8));
    });
    assert.match(problems, /page 5 is in the freelist twice/);
    assert.match(problems, /outside 2\.\./);
  });

  it('sees a page that nobody uses, but only with a freelist', () => {
    const spare = (bytes: Buffer) => {
      const root = Number(bytes.readBigUInt64LE(32)) * 4096;
      bytes.writeUInt16LE(bytes.readUInt16LE(root + 10) - 2, root + 10); // drops both buckets
    };
    assert.match(problemsAfter(spare), /neither in use nor free/);
    assert.equal(problemsAfter(spare, { freelist: 'none' }), '');
  });

  it('sees damage in an inline bucket', () => {
    const problems = problemsAfter((bytes) => {
      const root = Number(bytes.readBigUInt64LE(32)) * 4096;
      const element = root + 16 + 16; // `small` comes after `logs`
      const value = element + bytes.readUInt32LE(element + 4) + bytes.readUInt32LE(element + 8);
      bytes.writeUInt16LE(200, value + 16 + 10);
    });
    assert.match(problems, /inline bucket small claims 200 elements/);
  });
});
