import assert from 'node:assert/strict';
import path from 'node:path';
import { contextOf } from '../../src/cli/render/head.ts';
import { decodedFields, logLines, type LogRow } from '../../src/cli/render/log.ts';
import { memberLines } from '../../src/cli/render/members.ts';
import { plainStyle } from '../../src/cli/render/terminal-style.ts';
import { timelineLines } from '../../src/cli/render/timeline.ts';
import { damageReason } from '../../src/engine/inspect/damage-reason.ts';
import { fsck } from '../../src/engine/inspect/fsck.ts';
import { selectRecords } from '../../src/engine/inspect/log-rows.ts';
import { timelineOf } from '../../src/engine/inspect/timeline.ts';
import type { MemberReading } from '../../src/engine/model/reading.ts';
import { openPlaces } from '../../src/engine/places/open.ts';
import { decoderFor } from '../../src/engine/readers/decoders.ts';
import { unpackCase } from '../helpers/corpus.ts';

const WIDE = plainStyle({ width: 100 });

async function readCase(name: string, members: string[]): Promise<MemberReading[]> {
  const directory = unpackCase(name);
  const opened = await openPlaces(members.map((member) => path.join(directory, member)));
  return opened.map((one) => {
    assert.equal(one.kind, 'reading', one.kind === 'unreadable' ? one.error.message : one.kind);
    return (one as { reading: MemberReading }).reading;
  });
}

