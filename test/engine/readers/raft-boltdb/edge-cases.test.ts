import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { encode } from '@msgpack/msgpack';
import type { MemberReading } from '../../../../src/engine/model/reading.ts';
import { Crc64 } from '../../../../src/engine/readers/crc64.ts';
import { raftBoltdbReader } from '../../../../src/engine/readers/raft-boltdb/reader.ts';
import { writeBolt } from '../../../helpers/bbolt-writer.ts';

const SERVERS = ['n1', 'n2', 'n3'].map((ID, at) => ({ Suffrage: 0, ID, Address: `10.0.0.${at}:8300` }));

interface Item {
  index: number;
  term?: number;
  type?: number;
  data?: Uint8Array;
  /** Index inside the value, where it is to differ from the key. */
  claims?: number;
}

const CONFIGURATION: Item = { index: 1, type: 5, data: encode({ Servers: SERVERS }) };
const commands = (from: number, to: number, term = 1): Item[] => Array.from({ length: to - from + 1 }, (_, n) => ({ index: from + n, term }));
const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};

describe('hashicorp/raft on raft-boltdb, edge cases', () => {
  let root: string;
  beforeEach(() => void (root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-boltdb-'))));
  afterEach(() => fs.rmSync(root, { recursive: true }));

  function store(items: Item[], stable: Record<string, Uint8Array> = { CurrentTerm: u64(9) }, file = 'raft.db'): void {
    const rows = items.map(({ index, term = 1, type = 0, data = Buffer.from('x'), claims = index }) => {
      return [u64(index), Buffer.from(encode({ Data: data, Extensions: null, Index: claims, Term: term, Type: type }))] as const;
    });
    const conf = Object.entries(stable).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [Buffer.from(key), value] as const);
    writeBolt(path.join(root, file), [{ name: 'conf', items: conf }, { name: 'logs', items: rows }]);
  }

  function snapshot(index: number, change: Record<string, unknown> = {}, term = 1, name = `${term}-${index}-1700000000000`): void {
    const directory = path.join(root, 'snapshots', name);
    fs.mkdirSync(directory, { recursive: true });
    const state = Buffer.from(`state at ${index}`);
    const CRC = new Crc64().update(state).digest().toString('base64');
    const meta = { Version: 1, ID: name, Index: index, Term: term, Configuration: { Servers: SERVERS }, ConfigurationIndex: 1, Size: state.length, CRC, ...change };
    fs.writeFileSync(path.join(directory, 'state.bin'), state);
    fs.writeFileSync(path.join(directory, 'meta.json'), `${JSON.stringify(meta)}\n`);
  }

  function read(): MemberReading {
    assert.ok(raftBoltdbReader.detect(root, {}));
    return raftBoltdbReader.read(root, {});
  }
  const rules = (reading: MemberReading): string[] => reading.findings.map((f) => f.rule);
  const reason = ({ report }: MemberReading): string => (report.startable.ok ? '' : report.startable.reason);

  it('1: a gap behind the snapshot', () => {
    snapshot(10);
    store(commands(15, 20));
    assert.match(reason(read()), /11\.\.14/);
  });

  it('2: a hole at or below the snapshot is legal, the run starts behind it', () => {
    snapshot(10);
    store([CONFIGURATION, ...commands(2, 5), ...commands(9, 14)]);
    const reading = read();
    assert.deepEqual([reading.report.log.firstIndex, reading.report.log.lastIndex, reason(reading), reading.report.health], [9, 14, '', 'ok']);
    assert.ok(rules(reading).includes('log-hole'));
  });

  it('2: a hole above it is not', () => {
    snapshot(10);
    store([...commands(5, 12), ...commands(15, 16)]);
    const reading = read();
    assert.match(reason(reading), /13\.\.14/);
    assert.equal(reading.report.health, 'damaged');
  });

  it('3 and 4: an empty log, or one that ends below the snapshot', () => {
    snapshot(10, {}, 3);
    store([]);
    assert.deepEqual([read().report.lastEntry, reason(read()), read().report.commitFloor], [{ term: 3, index: 10 }, '', 10]);
    store(commands(2, 6));
    assert.deepEqual([read().report.lastEntry, reason(read())], [{ term: 3, index: 10 }, '']);
  });

  it('5: a log that begins late without a snapshot', () => {
    store(commands(5, 9));
    assert.match(reason(read()), /begins at 5/);
  });

  it('6: everything empty was never bootstrapped', () => {
    store([], {});
    assert.match(reason(read()), /never bootstrapped/);
    assert.equal(read().report.health, 'ok');
  });

  it('7: leftovers among the snapshots are notes', () => {
    snapshot(10);
    snapshot(12, { CRC: null, Size: 0 }, 1, '1-12-1700000000001.tmp');
    fs.writeFileSync(path.join(root, 'snapshots', 'notes.txt'), 'x');
    store(commands(5, 14));
    const reading = read();
    assert.equal(reading.report.health, 'ok');
    assert.deepEqual(reading.report.snapshots.map((s) => s.index), [10]);
    assert.ok(rules(reading).includes('snapshot-unfinished'));
  });

  const badMetas: Record<string, Record<string, unknown>> = {
    '8: a wrong CRC': { CRC: 'AAAAAAAAAAA=' },
    '8: a wrong size': { Size: 3 },
    '9: no CRC': { CRC: null, Size: 0 },
    '10: an ID that is not the directory': { ID: '1-12-1' },
    'a version raft does not know': { Version: 7 },
  };
  for (const [name, change] of Object.entries(badMetas)) {
    it(`${name}: the next snapshot counts, and the gap is measured from it`, () => {
      snapshot(10);
      snapshot(20, change);
      store(commands(15, 25));
      const reading = read();
      assert.deepEqual(reading.report.snapshots.map((s) => [s.index, s.status]), [[20, 'bad'], [10, 'verified']]);
      assert.match(reason(reading), /11\.\.14/);
      assert.equal(reading.report.commitFloor, 10);
    });
  }

  it('11: of two snapshots at one position the later id is newer', () => {
    snapshot(10, {}, 1, '1-10-1700000000000');
    snapshot(10, {}, 1, '1-10-1700000000009');
    store([]);
    assert.match(read().report.snapshots[0]?.file ?? '', /9$/);
  });

  it('12: lost term and vote', () => {
    store([CONFIGURATION, ...commands(2, 4, 3)], {});
    assert.match(reason(read()), /term and vote are lost/);
  });

  it('13 and 14: votes', () => {
    store([CONFIGURATION], { CurrentTerm: u64(4), LastVoteTerm: u64(4), LastVoteCand: Buffer.from('10.0.0.1:8300') });
    assert.deepEqual(read().report.hardState, { currentTerm: 4, votedFor: '10.0.0.1:8300', commitIndex: null });
    store([CONFIGURATION], { CurrentTerm: u64(5), LastVoteTerm: u64(4), LastVoteCand: Buffer.from('10.0.0.1:8300') });
    assert.equal(read().report.hardState.votedFor, null);
    store([CONFIGURATION], { CurrentTerm: u64(3), LastVoteTerm: u64(4), LastVoteCand: Buffer.from('10.0.0.1:8300') });
    assert.equal(read().report.hardState.currentTerm, 4);
  });

  it('15: terms that fall', () => {
    store([CONFIGURATION, ...commands(2, 4, 3), ...commands(5, 6, 2)]);
    assert.match(reason(read()), /falls from 3 to 2 at entry 5/);
  });

  it('16 and 17: an entry that is not what its key says ends the run, what lies behind is known', () => {
    store([CONFIGURATION, ...commands(2, 4), { index: 5, claims: 7 }, ...commands(6, 9)]);
    const { report } = read();
    assert.deepEqual([report.lastEntry.index, report.damage[0]?.fromIndex, report.damage[0]?.tail], [4, 5, { term: 1, index: 9 }]);
    assert.match(reason(read()), /entry 5/);
  });

  it('21: a snapshot made by a recovery is no proof', () => {
    snapshot(10, { Configuration: { Servers: SERVERS.slice(0, 1) } });
    store([]);
    assert.equal(read().report.commitFloor, 0);
    assert.ok(rules(read()).includes('snapshot-from-recovery'));
  });

  it('24: duplicate addresses are refused, ids equal to addresses are not', () => {
    store([{ ...CONFIGURATION, data: encode({ Servers: SERVERS.map((s) => ({ ...s, Address: 'same:1' })) }) }]);
    assert.match(reason(read()), /share one address/);
    store([{ index: 1, type: 3, data: encode(['a:1', 'b:1']) }]);
    assert.equal(reason(read()), '');
    assert.deepEqual(read().report.confState?.voters, ['a:1', 'b:1']);
  });

  it('reads raft-log.db and never the old raft.db beside it', () => {
    store([CONFIGURATION, ...commands(2, 99)], { CurrentTerm: u64(1) });
    store([CONFIGURATION, ...commands(2, 5)], {}, 'raft-log.db');
    store([], { CurrentTerm: u64(7) }, 'raft-stable.db');
    const reading = read();
    assert.deepEqual([reading.report.lastEntry.index, reading.report.hardState.currentTerm], [5, 7]);
    assert.ok(rules(reading).includes('stale-store'));
  });

  it('accepts the raft directory and the file, and says where the id is', () => {
    store([CONFIGURATION]);
    const data = fs.mkdtempSync(path.join(os.tmpdir(), 'consul-data-'));
    fs.mkdirSync(path.join(data, 'serf'));
    fs.writeFileSync(path.join(data, 'node-id'), '2bf25ea7-5d28-4aa1-87c6-51ca5621d3cd');
    fs.cpSync(root, path.join(data, 'raft'), { recursive: true });
    for (const place of ['', 'raft', 'raft/raft.db']) {
      const { report } = raftBoltdbReader.read(path.join(data, place), {});
      assert.deepEqual([report.software?.name, report.memberId, report.path], ['consul', '2bf25ea7-5d28-4aa1-87c6-51ca5621d3cd', data]);
    }
    fs.rmSync(data, { recursive: true });
  });

  it('names a second store beside the live one', () => {
    store([CONFIGURATION]);
    fs.mkdirSync(path.join(root, 'wal'));
    fs.writeFileSync(path.join(root, 'wal', 'wal-meta.db'), '');
    assert.ok(rules(read()).includes('two-stores'));
  });
});
