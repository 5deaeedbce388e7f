import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import type { MemberReading } from '../../../../src/engine/model/reading.ts';
import { crc32c } from '../../../../src/engine/native/crc32c.ts';
import { etcdReader } from '../../../../src/engine/readers/etcd/reader.ts';
import { copyMember, truthOf, unpackMember } from '../../../helpers/corpus.ts';
import { bytesField, varintField } from '../../../helpers/etcd-wal-writer.ts';

const CASE = 'etcd/divergent-tail-34';

describe('etcd members with parts missing', function () {
  this.timeout(30_000);
  let member: string;
  beforeEach(() => {
    member = copyMember(CASE, 'n1');
  });
  afterEach(() => fs.rmSync(path.dirname(member), { recursive: true, force: true }));
  const read = (place = member): MemberReading => etcdReader.read(place, {});
  const wal = (): string => path.join(member, 'member/wal');
  const snap = (name = ''): string => path.join(member, 'member/snap', name);

  for (const [what, remove] of [
    ['no segment in its wal directory', () => fs.readdirSync(wal()).forEach((name) => fs.rmSync(path.join(wal(), name)))],
    ['no wal directory', () => fs.rmSync(wal(), { recursive: true })],
  ] as const) {
    it(`${what}: damaged, and the plan can rebuild around the db`, () => {
      remove();
      const { report, findings } = read();
      assert.deepEqual(findings.filter(({ rule }) => rule === 'wal-missing').map(({ severity, file }) => [severity, file]), [['error', 'member/wal']]);
      assert.deepEqual([report.health, report.startable.ok], ['damaged', true]);
      const { term, index } = report.snapshots[0] ?? { term: 0, index: 0 };
      assert.ok(term > 0 && report.lastEntry.term >= term && report.lastEntry.index >= index, 'the snapshot tells at least a term');
    });
  }

  it('with .snap files alone it cannot be started', () => {
    fs.rmSync(wal(), { recursive: true });
    fs.rmSync(snap('db'));
    const { report, findings } = read();
    assert.ok(findings.some(({ rule }) => rule === 'wal-missing'));
    assert.deepEqual([report.health, report.startable.ok], ['damaged', false]);
  });

  it('a db given alone is not called damaged', () => {
    const { report, findings } = read(path.join(unpackMember(CASE, 'n1'), 'member/snap/db'));
    assert.deepEqual(findings.filter(({ rule }) => rule.startsWith('wal-') || rule === 'db-only').map(({ rule, severity }) => [rule, severity]), [['db-only', 'info']]);
    assert.equal(report.health, 'ok');
  });

  it('tells a v2 store that is too large to read', () => {
    const newest = fs.readdirSync(snap()).filter((name) => name.endsWith('.snap')).sort().at(-1) as string;
    const [term, index] = newest.slice(0, -5).split('-').map((part) => Number.parseInt(part, 16)) as [number, number];
    const metadata = Buffer.concat([bytesField(1, Buffer.alloc(0)), varintField(2, index), varintField(3, term)]);
    const data = Buffer.concat([bytesField(1, Buffer.alloc((16 << 20) + 1, 0x20)), bytesField(2, metadata)]);
    fs.writeFileSync(snap(newest), Buffer.concat([varintField(1, crc32c(data, 0)), bytesField(2, data)]));
    const { report, findings } = read();
    assert.equal(report.snapshots[0]?.status, 'verified');
    assert.deepEqual(findings.filter(({ rule }) => rule === 'v2-store-skipped').map(({ severity, file }) => [severity, file]), [['info', `member/snap/${newest}`]]);
  });

  it('takes a received backend that was not swapped in yet for the db (.snap.db)', () => {
    const index = read().report.snapshots[0]?.index as number;
    const applied = truthOf(CASE).members.n1.db.meta.consistent_index as number;
    const pending = `${index.toString(16).padStart(16, '0')}.snap.db`;
    fs.renameSync(snap('db'), snap(pending));
    const reading = read();
    assert.equal(reading.report.appliedIndex, applied);
    assert.equal(reading.report.serverStarts, true);
    assert.deepEqual(reading.findings.filter(({ severity }) => severity === 'error'), []);
    // With a db that is newer than the snapshot it is left alone.
    fs.copyFileSync(snap(pending), snap('db'));
    fs.writeFileSync(snap(pending), 'no db at all');
    assert.equal(read().report.appliedIndex, applied);
  });
});
