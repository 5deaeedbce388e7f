import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Evidence } from '../../../../src/engine/model/evidence.ts';
import type { MemberReading } from '../../../../src/engine/model/reading.ts';
import { crc32c } from '../../../../src/engine/native/crc32c.ts';
import { readerFor } from '../../../../src/engine/readers/index.ts';
import { collectEvidence } from '../../../../src/engine/recovery/collect.ts';
import { pick } from '../../../../src/engine/recovery/pick.ts';
import { bytesField, confChange, EtcdWalWriter, hexId, putRequest, varintField } from '../../../helpers/etcd-wal-writer.ts';
import { CLUSTER, IDS, makeDb, peerUrl } from './member.ts';

const NAMES = ['n1', 'n2', 'n3'] as const;

type Name = (typeof NAMES)[number];
/** `[term, first, last, branch]` of a run; a position is a snapshot record with its file. */
type Step = [term: number, first: number, last: number, branch?: string] | { snapshot: [term: number, index: number] };

describe('a snapshot of the leader over entries of another branch', () => {
  let root: string;
  beforeEach(() => void (root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-leader-snapshot-'))));
  afterEach(() => fs.rmSync(root, { recursive: true }));

  /** A member whose commit index is that of its snapshot or the one given. */
  function write(name: Name, steps: Step[], term: number, commit: number): string {
    const member = path.join(root, name);
    const snap = path.join(member, 'member/snap');
    fs.mkdirSync(snap, { recursive: true });
    const writer = new EtcdWalWriter(path.join(member, 'member/wal'), { memberId: IDS[name], clusterId: CLUSTER });
    NAMES.forEach((one, at) => writer.entry({ term: 1, index: at + 1, type: 1, data: confChange(0, IDS[one], { peerURLs: [peerUrl(one)], name: one }) }));
    writer.state(1, IDS.n2, 3);
    for (const step of steps) {
      if ('snapshot' in step) {
        writer.snapshot(...step.snapshot);
        writeSnap(snap, ...step.snapshot);
        writer.state(term, IDS.n2, commit);
        continue;
      }
      const [of, first, last, branch = ''] = step;
      for (let index = first; index <= last; index++) writer.entry({ term: of, index, ...(branch === 'removes n2' && index === first ? { type: 1, data: confChange(1, IDS.n2) } : { data: putRequest(`k${index}`, branch) }) });
    }
    writer.state(term, IDS.n2, commit);
    writer.close(4096);
    makeDb(path.join(snap, 'db'), commit, '3.4.0', [...NAMES]);
    return member;
  }

  function writeSnap(directory: string, term: number, index: number): void {
    const hex = (value: number): string => value.toString(16).padStart(16, '0');
    const voters = Buffer.concat(NAMES.map((one) => varintField(1, hexId(IDS[one]))));
    const data = Buffer.concat([bytesField(1, ''), bytesField(2, Buffer.concat([bytesField(1, voters), varintField(2, index), varintField(3, term)]))]);
    fs.writeFileSync(path.join(directory, `${hex(term)}-${hex(index)}.snap`), Buffer.concat([varintField(1, crc32c(data, 0)), bytesField(2, data)]));
  }

  const read = (member: string): MemberReading => readerFor(member, 'test').read(member, {});
  const evidence = (member: string): Evidence => collectEvidence(read(member), { tool: 'test', label: path.basename(member) });
  const second = (): Evidence => evidence(write('n2', [[2, 4, 50], [4, 51, 60]], 4, 54));

  for (const [what, stale] of [['past it', 60], ['up to it', 56], ['before it', 54]] as const) {
    it(`with the old branch ${what} and new entries behind: the log begins behind the snapshot, and the newest log wins`, () => {
      const first = evidence(write('n1', [[2, 4, 50], [2, 51, stale, 'stale'], { snapshot: [4, 56] }, [4, 57, 58]], 4, 56));
      const { log, lastEntry, health, inDoubt, revisionAtEnd } = first.report;
      assert.deepEqual([log.firstIndex, log.lastIndex, log.entries, log.byKind.command, lastEntry, health], [57, 58, 2, 2, { term: 4, index: 58 }, 'ok']);
      assert.deepEqual([inDoubt, revisionAtEnd], [{ from: 57, to: 58, entries: 2 }, 4]);
      const report = pick([first, second()]);
      assert.deepEqual([report.source, report.loss.proof, report.ranking.map((one) => one.disqualified)], ['n2', 'proven', [null, null]]);
    });
  }

  it('with nothing behind it: what the old branch held there counts for nothing', () => {
    const first = evidence(write('n1', [[2, 4, 50], [2, 51, 56, 'stale'], [2, 57, 60, 'removes n2'], { snapshot: [4, 56] }], 4, 56));
    const { log, lastEntry, inDoubt, revisionAtEnd, confState } = first.report;
    assert.deepEqual([log.entries, log.firstIndex, lastEntry, inDoubt, revisionAtEnd], [0, 57, { term: 4, index: 56 }, null, 2]);
    assert.equal(confState?.voters.length, 3, 'nobody was removed');
    assert.deepEqual([first.log.runs.at(-1)?.last, pick([first, second()]).source], [56, 'n2']);
  });

  it('one that the log names and no hard state reached is not there', () => {
    const member = write('n1', [[2, 4, 50], [2, 51, 60, 'stale']], 2, 50);
    const wal = path.join(member, 'member/wal');
    const before = read(member).report;
    assert.deepEqual([before.log.lastIndex, before.lastEntry], [60, { term: 2, index: 60 }]);
    fs.rmSync(wal, { recursive: true });
    const writer = new EtcdWalWriter(wal, { memberId: IDS.n1, clusterId: CLUSTER });
    for (let index = 1; index <= 60; index++) writer.entry({ term: 2, index, data: putRequest(`k${index}`, 'v') });
    writer.state(2, IDS.n2, 50);
    writer.snapshot(4, 56);
    writer.close(4096);
    assert.deepEqual([read(member).report.log.lastIndex, read(member).report.lastEntry], [60, { term: 2, index: 60 }]);
  });
});
