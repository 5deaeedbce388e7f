import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BoltFile } from '../../../../src/engine/readers/bbolt/file.ts';
import { FileSource } from '../../../../src/engine/readers/file-source.ts';
import { rewriteBolt, withKey } from '../../../../src/engine/writers/bbolt/fresh-file-from.ts';
import { type BoltPair, type FreshBucket, type FreshFileOptions, writeFreshBolt } from '../../../../src/engine/writers/bbolt/fresh-file.ts';
import { boltCheck, goRaftMissing } from '../../../helpers/go-raft.ts';
import { skipWithout } from '../../../helpers/skip-without.ts';

function* numbered(count: number, valueBytes: (at: number) => number): Generator<BoltPair> {
  const key = Buffer.alloc(8); // one buffer for all, as a reader's page is
  for (let at = 1; at <= count; at++) {
    key.writeBigUInt64BE(BigInt(at));
    yield [key, Buffer.alloc(valueBytes(at), at % 251)];
  }
}

const pair = (key: string, value: string): BoltPair => [Buffer.from(key), Buffer.from(value)];

describe('a fresh bbolt file', () => {
  let directory: string;
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-fresh-'));
  });
  afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

  function written(buckets: FreshBucket[], options: FreshFileOptions = {}): { file: string; use: <T>(look: (bolt: BoltFile) => T) => T } {
    const file = path.join(directory, 'x.db');
    writeFreshBolt(file, buckets, options);
    return {
      file,
      use: (look) => {
        using source = FileSource.open(file);
        const bolt = BoltFile.open(source);
        assert.deepEqual(bolt.check(), []);
        return look(bolt);
      },
    };
  }

  const itemsOf = (bolt: BoltFile, name: string): [string, string][] => [...(bolt.bucket(name)?.items() ?? [])].map(({ key, value }) => [key.toString(), value.toString()]);

  it('keeps small buckets inside the root page, sorted by name whatever the order given', () => {
    const { use, file } = written([{ name: 'logs', items: [] }, { name: 'conf', items: [pair('CurrentTerm', '12345678'), pair('LastVoteCand', 'a:1')] }]);
    use((bolt) => {
      assert.deepEqual(bolt.bucketNames(), ['conf', 'logs']);
      assert.deepEqual(itemsOf(bolt, 'conf'), [['CurrentTerm', '12345678'], ['LastVoteCand', 'a:1']]);
      assert.deepEqual(itemsOf(bolt, 'logs'), []);
      assert.equal(bolt.highWater, 4, 'metas, freelist, root');
    });
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  });

  it('makes branch levels as needed', () => {
    const { use } = written([{ name: 'logs', items: numbered(60_000, () => 90) }, { name: 'conf', items: [] }], { pageSize: 1024 });
    use((bolt) => {
      let next = 1;
      for (const { key, value } of bolt.bucket('logs')?.items() ?? []) {
        assert.deepEqual([Number(key.readBigUInt64BE()), value.length, value[0] ?? -1], [next, 90, next % 251]);
        next++;
      }
      assert.equal(next, 60_001);
      assert.equal(bolt.bucket('logs')?.get(Buffer.from('000000000000c350', 'hex'))?.[0], 50_000 % 251);
    });
  });

  it('gives large values overflow pages', () => {
    const sizes = [10, 5000, 1, 3_000_000, 4096, 4064, 0, 70_000];
    const { use } = written([{ name: 'logs', items: numbered(sizes.length, (at) => sizes[at - 1] as number) }]);
    use((bolt) => assert.deepEqual([...(bolt.bucket('logs')?.items() ?? [])].map(({ value }) => value.length), sizes));
  });

  for (const pageSize of [4096, 16_384, 65_536]) {
    it(`has pages of ${pageSize} bytes where the source has`, () => {
      written([{ name: 'logs', items: numbered(5000, (at) => at % 300) }], { pageSize }).use((bolt) => assert.equal(bolt.pageSize, pageSize));
    });
  }

  it('says so when the freelist is not kept, and counts transactions on', () => {
    written([{ name: 'logs', items: numbered(10, () => 3) }], { freelist: 'none', txid: 42 }).use((bolt) => {
      assert.deepEqual([bolt.current.freelistPage, bolt.txid], [null, 42]);
      assert.deepEqual(bolt.metas.map(({ txid, problem }) => [txid, problem]), [[42, null], [41, null]]);
    });
  });

  it('overwrites nothing, and refuses keys that do not ascend', () => {
    const file = path.join(directory, 'taken.db');
    fs.writeFileSync(file, 'precious');
    assert.throws(() => writeFreshBolt(file, []), { code: 'EEXIST' });
    assert.equal(fs.readFileSync(file, 'utf8'), 'precious');
    const twice = (first: string, second: string) => () => writeFreshBolt(path.join(directory, `${first}${second}.db`), [{ name: 'b', items: [pair(first, ''), pair(second, '')] }]);
    assert.throws(twice('b', 'a'), RangeError);
    assert.throws(twice('c', 'c'), RangeError);
    assert.throws(() => writeFreshBolt(path.join(directory, 'empty.db'), [{ name: 'b', items: [pair('', 'x')] }]), RangeError);
  });

  it('needs no more memory for more items', function () {
    this.timeout(30_000);
    const before = process.memoryUsage().rss;
    let peak = before;
    function* watched(): Generator<BoltPair> {
      for (const item of numbered(150_000, () => 1000)) {
        if (item[0][7] === 0) peak = Math.max(peak, process.memoryUsage().rss);
        yield item;
      }
    }
    written([{ name: 'logs', items: watched() }]);
    assert.ok(peak - before < 100 << 20, `${(peak - before) >> 20} MiB for 150 MB of items`);
  });

  it('keeps what an edit does not name: other buckets, other keys, page size, the way of the freelist', () => {
    const { file } = written(
      [
        { name: 'conf', items: [pair('BuildTime', 'x'), pair('CurrentTerm', 'old'), pair('Vacuum', 'y')] },
        { name: 'own', items: numbered(2000, () => 20) },
      ],
      { pageSize: 8192, freelist: 'none', txid: 7 },
    );
    const into = path.join(directory, 'edited.db');
    rewriteBolt(file, into, 'x.db', { conf: { edit: (items) => withKey(items, 'CurrentTerm', Buffer.from('new')) }, logs: { edit: () => [pair('k', 'v')] } });
    using source = FileSource.open(into);
    const bolt = BoltFile.open(source);
    assert.deepEqual(bolt.check(), []);
    assert.deepEqual([bolt.pageSize, bolt.current.freelistPage, bolt.txid], [8192, null, 8]);
    assert.deepEqual(itemsOf(bolt, 'conf'), [['BuildTime', 'x'], ['CurrentTerm', 'new'], ['Vacuum', 'y']]);
    assert.deepEqual(itemsOf(bolt, 'logs'), [['k', 'v']]);
    assert.equal([...(bolt.bucket('own')?.items() ?? [])].length, 2000);
  });

  for (const [given, expected] of [
    [[], [['m', '1']]],
    [['a'], [['a', 'a'], ['m', '1']]],
    [['z'], [['m', '1'], ['z', 'z']]],
    [['a', 'm', 'z'], [['a', 'a'], ['m', '1'], ['z', 'z']]],
  ] as const) {
    it(`sets a key in its place among ${given.length === 0 ? 'none' : given.join(', ')}`, () => {
      const items = [...withKey(given.map((key) => pair(key, key)), 'm', Buffer.from('1'))];
      assert.deepEqual(items.map((one) => one.map((bytes) => bytes.toString())), expected);
    });
  }

  it("passes boltdb's own check with levels and overflow", function () {
    this.timeout(60_000);
    skipWithout(this, goRaftMissing());
    written([{ name: 'logs', items: numbered(40_000, (at) => (at % 5000 === 0 ? 20_000 : at % 150)) }, { name: 'conf', items: [pair('CurrentTerm', '12345678')] }, { name: 'empty', items: [] }]);
    assert.equal(boltCheck(directory), null);
    const bytes = fs.readFileSync(path.join(directory, 'x.db'));
    bytes.writeUInt16LE(0x10, 4 * 4096 + 8); // a page of the tree becomes a freelist page: the check must see it
    fs.writeFileSync(path.join(directory, 'x.db'), bytes);
    assert.match(boltCheck(directory) ?? '', /x\.db|panicked|page/);
  });
});
