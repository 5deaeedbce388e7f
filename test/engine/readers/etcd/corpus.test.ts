import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import type { MemberReading } from '../../../../src/engine/model/reading.ts';
import { decodeEtcdEntry } from '../../../../src/engine/readers/etcd/requests.ts';
import { etcdReader } from '../../../../src/engine/readers/etcd/reader.ts';
import { corpusCases, truthOf, unpackMember, type Truth } from '../../../helpers/corpus.ts';

const members = corpusCases()
  .filter((name) => name.startsWith('etcd/'))
  .flatMap((name) => Object.entries<Truth>(truthOf(name).members ?? {}).map(([member, truth]) => ({ name, member, truth })));

/** What the server's library refuses or cuts, this reader reads on behind: compared in damage.test.ts instead. */
function isWhole(truth: Truth): boolean {
  return truth.hardstate !== null && !/crc mismatch/.test(String(truth.wal_snapshot_records.error)) && truth.hardstate.commit !== undefined;
}

function readingOf(name: string, member: string): MemberReading {
  return etcdReader.read(unpackMember(name, member), {});
}

describe('etcd reader on the corpus', function () {
  this.timeout(60_000);
  for (const { name, member, truth } of members) {
    it(`${name} ${member}`, () => {
      const directory = unpackMember(name, member);
      assert.ok(etcdReader.detect(directory, {}));
      const { report, findings } = readingOf(name, member);
      // The library gives no ids for a log that it refuses.
      if (truth.node_id !== null) assert.equal(report.memberId, truth.node_id);
      if (truth.cluster_id !== null) assert.equal(report.clusterId, truth.cluster_id);
      const damaged = report.damage.length > 0;
      if (!damaged) assertLog(report, truth);
      else assert.ok(findings.some(({ severity }) => severity === 'error'));
      const files = new Map<string, Truth>(truth.snap_files.map((file: Truth) => [file.file, file]));
      const found = report.snapshots.filter(({ bytes }) => bytes > 0);
      assert.equal(found.length, files.size);
      for (const snap of found) {
        const expected = files.get(path.basename(snap.file));
        assert.equal(snap.status, expected.error ? 'bad' : 'verified');
        if (!expected.error) assert.deepEqual(sorted(snap.confState), sorted(expected.conf_state));
      }
      const expected = truth.membership?.conf_state_at_commit;
      if (expected && !damaged && !report.confState?.pending) {
        assert.deepEqual(sorted(report.confState), sorted(expected));
      }
      if (truth.db?.meta && report.state) assert.equal(report.appliedIndex, truth.db.meta.consistent_index ?? 0);
    });
  }

  function sorted(state: { voters: string[]; learners: string[] } | null): string[][] {
    return [[...(state?.voters ?? [])].sort(), [...(state?.learners ?? [])].sort()];
  }

  function assertLog(report: MemberReading['report'], truth: Truth): void {
    const { term, vote, commit } = truth.hardstate;
    assert.deepEqual(report.hardState, { currentTerm: term, votedFor: vote === '0' ? null : vote, commitIndex: commit });
    const { first_index: first, last_index: last, last_term: lastTerm, entries } = truth.log;
    assert.deepEqual([report.log.firstIndex, report.log.lastIndex, report.log.lastTerm, report.log.entries], [first, last, lastTerm, entries]);
    assert.deepEqual(report.lastEntry, { term: lastTerm, index: last });
    assert.deepEqual(report.log.termRuns, truth.log.term_runs.map((run: Truth) => ({ term: run.term, first: run.first, last: run.last })));
    const { normal = 0, confchange = 0 } = truth.log.by_type;
    const noop = truth.log.normal_by_kind.empty ?? 0;
    assert.deepEqual(report.log.byKind, { command: normal - noop, noop, confChange: confchange });
  }

  it('walks and decodes exactly the entries that the library returns, by kind', () => {
    for (const name of ['etcd/healthy-34', 'etcd/overwritten-tail-34', 'etcd/healthy-3614', 'etcd/quorum-loss-33', 'etcd/membership-3516']) {
      for (const [member, truth] of Object.entries<Truth>(truthOf(name).members)) {
        if (!isWhole(truth)) continue;
        const reading = readingOf(name, member);
        const counts: Record<string, number> = {};
        let [count, last] = [0, 0];
        for (const record of reading.records({ from: truth.log.first_index })) {
          assert.equal(record.type, 'entry');
          if (record.type !== 'entry') continue;
          assert.ok(last === 0 || record.index === last + 1, `${record.index} follows ${last}`);
          last = record.index;
          count++;
          const { op, undecodable } = decodeEtcdEntry(record);
          assert.ok(!undecodable, `${name} ${member} ${record.index}`);
          if (record.kind !== 'confChange') counts[libraryName(op)] = (counts[libraryName(op)] ?? 0) + 1;
        }
        assert.equal(count, truth.log.entries);
        assert.deepEqual(counts, truth.log.normal_by_kind);
      }
    }
  });

  function libraryName(op: string): string {
    if (op === 'noop') return 'empty';
    return op.startsWith('v2 ') ? op.replace(' ', ':') : `v3:${op.replaceAll('-', '_')}`;
  }

  it('leaves every byte and time of a directory as it was', () => {
    const directory = unpackMember('etcd/healthy-3614', 'n1');
    const before = listing(directory);
    etcdReader.read(directory, {});
    assert.deepEqual(listing(directory), before);
  });

  function listing(directory: string): string[] {
    return fs.readdirSync(directory, { recursive: true, withFileTypes: true }).map((entry) => {
      const stat = fs.statSync(path.join(entry.parentPath, entry.name));
      return `${entry.parentPath}/${entry.name} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
    });
  }
});