describe('screens of inspect, from the corpus', function () {
  this.timeout(60_000);

  it('S1: a damaged member is explained, with what is whole behind it and who holds the lost entry', async () => {
    const readings = await readCase('etcd/bit-flip-3516', ['n1', 'n2', 'n3']);
    const reports = readings.map((one) => one.report);
    const lines = [...memberLines(reports, [], WIDE, (label, at) => damageReason(readings.find((one) => one.report.label === label) as MemberReading, at))];
    assert.match(lines[0] ?? '', /^DAMAGED {2}1 of 3 members: n1 +etcd 3\.5.* {2}cluster 4e49d1ea54f219c5 {2}voters n1 n2 n3$/);
    const cells = (line: string | undefined): string[] => (line ?? '').trim().split(/ {2,}/);
    assert.deepEqual(cells(lines[1]), ['MEMBER', 'HEALTH', 'LAST ENTRY', 'ENTRIES', 'IN DOUBT', 'TERM', 'VOTE', 'COMMIT', 'APPLIED', 'SNAPSHOT']);
    assert.deepEqual(cells(lines[2]), ['n1', 'DAMAGED', '2/3174 (s)', '1-2171, 2173-3563', '-', '-', '-', '-', '3497', '2/3174']);
    assert.deepEqual(cells(lines[3]), ['n2', 'ok', '2/2623', '1-2623', '2619-2623', '2', 'n1', '2618', '2534', '2/2277']);
    assert.deepEqual(cells(lines[4]), ['n3', 'ok', '2/3563', '1-3563', '3560-3563', '2', 'n1', '3559', '3481', '2/3173']);
    const told = lines.slice(5).join(' ').replaceAll(/ +/g, ' ');
    for (const words of ['0000000000000000-0000000000000000.wal, record at byte 738424: entry 2172', '1391 entries behind it are whole, up to 2/3563', 'n2 and n3 hold entry 2172.', 'etcd will not start from it.', '(s) taken from the snapshot']) {
      assert.ok(told.includes(words), `${words} in: ${told}`);
    }
  });

  it('narrow screens drop vote, term, applied, snapshot and never wrap a row', async () => {
    const reports = (await readCase('etcd/divergent-tail-34', ['n1'])).map((one) => one.report);
    const header = [...memberLines(reports, [], plainStyle({ width: 60 }), () => null)][1] ?? '';
    assert.ok(!header.includes('VOTE') && !header.includes('TERM') && header.includes('COMMIT'));
  });

  it('S11: bands of terms, a snapshot, and the split at 916', async () => {
    const readings = await readCase('etcd/divergent-tail-34', ['n1', 'n2', 'n3']);
    const reports = readings.map((one) => one.report);
    const timeline = timelineOf(readings.map((reading) => ({ label: reading.report.label, report: reading.report, configurations: reading.configurations, reading })));
    const lines = [...timelineLines(timeline, contextOf(reports), WIDE)];
    assert.match(lines[0] ?? '', /^TIMELINE {2}3 terms, 1 split +etcd 3\.4.* {2}cluster c0968d9f74907a27 {2}voters n1 n2 n3$/);
    assert.deepEqual(lines.slice(1), [
      '  index  1                             601             916   1035  1178',
      '  n1     122222222222222222222222222222S2222222222222223333333333333',
      '  n3     122222222222222222222222222222S2222222222222223333333333333',
      '  n2     122222222222222222222222222222S222222222222222~~~~~~',
      '                                                       ^ split at 916: n1, n3 term 3; n2 term 2',
      '  digit = term   S snapshot   C membership change   ~ on no other member   x damage   20 a column',
    ]);
  });

  it('inspect log --around shows the damaged row among its neighbours', async () => {
    const [reading] = (await readCase('etcd/bit-flip-3516', ['n1'])) as [MemberReading];
    const decode = await decoderFor(reading.report);
    const rows: LogRow[] = [];
    for (const record of selectRecords(reading, { around: 2172 })) {
      const { file, byteOffset } = record;
      if (record.type === 'damage') rows.push({ index: record.fromIndex, term: null, kind: 'DAMAGED', bytes: null, file, byteOffset, op: null, key: null, valueBytes: null, detail: record.reason, damaged: true });
      else rows.push({ index: record.index, term: record.term, kind: record.kind, bytes: record.bytes, file, byteOffset, ...decodedFields(decode(record), 'values') });
    }
    const lines = [...logLines('head', rows, 'values', WIDE)].slice(2);
    const cells = lines.map((line) => line.trim().split(/ {2,}/));
    assert.deepEqual(cells[0], ['2170', '2', 'command', '287', '737784', 'put /hot/00578', '256 B']);
    assert.deepEqual(cells[1], ['2171', '2', 'command', '287', '738104', 'put /hot/00193', '256 B']);
    assert.deepEqual(cells[2]?.slice(0, 6), ['>', '2172', '?', 'DAMAGED', '-', '738424']);
    assert.deepEqual(cells[3], ['2173', '2', 'command', '287', '738744', 'put /hot/00750', '256 B']);
  });

  it('redaction: values stay hidden, keys are hashed under all', async () => {
    const decoded = { op: 'put', key: '/secret/key', valueBytes: 3, detail: '', value: Buffer.from('pw!') };
    assert.equal(decodedFields(decoded, 'values').value, undefined);
    assert.equal(decodedFields(decoded, 'none').value, 'pw!');
    assert.ok(!JSON.stringify(decodedFields(decoded, 'all')).includes('secret'));
  });

  it('fsck: healthy members agree, damage is an error', async () => {
    const decode = await decoderFor({ store: 'etcd', software: null });
    const healthy = await readCase('etcd/divergent-tail-34', ['n1', 'n2', 'n3']);
    const sound = fsck(healthy, { decoderOf: () => decode });
    assert.deepEqual(sound.findings.filter((one) => one.severity === 'error'), []);
    assert.deepEqual(sound.report.conflicts, []);
    assert.equal(sound.report.compared, 1178);
    const hurt = fsck(await readCase('etcd/bit-flip-3516', ['n1']), { decoderOf: () => decode });
    assert.equal(hurt.report.members[0]?.checks.find((one) => one.name === 'indexes')?.ok, false);
    assert.deepEqual(hurt.findings.filter((one) => one.severity === 'error').map((one) => one.byteOffset), [738424]);
  });
});
