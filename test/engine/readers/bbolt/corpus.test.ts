import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { CorruptDataError, UnreadableError } from '../../../../src/engine/errors.ts';
import { BoltFile } from '../../../../src/engine/readers/bbolt/file.ts';
import { FileSource } from '../../../../src/engine/readers/file-source.ts';
import { corpusCases, truthOf, unpackCase } from '../../../helpers/corpus.ts';

interface BoltTruth {
  file: string;
  txid: number;
  size: number;
  buckets: Record<string, number>;
  check_errors: number;
  error: string | null;
}

interface EtcdDbTruth extends BoltTruth {
  bbolt_txid: number;
  bbolt_check_errors: number;
  bbolt_error: string | null;
}

/** What the real library says of every bolt file of a case: etcd's `db`, or the files of hashicorp/raft and consul. */
function boltFiles(name: string): BoltTruth[] {
  const members = Object.entries<Record<string, never>>(truthOf(name).members ?? {});
  return members.flatMap(([member, truth]) => {
    const base = path.join(unpackCase(name), member);
    const place = (file: string) => [file, `raft/${file}`, `wal/${file}`, `data/${file}`].map((one) => path.join(base, one)).find((one) => fs.existsSync(one)) ?? path.join(base, file);
    const { db, bolt_files: bolts } = truth as { db?: EtcdDbTruth; bolt_files?: Record<string, BoltTruth> };
    const files = Object.entries(bolts ?? {}).map(([file, facts]) => ({ ...facts, file: place(file) }));
    if (!db) return files;
    const { bbolt_txid: txid, bbolt_check_errors, bbolt_error, error } = db;
    return [...files, { ...db, txid, check_errors: bbolt_check_errors, error: bbolt_error ?? error ?? null, file: place('member/snap/db') }];
  });
}

function countsOf(bolt: BoltFile): Record<string, number> {
  return Object.fromEntries([...bolt.buckets()].map((bucket) => [bucket.name, [...bucket.items()].length]));
}

describe('bbolt files of the corpus', () => {
  let seen = 0;
  for (const name of corpusCases()) {
    it(`${name}: transaction, rows of each bucket, check`, () => {
      for (const truth of boltFiles(name)) {
        seen += 1;
        if (truth.error !== null) {
          assert.throws(() => countsOf(BoltFile.open(FileSource.open(truth.file))), (error) => error instanceof CorruptDataError || error instanceof UnreadableError, truth.file);
          continue;
        }
        using source = FileSource.open(truth.file);
        const bolt = BoltFile.open(source);
        assert.equal(source.size, truth.size, truth.file);
        assert.equal(bolt.txid, truth.txid, truth.file);
        assert.deepEqual(countsOf(bolt), truth.buckets, truth.file);
        assert.equal(bolt.checkPages().length, truth.check_errors, truth.file);
        assert.equal(bolt.truncated, null);
        assert.equal(bolt.movedOn(), false);
      }
    }).timeout(60_000);
  }
  after(() => assert.ok(seen > 150, `only ${seen} files were compared`));
});

describe('damaged bbolt files of the corpus', () => {
  const open = (name: string, file: string) => BoltFile.open(FileSource.open(path.join(unpackCase(name), file)));

  it('falls back to meta 1 and says what is wrong with meta 0', () => {
    const bolt = open('etcd/db-corrupt-34', 'n1/member/snap/db');
    assert.deepEqual(bolt.metas.map(({ problem }) => problem), ['checksum does not match', null]);
    assert.deepEqual(bolt.check(), [{ byteOffset: 0, problem: 'meta page 0 is bad: checksum does not match' }]);
  });

  it('refuses a file with two bad metas, and names both checks', () => {
    assert.throws(
      () => open('etcd/db-corrupt-34', 'n2/member/snap/db'),
      (error) => error instanceof CorruptDataError && error.byteOffset === 0 && /both meta pages.*checksum does not match/.test(error.message),
    );
  });

  it('says how much of a truncated file is missing', () => {
    const file = path.join(unpackCase('etcd/db-corrupt-34'), 'n3/member/snap/db');
    const { size_after: have, size_before: need } = truthOf('etcd/db-corrupt-34').expected_errors.find((one: { member: string }) => one.member === 'n3');
    const bolt = BoltFile.open(FileSource.open(file));
    assert.deepEqual(bolt.truncated, { have, need });
    assert.throws(() => bolt.bucketNames(), (error) => error instanceof CorruptDataError && error.problem.includes(`is missing, the file is cut short (${have} of ${need} bytes)`));
    assert.ok(bolt.check().some(({ problem }) => problem.includes('cut short')));
  });
});
