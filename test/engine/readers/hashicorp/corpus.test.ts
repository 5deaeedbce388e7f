import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import type { MemberReading } from '../../../../src/engine/model/reading.ts';
import { raftBoltdbReader } from '../../../../src/engine/readers/raft-boltdb/reader.ts';
import { raftWalReader } from '../../../../src/engine/readers/raft-wal/reader.ts';
import { corpusCases, truthOf, unpackMember, type Truth } from '../../../helpers/corpus.ts';
import { treeFingerprint } from '../../../helpers/tree-fingerprint.ts';

const LOG_TYPE: Record<string, number> = { command: 0, noop: 1, barrier: 4, confChange: 5 };

function read(name: string, member: string): MemberReading {
  const place = unpackMember(name, member);
  const readers = [raftBoltdbReader, raftWalReader].filter((reader) => reader.detect(place, {}));
  assert.equal(readers.length, 1, 'exactly one reader knows the place');
  return (readers[0] as typeof raftWalReader).read(place, {});
}

/** Counts over every readable entry, as the library's tool counted them. */
function countLog(reading: MemberReading): Truth {
  const hash = crypto.createHash('sha256');
  const runs: { term: number; first: number; last: number }[] = [];
  const missing: { first: number; last: number }[] = [];
  const times: string[] = [];
  const byType: Record<string, number> = {};
  let [count, first, last] = [0, 0, 0];
  for (const record of reading.records()) {
    if (record.type === 'damage') continue;
    const { index, term, kind } = record;
    if (record.appendedAt !== undefined) times.push(record.appendedAt);
    if (count > 0 && index > last + 1) missing.push({ first: last + 1, last: index - 1 });
    if (runs.at(-1)?.term === term && runs.at(-1)?.last === index - 1) Object.assign(runs.at(-1) as object, { last: index });
    else runs.push({ term, first: index, last: index });
    const type = kind === 'confChange' ? 'configuration' : kind;
    byType[type] = (byType[type] ?? 0) + 1;
    hash.update(`${index} ${term} ${LOG_TYPE[kind]} `).update(record.data);
    if (count++ === 0) first = index;
    last = index;
  }
  return { count, first, last, runs, missing, byType, times, sha256: hash.digest('hex') };
}

function serversOf(truth: { id: string; address: string; suffrage: string }[]): unknown[] {
  return truth.map((s) => ({ id: s.id, name: null, addresses: [s.address], role: s.suffrage === 'Voter' ? 'voter' : 'learner' }));
}

function checkLog(reading: MemberReading, log: Truth): void {
  const counted = countLog(reading);
  assert.deepEqual(
    { first: counted.first, last: counted.last, count: counted.count, byType: counted.byType },
    { first: log.first_index, last: log.last_index, count: log.count, byType: log.by_type ?? {} },
  );
  assert.equal(counted.runs.at(-1)?.term ?? 0, log.last_term ?? 0);
  if (log.missing_ranges.length === 0) assert.deepEqual(counted.runs, log.term_runs ?? []);
  assert.deepEqual(
    counted.missing.map((m: { first: number; last: number }) => [m.first, m.last]),
    log.missing_ranges.map((m: { first: number; last: number }) => [m.first, m.last]),
  );
  if (log.entries_sha256 && counted.count > 0) assert.equal(counted.sha256, log.entries_sha256);
  if (log.appended_at_first) assert.deepEqual([counted.times[0], counted.times.at(-1)], [log.appended_at_first, log.appended_at_last]);
}

