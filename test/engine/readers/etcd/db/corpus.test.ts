import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { CorruptDataError } from '../../../../../src/engine/errors.ts';
import { readEtcdDb, readSnapshotStatus, type EtcdDb } from '../../../../../src/engine/readers/etcd/db/index.ts';
import { parseExactJson, hexIds, isJsonObject } from '../../../../../src/engine/readers/etcd/json-bigint.ts';
import { FileSource } from '../../../../../src/engine/readers/file-source.ts';
import { corpusCases, truthOf, unpackCase, type Truth } from '../../../../helpers/corpus.ts';

interface Case {
  file: string;
  truth: Truth;
  dbMembers: Truth[] | undefined;
  removed: Truth[] | undefined;
}

/** Every backend of a case that the real library could read. */
function readable(name: string): Case[] {
  const truth = truthOf(name);
  const directory = unpackCase(name);
  const members = Object.entries<Truth>(truth.members ?? {}).map(([member, facts]) => ({
    file: ['member/snap/db', 'data/member/snap/db'].map((one) => path.join(directory, member, one)).find((one) => fs.existsSync(one)) ?? '',
    truth: facts.db,
    dbMembers: facts.membership?.db_members,
    removed: facts.membership?.db_members_removed,
  }));
  const files = Object.entries<Truth>(truth.files ?? {}).map(([file, facts]) => ({
    file: path.join(directory, file),
    truth: facts.library,
    dbMembers: facts.library?.bucket_members,
    removed: facts.library?.bucket_members_removed,
  }));
  return [...members, ...files].filter((one) => one.truth?.hashkv);
}

const read = (file: string, depth: 'log' | 'full' = 'full'): EtcdDb => readEtcdDb(FileSource.open(file, path.basename(file)), { depth });

function confStateOf(text: string | undefined): EtcdDb['confState'] {
  const json = text === undefined ? undefined : parseExactJson(text);
  return isJsonObject(json) ? { voters: hexIds(json['voters']) ?? [], learners: hexIds(json['learners']) ?? [] } : null;
}

describe('etcd backends of the corpus', () => {
  let seen = 0;
  for (const name of corpusCases().filter((one) => one.startsWith('etcd/'))) {
    it(`${name}: consistent index, HashKV, live keys, members`, () => {
      for (const { file, truth, dbMembers, removed } of readable(name)) {
        seen += 1;
        const db = read(file);
        const { hash, revision, compactRevision, liveKeys, consistentIndex, term } = db;
        assert.deepEqual({ hash, revision, compact_revision: compactRevision }, { ...truth.hashkv }, file);
        assert.equal(liveKeys, truth.live_keys, file);
        assert.equal(consistentIndex, truth.meta.consistent_index, file);
        assert.equal(term, truth.meta.term ?? null, file);
        assert.deepEqual(db.confState, confStateOf(truth.meta.confState), file);
        assert.equal(db.storageVersion, truth.meta.storageVersion ? Buffer.from(truth.meta.storageVersion, 'hex').toString() : null);
        assert.equal(db.leases, truth.buckets.lease);
        assert.equal(db.alarms.length, truth.buckets.alarm);
        assert.equal(db.problem, null);
        assert.deepEqual(db.findings.filter(({ rule }) => rule !== 'db-meta-bad'), [], file);
        if (dbMembers) assert.deepEqual(db.members.map(({ id }) => id), dbMembers.map(({ key }: { key: string }) => key), file);
        for (const [i, row] of (dbMembers ?? []).entries()) {
          const { name: own, peerURLs, clientURLs, isLearner } = JSON.parse(row.value);
          const { name, peerUrls, clientUrls, isLearner: learns } = db.members[i] as EtcdDb['members'][number];
          assert.deepEqual({ name, peerUrls, clientUrls, learns }, { name: own || null, peerUrls: peerURLs, clientUrls: clientURLs ?? [], learns: isLearner ?? false }, file);
        }
        if (removed) assert.deepEqual(db.removed, removed.map((row: Truth) => row.key ?? row), file);
      }
    });
  }
  after(() => assert.ok(seen > 100, `only ${seen} backends were compared`));

  it('gives the same at depth log, but for what needs every page', () => {
    const [first] = readable('etcd/healthy-3614') as [Case];
    const { revision, hash, liveKeys, consistentIndex } = read(first.file, 'log');
    assert.deepEqual([revision, hash, liveKeys, consistentIndex], [first.truth.hashkv.revision, null, null, first.truth.meta.consistent_index]);
  });
});

describe('snapshot status', () => {
  for (const [name, tool, counts] of [['etcd/snapshot-files-34', 'etcdctl_snapshot_status', 'rows'], ['etcd/snapshot-files-3614', 'etcdutl_snapshot_status', 'live keys']] as const) {
    it(`${name}: hash, revision, totalKey as ${counts}, totalSize`, () => {
      let compared = 0;
      for (const [file, facts] of Object.entries<Truth>(truthOf(name).files)) {
        if (facts[tool]?.rc !== 0 || !facts[tool].out.startsWith('{')) continue;
        const said = JSON.parse(facts[tool].out);
        const db = read(path.join(unpackCase(name), file));
        const { hash, totalRows, totalBytes } = readSnapshotStatus(db.bolt);
        const mine = { hash, revision: db.revision, totalKey: counts === 'rows' ? totalRows : db.liveKeys, totalSize: totalBytes };
        assert.deepEqual({ ...said, ...mine }, said, file);
        compared += 1;
      }
      assert.ok(compared >= 2);
    });
  }
});

describe('damaged etcd backends of the corpus', () => {
  const file = (member: string) => path.join(unpackCase('etcd/db-corrupt-34'), member, 'member/snap/db');

  it('warns of one bad meta page and reads on', () => {
    const { findings, problem, hash } = read(file('n1'));
    assert.deepEqual(findings.map(({ rule, severity, byteOffset }) => [rule, severity, byteOffset]), [['db-meta-bad', 'warn', 0]]);
    assert.equal(problem, null);
    assert.equal(hash, truthOf('etcd/db-corrupt-34').members.n1.db.hashkv.hash);
  });

  it('throws when both meta pages are bad', () => {
    assert.throws(() => read(file('n2')), CorruptDataError);
  });

  it('says that the file is cut short', () => {
    const { findings, problem, hash, revision } = read(file('n3'));
    const have = truthOf('etcd/db-corrupt-34').expected_errors.find((one: Truth) => one.member === 'n3').size_after;
    assert.deepEqual(findings.map(({ rule }) => rule), ['db-truncated', 'db-unreadable']);
    assert.equal(findings[0]?.byteOffset, have);
    assert.match(problem?.message ?? '', /cut short/);
    assert.deepEqual([hash, revision], [null, null]);
  });
});
