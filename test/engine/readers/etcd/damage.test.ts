import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { InspectorError } from '../../../../src/engine/errors.ts';
import type { MemberReading } from '../../../../src/engine/model/reading.ts';
import { etcdReader } from '../../../../src/engine/readers/etcd/reader.ts';
import { EtcdWalWriter, confChange, putRequest } from '../../../helpers/etcd-wal-writer.ts';
import { copyMember, truthOf, unpackMember } from '../../../helpers/corpus.ts';
import { entriesOf, only, overwrite, range, writeLog } from './small-log.ts';

describe('etcd write-ahead log, damage', () => {
  let directory: string;
  let offsets: Map<number, number>;
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-wal-'));
  });
  afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));
  const at = (index: number): number => offsets.get(index) as number;
  const read = (): MemberReading => etcdReader.read(directory, {});

  it('reads a sound log with a preallocated tail', () => {
    offsets = writeLog(directory);
    const reading = read();
    const { report, findings } = reading;
    assert.deepEqual([report.health, report.log.entries, report.lastEntry], ['ok', 21, { term: 2, index: 21 }]);
    assert.deepEqual(report.hardState, { currentTerm: 2, votedFor: '1', commitIndex: 20 });
    assert.deepEqual(report.inDoubt, { from: 21, to: 21, entries: 1 });
    assert.deepEqual([report.memberId, report.clusterId, report.name], ['1', '2', 'a']);
    assert.deepEqual(findings, []);
    assert.equal(entriesOf(reading), range(1, 21));
    assert.equal([...reading.records({ from: 5, to: 7 })].length, 3);
  });

  it('takes a file cut inside its last record for a torn tail', () => {
    offsets = writeLog(directory);
    fs.truncateSync(only(directory), at(21) + 100);
    const { report, findings } = read();
    assert.deepEqual([report.health, report.lastEntry.index, report.damage.length], ['torn-tail', 20, 0]);
    assert.deepEqual(findings.map(({ rule, severity, byteOffset }) => [rule, severity, byteOffset]), [['wal-torn-tail', 'warn', at(21)]]);
  });

  it('takes zeros from a sector on to the end for a torn tail', () => {
    offsets = writeLog(directory);
    const file = only(directory);
    const from = Math.ceil((at(21) + 8) / 512) * 512;
    overwrite(file, from, Buffer.alloc(fs.statSync(file).size - from));
    assert.deepEqual([read().report.health, read().report.lastEntry.index], ['torn-tail', 20]);
  });

  it('takes a zeroed sector with whole records behind it for damage', () => {
    offsets = writeLog(directory);
    overwrite(only(directory), Math.ceil((at(10) + 8) / 512) * 512, Buffer.alloc(512));
    const { report } = read();
    assert.equal(report.health, 'damaged');
    assert.equal(report.lastEntry.index, report.damage[0]?.byteOffset === at(10) ? 9 : 10);
    assert.deepEqual(report.damage[0]?.tail, { term: 2, index: 21 });
  });

  it('looks behind a zeroed length field', () => {
    offsets = writeLog(directory);
    overwrite(only(directory), at(10), Buffer.alloc(8));
    const reading = read();
    assert.deepEqual([reading.report.health, reading.report.lastEntry.index], ['damaged', 9]);
    assert.deepEqual(reading.report.damage[0]?.tail, { term: 2, index: 21 });
  });

  for (const [what, place, value] of [
    ['a flipped byte in a payload', 300, 0x55],
    ['a flipped byte in the stored checksum', 11, 0xff],
    ['a length field that looks negative', 7, 0xff],
    ['a length field beyond the file', 3, 0x7f],
  ] as const) {
    it(`re-reads what lies behind ${what}`, () => {
      offsets = writeLog(directory);
      overwrite(only(directory), at(10) + place, Buffer.of(value));
      const reading = read();
      const { report, findings } = reading;
      assert.deepEqual([report.health, report.lastEntry.index, report.log.entries], ['damaged', 9, 9]);
      assert.equal(report.damage[0]?.byteOffset, at(10));
      assert.equal(report.damage[0]?.fromIndex, 10);
      assert.deepEqual(report.damage[0]?.tail, { term: 2, index: 21 });
      assert.equal(findings[0]?.severity, 'error');
      const to = report.damage[0]?.toIndex as number;
      assert.ok(to >= 10 && to <= 11, `lost up to ${to}`);
      assert.equal(entriesOf(reading), `${range(1, 9)} x10-${to} ${range(to + 1, 21)}`);
      assert.equal(report.commitFloor, 20, 'whole hard states behind the damage still prove commits');
    });
  }

  it('ignores garbage behind the end', () => {
    offsets = writeLog(directory);
    const file = only(directory);
    overwrite(file, fs.statSync(file).size - 2048, Buffer.from('garbage '.repeat(64)));
    assert.deepEqual([read().report.health, read().report.log.entries], ['ok', 21]);
  });

  it('lets a later entry replace an earlier one and all behind it', () => {
    const writer = new EtcdWalWriter(directory);
    for (const index of [1, 2, 3, 4, 5, 6]) writer.entry({ term: 1, index, data: putRequest('a', 'old') });
    for (const index of [4, 5]) writer.entry({ term: 2, index, data: putRequest('a', 'newer') });
    writer.close();
    const reading = read();
    const { log } = reading.report;
    assert.deepEqual(log.termRuns, [{ term: 1, first: 1, last: 3 }, { term: 2, first: 4, last: 5 }]);
    assert.deepEqual([log.entries, log.byKind.command, log.bytes], [5, 5, 3 * putRequest('a', 'old').length + 2 * putRequest('a', 'newer').length]);
    assert.equal(entriesOf(reading), range(1, 5));
  });

  it('starts behind a jump that a snapshot covers, and keeps what lies before as history', () => {
    const writer = new EtcdWalWriter(directory);
    for (const index of [1, 2, 3]) writer.entry({ term: 1, index });
    writer.snapshot(4, 500);
    writer.state(4, '0', 500);
    for (const index of [501, 502]) writer.entry({ term: 4, index });
    writer.close();
    const reading = read();
    assert.deepEqual([reading.report.health, reading.report.log.firstIndex, reading.report.log.lastIndex], ['ok', 501, 502]);
    assert.equal(entriesOf(reading), '1 2 3 501 502');
  });

  it('has an empty log right behind a snapshot from the leader', () => {
    const writer = new EtcdWalWriter(directory);
    for (const index of [1, 2, 3]) writer.entry({ term: 1, index });
    writer.snapshot(4, 500);
    writer.state(4, '0', 500);
    writer.close();
    const { log } = read().report;
    assert.deepEqual([log.entries, log.firstIndex, log.lastIndex], [0, 501, 500]);
  });

  it('takes a jump that nothing covers for damage', () => {
    const writer = new EtcdWalWriter(directory);
    for (const index of [1, 2, 3, 9]) writer.entry({ term: 1, index });
    writer.close();
    const reading = read();
    assert.deepEqual([reading.report.health, reading.report.log.firstIndex], ['damaged', 9]);
    assert.equal(entriesOf(reading), '1 2 3 x4-8 9');
  });

  it('finds no entry in a log that was just created, and no hard state', () => {
    new EtcdWalWriter(directory).close();
    const { report } = read();
    assert.deepEqual([report.log.entries, report.lastEntry, report.hardState.currentTerm, report.health], [0, { term: 0, index: 0 }, 0, 'ok']);
    assert.equal(report.startable.ok, false);
  });

  describe('several segments', () => {
    beforeEach(() => {
      offsets = writeLog(directory, (writer, index) => {
        if (index === 8 || index === 15) writer.cut(index);
      });
    });

    it('follows the checksum chain across them', () => {
      assert.deepEqual([read().report.health, read().report.log.entries], ['ok', 21]);
    });

    it('starts behind a missing segment', () => {
      fs.rmSync(only(directory, 1));
      const { report } = read();
      assert.deepEqual([report.health, report.log.firstIndex, report.lastEntry.index], ['damaged', 15, 21]);
      assert.deepEqual([report.damage[0]?.fromIndex, report.damage[0]?.toIndex], [8, 14]);
    });

    it('starts behind damage in an older segment, be it a tear or not', () => {
      fs.truncateSync(only(directory, 1), at(14) + 20);
      const { report } = read();
      assert.deepEqual([report.health, report.log.firstIndex, report.lastEntry.index], ['damaged', 15, 21]);
    });

    it('notices that an older segment lost whole records', () => {
      fs.truncateSync(only(directory, 1), at(14));
      const { report } = read();
      assert.deepEqual([report.health, report.log.firstIndex], ['damaged', 15]);
    });

    it('reads on when the oldest segments were purged', () => {
      fs.rmSync(only(directory, 0));
      const { report } = read();
      assert.deepEqual([report.health, report.log.firstIndex, report.log.entries], ['ok', 8, 14]);
    });
  });

  it('matches the frames that etcd writes for a new log', () => {
    const writer = new EtcdWalWriter(directory);
    writer.entry({ term: 1, index: 1, type: 1, data: confChange(0, '1', { peerURLs: ['http://a:2380'], name: 'a' }) });
    writer.state(1, '1', 1);
    writer.close();
    const frames = [
      '04000000000000840804100000000000',
      '0e00000000000082080110a9f6f0ac0c1a04080110020000',
      '0e0000000000008208051099cffffd0d1a04080010000000',
      '4a00000000000086080210b2ad83ca091a40080110011801223808001000180122307b226964223a312c227065657255524c73223a5b22687474703a2f2f613a32333830225d2c226e616d65223a2261227d000000000000',
      '1000000000000000080310baddefd2011a06080110011801',
    ];
    assert.equal(fs.readFileSync(only(directory)).toString('hex'), frames.join(''));
  });

  it('answers any mutation with findings or a known error', function () {
    this.timeout(30_000);
    writeLog(directory, (writer, index) => {
      if (index === 12) writer.cut(index);
    });
    const files = [only(directory, 0), only(directory, 1)];
    const originals = files.map((file) => fs.readFileSync(file));
    let seed = 20260102;
    const random = (below: number): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % below;
    for (let round = 0; round < 400; round++) {
      const which = random(2);
      const bytes = Buffer.from(originals[which] as Buffer);
      for (let edits = 1 + random(4); edits > 0; edits--) {
        const place = random(bytes.length);
        if (random(3) === 0) bytes.fill(random(2) * 255, place, Math.min(bytes.length, place + random(600)));
        else bytes[place] = random(256);
      }
      fs.writeFileSync(files[which] as string, random(5) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes);
      try {
        const { report, findings, records } = read();
        for (const record of records()) assert.ok(record.byteOffset >= 0);
        assert.equal(report.log.entries, report.log.lastIndex - report.log.firstIndex + 1, `round ${round}`);
        if (report.health !== 'ok') assert.ok(findings.length > 0, `round ${round}: ${report.health} without a finding`);
      } catch (error) {
        if (!(error instanceof InspectorError)) throw error;
      }
      fs.writeFileSync(files[which] as string, originals[which] as Buffer);
    }
  });
});