function checkSnapshots(reading: MemberReading, snapshots: Truth[]): void {
  assert.deepEqual(
    reading.report.snapshots.map((s) => [s.file.replace(/.*\//, ''), s.term, s.index, s.status === 'verified']),
    snapshots.map((s) => [s.id, s.term, s.index, s.open_error === null]),
  );
}

function checkStable(reading: MemberReading, stable: Truth): void {
  const term = (value: unknown): number => (typeof value === 'number' ? value : 0);
  assert.equal(reading.report.hardState.currentTerm, term(stable.CurrentTerm));
  const voted = typeof stable.LastVoteCand === 'string' && stable.LastVoteTerm === stable.CurrentTerm;
  assert.equal(reading.report.hardState.votedFor, voted ? stable.LastVoteCand : null);
}

describe('hashicorp/raft family: what the libraries read', () => {
  for (const name of corpusCases().filter((c) => !c.startsWith('etcd/'))) {
    const truth = truthOf(name);
    for (const [member, expected] of Object.entries<Truth>(truth.members ?? {})) {
      it(`${name} ${member}`, () => {
        const before = treeFingerprint(unpackMember(name, member), 'names');
        const reading = read(name, member);
        const { report } = reading;
        checkSnapshots(reading, expected.snapshots);
        if (expected.stable && !('error' in expected.stable && expected.stable.error)) if ('CurrentTerm' in expected.stable) checkStable(reading, expected.stable);
        const errors: Truth[] = (truth.expected_errors ?? []).filter((e: Truth) => e.member === member);
        if (expected.log.error === null && !reading.report.damage.some((d) => d.tail !== null)) {
          checkLog(reading, expected.log);
          assert.deepEqual(report.lastEntry, expected.effective_last);
          const latest = expected.latest_configuration; // no servers where the library found no snapshot to start from
          assert.deepEqual(report.confState?.members, latest.servers ? serversOf(latest.servers) : undefined);
          if (latest.servers) assert.equal(report.confState?.index, latest.index);
        }
        if (errors.length === 0) assert.equal(report.health, 'ok');
        for (const error of errors) assert.ok(reading.findings.some((f) => f.file === error.file), `a finding names ${error.file}`);
        assert.equal(report.log.entries, report.log.lastIndex - report.log.firstIndex + 1);
        assert.deepEqual(treeFingerprint(unpackMember(name, member), 'names'), before);
      });
    }
    if (truth.members) {
      it(`${name}: the best startable member is an expected source`, () => {
        const readings = Object.keys(truth.members).map((member) => ({ member, report: read(name, member).report }));
        const startable = readings.filter(({ report }) => report.startable.ok);
        startable.sort((a, b) => b.report.lastEntry.term - a.report.lastEntry.term || b.report.lastEntry.index - a.report.lastEntry.index);
        const best = startable[0]?.report.lastEntry;
        const tied = startable.filter(({ report }) => report.lastEntry.term === best?.term && report.lastEntry.index === best?.index).map((r) => r.member);
        assert.ok(tied.includes(truth.expected_source), `${tied.join()} should hold ${truth.expected_source}`);
      });
    }
  }
});

describe('hashicorp/raft family: damage of the corpus', () => {
  it('flags a flipped bit in a sealed segment, which the library returns unseen', () => {
    const { report } = read('hashicorp-raft/wal-bit-flips-173', 'node-1');
    assert.equal(report.health, 'damaged');
    assert.deepEqual([report.damage[0]?.fromIndex, report.damage[0]?.toIndex], [275, 275]);
    assert.equal(report.startable.ok, false);
    assert.equal(report.log.firstIndex, 276);
  });

  it('tells a flipped bit in the last batch from a torn write', () => {
    const flipped = read('hashicorp-raft/wal-bit-flips-173', 'node-2').report;
    const batch = truthOf('hashicorp-raft/wal-bit-flips-173').expected_errors[1].entries_of_the_batch as number[];
    assert.equal(flipped.health, 'damaged');
    assert.deepEqual([flipped.damage[0]?.fromIndex, flipped.damage[0]?.toIndex], [batch[0], batch.at(-1)]);
    for (const [at, member] of ['node-2', 'node-3'].entries()) {
      const { report, findings } = read('hashicorp-raft/wal-torn-tail-173', member);
      assert.equal(report.health, 'torn-tail');
      const torn = findings.find((f) => f.rule === 'torn-tail');
      assert.equal(torn?.byteOffset, truthOf('hashicorp-raft/wal-torn-tail-173').expected_errors[at].batch_start);
    }
  });

  it('keeps the run that ends the log behind a missing segment, and says a lost tail segment is a loss', () => {
    const middle = read('hashicorp-raft/wal-missing-segment-173', 'node-1').report;
    assert.deepEqual([middle.log.firstIndex, middle.log.lastIndex, middle.startable.ok], [172, 302, false]);
    const tail = read('hashicorp-raft/wal-missing-segment-173', 'node-2');
    assert.equal(tail.report.health, 'damaged');
    assert.ok(tail.findings.some((f) => f.rule === 'wal-segment-missing'));
  });

  it('reads the segments without wal-meta.db as the intact member has them', () => {
    const intact = truthOf('hashicorp-raft/wal-damaged-meta-173').members['node-3'].effective_last;
    for (const member of ['node-1', 'node-2']) {
      const { report } = read('hashicorp-raft/wal-damaged-meta-173', member);
      assert.deepEqual(report.lastEntry, intact);
      assert.equal(report.startable.ok, false);
      assert.equal(report.health, 'damaged');
    }
  });

  it('sees the gap between an older good snapshot and the log', () => {
    const { report } = read('hashicorp-raft/bad-snapshot-112', 'node-1');
    assert.match(report.startable.ok ? '' : report.startable.reason, /603\.\.692/);
  });
});
