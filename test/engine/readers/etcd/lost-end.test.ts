import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { MemberReading } from '../../../../src/engine/model/reading.ts';
import { etcdReader } from '../../../../src/engine/readers/etcd/reader.ts';
import { EtcdWalWriter, putRequest } from '../../../helpers/etcd-wal-writer.ts';
import { entriesOf, only, overwrite, range, writeLog } from './small-log.ts';

describe('etcd write-ahead log, an end that was lost', () => {
  let directory: string;
  let offsets: Map<number, number>;
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-wal-'));
  });
  afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));
  const at = (index: number): number => offsets.get(index) as number;
  const read = (): MemberReading => etcdReader.read(directory, {});

  describe('the newest segment', () => {
    /** Another segment behind the log's 21 entries, as `cut` leaves it: checksum, metadata and hard state, and zeros. */
    function cutSegment(zeros = 4096): string {
      const writer = new EtcdWalWriter(directory);
      for (let index = 1; index <= 21; index++) writer.entry({ term: 2, index, data: putRequest(`/key/${index}`, 'v'.repeat(60)) });
      writer.state(2, '1', 20);
      writer.cut(22);
      writer.close(zeros);
      return only(directory, 1);
    }

    it('is sound when it was made a moment ago', () => {
      cutSegment();
      assert.deepEqual([read().report.health, read().report.lastEntry.index, read().findings], ['ok', 21, []]);
    });

    for (const [what, edit] of [
      ['is empty', (file) => fs.truncateSync(file, 0)],
      ['ends within a length field', (file) => fs.truncateSync(file, 5)],
      ['ends behind its checksum record', (file) => fs.truncateSync(file, 16)],
      ['ends within its metadata', (file) => fs.truncateSync(file, 30)],
      ['ends within its hard state', (file) => fs.truncateSync(file, 50)],
      ['is all zeros', (file) => overwrite(file, 0, Buffer.alloc(fs.statSync(file).size))],
      ['is zeros behind its checksum record', (file) => overwrite(file, 16, Buffer.alloc(fs.statSync(file).size - 16))],
    ] as [string, (file: string) => void][]) {
      it(`lost what it held when it ${what}`, () => {
        edit(cutSegment());
        const reading = read();
        const { report, findings } = reading;
        assert.deepEqual([report.health, report.lastEntry.index], ['damaged', 21]);
        assert.deepEqual(report.damage.map(({ file, fromIndex, toIndex, tail }) => [file, fromIndex, toIndex, tail]), [[path.basename(only(directory, 1)), 22, null, null]]);
        assert.deepEqual(findings.map(({ rule, severity }) => [rule, severity]), [['wal-damage', 'error']]);
        assert.match(findings[0]?.message ?? '', /what the segment held is lost: entries from 22 on cannot be read/);
        assert.equal(entriesOf(reading), `${range(1, 21)} x22-null`);
      });
    }

    it('was followed by another one when it is full and closed', function () {
      this.timeout(30_000);
      const writer = new EtcdWalWriter(directory);
      const data = putRequest('/blob', Buffer.alloc(1_000_000, 7));
      for (let index = 1; index <= 64; index++) writer.entry({ term: 2, index, data });
      writer.state(2, '1', 63);
      const end = writer.offset;
      writer.cut(65);
      writer.close(4096);
      assert.deepEqual([read().report.health, read().findings], ['ok', []]);
      fs.rmSync(only(directory, 1));
      const { report, findings } = read();
      assert.deepEqual([report.health, report.lastEntry.index], ['ok', 64]);
      assert.deepEqual(findings.map(({ rule, severity }) => [rule, severity]), [['wal-end-missing', 'warn']]);
      assert.match(findings[0]?.message ?? '', new RegExp(`full and closed \\(${end} bytes\\), and the next one, 1, is not there`));
      fs.truncateSync(only(directory, 0), end + 4096);
      assert.deepEqual(read().findings, [], 'room left in it: made larger than usual, and not full');
    });
  });

  describe('a copy that etcd kept when it cut its log', () => {
    /** Cuts the log at an entry as etcd does, the whole segment kept beside it. */
    function repair(index: number, edit: (file: string) => void = () => {}): void {
      offsets = writeLog(directory);
      const file = only(directory);
      edit(file);
      fs.copyFileSync(file, `${file}.broken`);
      fs.truncateSync(file, at(index));
    }
    const repaired = () => read().findings.filter(({ rule }) => rule === 'wal-repaired').map(({ severity, file, message }) => [severity, file, message.replace(/.*: /, '')]);
    const NAME = '0000000000000000-0000000000000000.wal.broken';

    it('tells which whole entries were cut off', () => {
      // The sector behind entry 15's header never reached the disk, all that follows did.
      repair(15, (file) => overwrite(file, Math.ceil((at(15) + 8) / 512) * 512, Buffer.alloc(512)));
      const { report } = read();
      assert.deepEqual([report.health, report.lastEntry.index, report.commitFloor], ['ok', 14, 13]);
      const [[severity, file, message] = []] = repaired();
      assert.deepEqual([severity, file], ['warn', NAME]);
      assert.match(message ?? '', /^entries 1[67]-21 are whole in it \(up to 2\/21\), and not in the log$/);
    });

    it('is harmless when only the unfinished write was cut off', () => {
      repair(21, (file) => fs.truncateSync(file, at(21) + 100));
      assert.deepEqual(repaired(), [['info', NAME, 'nothing whole in it is missing from the log']]);
    });

    it('is harmless when the log holds those entries again, or is known committed beyond them', () => {
      repair(15);
      assert.equal(repaired()[0]?.[0], 'warn');
      fs.copyFileSync(path.join(directory, NAME), path.join(directory, NAME.slice(0, -'.broken'.length)));
      assert.equal(repaired()[0]?.[0], 'info', 'sent again');
      const writer = new EtcdWalWriter(directory);
      writer.snapshot(9, 500);
      writer.state(9, '1', 500);
      writer.close();
      assert.equal(repaired()[0]?.[0], 'info', 'an old copy');
    });

    it('counts what another leader wrote over them as missing', () => {
      repair(15);
      const writer = new EtcdWalWriter(directory);
      for (let index = 1; index <= 18; index++) writer.entry({ term: index < 15 ? 2 : 3, index });
      writer.state(3, '1', 15);
      writer.close();
      assert.match(repaired()[0]?.[2] ?? '', /^entries 16-21 are whole/);
    });

    it('that cannot be read leaves open what was cut off', () => {
      repair(15);
      fs.rmSync(path.join(directory, NAME));
      fs.mkdirSync(path.join(directory, NAME));
      assert.deepEqual(repaired().map(([severity, file]) => [severity, file]), [['warn', NAME]]);
    });
  });
});