describe('etcd directories, damage', function () {
  this.timeout(60_000);

  it('tells bit-flip-3516 n1 as the operator should see it', () => {
    const { report } = etcdReader.read(unpackMember('etcd/bit-flip-3516', 'n1'), {});
    const [error] = truthOf('etcd/bit-flip-3516').expected_errors;
    assert.deepEqual([report.log.firstIndex, report.log.lastIndex, report.lastEntry, report.appliedIndex], [1, error.entry_index - 1, { term: 2, index: 3174 }, 3497]);
    assert.deepEqual(report.damage, [{ file: error.file, byteOffset: error.record_start, fromIndex: error.entry_index, toIndex: error.entry_index, tail: { term: 2, index: 3563 } }]);
    assert.equal(report.health, 'damaged');
  });

  for (const name of ['missing-snap-34', 'missing-snap-3614', 'hot-copy-34', 'db-corrupt-34', 'missing-segment-34', 'bit-flip-3516', 'bit-flip-3614', 'bit-flips-34', 'torn-tail-34', 'torn-tail-3614', 'zero-sector-3516', 'term-trap-34', 'double-trap-3516', 'divergent-tail-3530']) {
    it(`lets rank find the source of ${name}`, () => {
      const truth = truthOf(`etcd/${name}`);
      const readings = Object.keys(truth.members).map((member) => ({ member, ...etcdReader.read(unpackMember(`etcd/${name}`, member), {}) }));
      const able = readings.filter(({ report }) => report.startable.ok);
      able.sort((a, b) => b.report.lastEntry.term - a.report.lastEntry.term || b.report.lastEntry.index - a.report.lastEntry.index || a.findings.length - b.findings.length);
      assert.ok([truth.expected_source, ...(truth.expected_source_ties ?? [])].includes(able[0]?.member), `${able[0]?.member}, expected ${truth.expected_source}`);
    });
  }

  it('calls the newest snapshot that the log names and no file holds bad', () => {
    const { report } = etcdReader.read(unpackMember('etcd/missing-snap-34', 'n1'), {});
    assert.deepEqual([report.snapshots[0]?.status, report.snapshots[0]?.bytes, report.snapshots[0]?.index], ['bad', 0, 0x1d78]);
    assert.equal(report.snapshots[1]?.status, 'verified');
    assert.equal(report.startable.ok, true);
  });

  it('finds the parts from inside the directory, apart, and alone', () => {
    const member = unpackMember('etcd/healthy-34', 'n1');
    for (const place of ['', 'member', 'member/wal', 'member/wal/0000000000000000-0000000000000000.wal']) {
      assert.ok(etcdReader.detect(path.join(member, place), {}), place);
      assert.equal(etcdReader.read(path.join(member, place), {}).report.lastEntry.index, 3616, place);
    }
    const { report } = etcdReader.read(path.join(member, 'member/snap/db'), {});
    assert.deepEqual([report.appliedIndex, report.lastEntry.index, report.log.entries], [3616, 3616, 0]);
    const apart = unpackMember('etcd/separate-wal-34', 'n1');
    const inOne = etcdReader.read(apart, {}).report;
    const named = etcdReader.read(path.join(apart, 'data'), { walDir: path.join(apart, 'wal') }).report;
    assert.deepEqual({ ...named, path: '', label: '', snapshots: [] }, { ...inOne, path: '', label: '', snapshots: [] });
    assert.equal(inOne.snapshots.length, 1);
  });

  it('survives a directory whose every file is cut short or scrambled', () => {
    const copy = copyMember('etcd/divergent-tail-34', 'n1');
    try {
      const snap = path.join(copy, 'member/snap');
      for (const file of fs.readdirSync(snap)) fs.truncateSync(path.join(snap, file), 40);
      fs.truncateSync(path.join(copy, 'member/wal', fs.readdirSync(path.join(copy, 'member/wal')).find((name) => name.endsWith('.wal')) as string), 13);
      const { report, findings } = etcdReader.read(copy, {});
      assert.equal(report.startable.ok, false);
      assert.notEqual(report.health, 'ok');
      assert.ok(findings.length >= 2);
    } finally {
      fs.rmSync(path.dirname(copy), { recursive: true, force: true });
    }
  });
});
