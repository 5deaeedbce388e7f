import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { memorySource } from '../../../../src/engine/native/pages/byte-source.ts';
import { openLmdb } from '../../../../src/engine/native/pages/lmdb-file.ts';
import type { LmdbView } from '../../../../src/engine/native/pages/lmdb-file.ts';
import { encodeLockRecord } from '../../../../src/engine/native/lock-record.ts';
import { decodeNativeEntry } from '../../../../src/engine/readers/native/kv-commands.ts';
import { nativeReader } from '../../../../src/engine/readers/native/reader.ts';
import { DataLock } from '../../../../src/engine/adapters/data-lock.ts';
import { detectReader } from '../../../../src/engine/readers/index.ts';
import type { LogRecord, MemberReading } from '../../../../src/engine/model/reading.ts';
import { encodeHardState, encodePosition } from '../../../../src/engine/native/position-records.ts';
import { identityOf, NativeWriter, threeMembers } from '../../../helpers/native-writer.ts';
import { treeFingerprint } from '../../../helpers/tree-fingerprint.ts';

const PAGE = 4096;
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'native-reader-'));
after(() => fs.rmSync(scratch, { recursive: true, force: true }));

/** Two terms, a snapshot at 25, 61 entries; the batch of entries 13..22 fills pages of its own. */
async function writeMember(directory: string): Promise<void> {
  const writer = await NativeWriter.create(directory, identityOf('n1'), threeMembers());
  for (let i = 0; i < 10; i++) await writer.puts(1, [[`a${i}`, 'one']], { noop: i === 0, commit: 2 + i });
  await writer.puts(1, Array.from({ length: 10 }, (_, i): [string, string] => [`big${i}`, 'x'.repeat(2000)]), { commit: 20 });
  for (let i = 0; i < 8; i++) await writer.puts(2, [[`b${i}`, 'two'], [`b${i}`, 'three']], { noop: i === 0, commit: 25 });
  await writer.snapshot();
  for (let i = 0; i < 22; i++) await writer.puts(4, [[`c${i}`, 'four']], { commit: 40 });
  await writer.vote(5, 'n3');
  await writer.close();
}

function read(directory: string): MemberReading {
  return nativeReader.read(directory, {});
}

function copyOf(sample: string, name: string): string {
  const copy = path.join(scratch, name);
  fs.rmSync(copy, { recursive: true, force: true });
  fs.cpSync(sample, copy, { recursive: true });
  return copy;
}

/** Changes bytes of a copy's log environment. */
function damaged(sample: string, name: string, change: (bytes: Buffer, view: LmdbView) => Buffer | void): string {
  const copy = copyOf(sample, name);
  const file = path.join(copy, 'raft/data.mdb');
  const bytes = fs.readFileSync(file);
  const [view] = openLmdb(memorySource('', bytes)).views;
  assert.ok(view);
  fs.writeFileSync(file, change(bytes, view) ?? bytes);
  return copy;
}

function indexesOf(records: Iterable<LogRecord>): number[] {
  return [...records].flatMap((one) => (one.type === 'entry' ? [one.index] : []));
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const LAST = 61;

describe('native reader', () => {
  const sample = path.join(scratch, 'sample');
  before(() => writeMember(sample));

  it('reads a healthy member: positions, terms, vote, configuration, snapshot and state', () => {
    const { report, findings, configurations } = read(sample);
    assert.deepEqual(findings, []);
    assert.equal(report.health, 'ok');
    assert.deepEqual(report.startable, { ok: true });
    assert.deepEqual([report.clusterId, report.generation, report.memberId, report.name, report.software?.name], ['c1', 1, 'n1', 'name-n1', 'raft-inspector']);
    assert.deepEqual(report.hardState, { currentTerm: 5, votedFor: 'n3', commitIndex: 40 });
    assert.deepEqual(report.lastEntry, { term: 4, index: LAST });
    assert.deepEqual(report.log.termRuns, [{ term: 1, first: 1, last: 22 }, { term: 2, first: 23, last: 39 }, { term: 4, first: 40, last: LAST }]);
    assert.deepEqual(report.log.byKind, { command: 58, noop: 2, confChange: 1 });
    assert.deepEqual([report.commitFloor, report.appliedIndex, report.inDoubt], [40, 40, { from: 41, to: LAST, entries: 21 }]);
    assert.deepEqual(report.snapshots.map(({ term, index, status }) => [term, index, status]), [[2, 25, 'verified']]);
    assert.deepEqual(report.confState?.voters, ['n1', 'n2', 'n3']);
    assert.deepEqual(report.confState?.members[1], { id: 'n2', name: 'name-n2', addresses: ['127.0.0.1:7002'], role: 'voter' });
    assert.deepEqual([report.state?.keys, report.state?.revision, report.checked], [29, 40, 'checksums']);
    assert.match(String(report.state?.hash), /^[0-9a-f]{64}$/);
    assert.deepEqual(configurations.map(({ index, change, source }) => [index, change, source]), [[1, 'configuration of 3', 'log']]);
  });

  it('walks the log, from any entry to any other, with times, places and chain hashes', () => {
    const reading = read(sample);
    const bytes = fs.readFileSync(path.join(sample, 'raft/data.mdb'));
    const all = [...reading.records()];
    assert.deepEqual(indexesOf(all), range(1, LAST));
    for (const one of all) {
      assert.equal(one.type, 'entry');
      if (one.type !== 'entry') continue;
      assert.equal(bytes.readUInt32BE(one.byteOffset + 4), one.index, 'the offset is that of the entry record');
      assert.equal(one.extensions?.length, 16);
      if (one.index > 1) assert.match(one.appendedAt ?? '', /^2026-01-02T/);
    }
    for (const [from, to] of [[1, 1], [5, 14], [12, 21], [20, 50], [61, 61], [61, 70]] as const) {
      assert.deepEqual(indexesOf(reading.records({ from, to })), range(from, Math.min(to, LAST)));
    }
  });

  it('decodes the commands of kv and the configuration, and calls the rest undecodable', () => {
    const entries = [...read(sample).records({ from: 1, to: 14 })].flatMap((one) => (one.type === 'entry' ? [{ ...one, data: Uint8Array.from(one.data) }] : []));
    const shown = entries.map((entry) => decodeNativeEntry(entry));
    assert.deepEqual([shown[0]?.op, shown[0]?.detail, shown[1]?.op], ['configuration', 'voters n1 n2 n3', 'noop']);
    assert.deepEqual([shown[2]?.op, shown[2]?.key, shown[2]?.valueBytes], ['put', 'a0', 3]);
    const [first] = entries;
    assert.ok(first);
    for (const kind of ['command', 'confChange']) assert.equal(decodeNativeEntry({ ...first, kind, data: Uint8Array.of(9, 9) }).undecodable, true);
  });

  it('is found by the data directory and by raft/ alone, and by what lies beside a destroyed log', () => {
    assert.equal(detectReader(sample)?.store, 'native');
    assert.equal(read(path.join(sample, 'raft')).report.lastEntry.index, LAST);
    const alone = path.join(scratch, 'alone');
    fs.cpSync(path.join(sample, 'raft'), alone, { recursive: true });
    assert.equal(detectReader(alone)?.store, 'native');
    const { report } = read(alone);
    assert.deepEqual([report.lastEntry.index, report.snapshots.length], [LAST, 1]);
    assert.equal(report.snapshots[0]?.status, 'unverifiable', 'the snapshot is named, and not at hand');
    for (const what of [(file: string) => fs.rmSync(file), (file: string) => fs.writeFileSync(file, '')]) {
      const copy = copyOf(sample, 'no-log');
      what(path.join(copy, 'raft/data.mdb'));
      assert.equal(detectReader(copy)?.store, 'native');
      const lost = read(copy);
      assert.equal(lost.report.health, 'unreadable');
      assert.equal(lost.report.startable.ok, false);
      assert.deepEqual(lost.findings.filter((one) => one.rule === 'log-unreadable').map((one) => one.file), ['raft/data.mdb']);
      assert.deepEqual([...lost.records()], []);
    }
    assert.equal(detectReader(path.join(sample, 'snapshots')), null);
  });

  it('touches nothing: names, sizes, times and bytes stay, and no lock file appears', () => {
    const copy = copyOf(sample, 'untouched');
    fs.rmSync(path.join(copy, 'raft/lock.mdb'), { force: true });
    fs.rmSync(path.join(copy, 'state/lock.mdb'), { force: true });
    const before = treeFingerprint(copy, 'bytes');
    const reading = read(copy);
    assert.equal(indexesOf(reading.records()).length, LAST);
    assert.deepEqual(treeFingerprint(copy, 'bytes'), before);
  });

  it('B22: a flipped byte in a batch costs that batch alone, and the tail is still known', () => {
    const view = openLmdb(memorySource('', fs.readFileSync(path.join(sample, 'raft/data.mdb')))).views[0];
    const batches = [...(view?.items('log-0000000000000001') ?? [])];
    assert.ok(batches.length > 5);
    for (const batch of batches) {
      assert.equal(batch.kind, 'pair');
      if (batch.kind !== 'pair') continue;
      const first = batch.key.readUInt32BE(4);
      // The last byte of the record is its own checksum: every entry in it still holds by itself.
      for (const at of [20, Math.floor(batch.value.length / 2), batch.value.length - 1]) {
        const copy = damaged(sample, 'flipped', (bytes) => void (bytes[batch.byteOffset + at] = (bytes[batch.byteOffset + at] ?? 0) ^ 0x10));
        const { report, findings, ...reading } = read(copy);
        assert.equal(report.health, 'damaged', `batch ${first}, byte ${at}`);
        assert.equal(report.startable.ok, false);
        const [damage] = report.damage;
        assert.deepEqual(damage?.tail, { term: 4, index: LAST });
        assert.equal(damage?.byteOffset, batch.byteOffset);
        assert.ok(findings.some((one) => one.rule === 'log-damage' && one.byteOffset === batch.byteOffset && one.file === 'raft/data.mdb'));
        const read_ = indexesOf(reading.records());
        const lost = range(1, LAST).filter((index) => !read_.includes(index));
        if (damage.fromIndex === null) assert.deepEqual(lost, [], 'nothing is lost, and nothing is said to be');
        else assert.deepEqual(lost, range(damage.fromIndex, damage.toIndex ?? LAST));
        assert.ok(lost.every((index) => index >= first), 'entries before it are read');
        for (const one of reading.records()) if (one.type === 'damage') assert.equal(one.byteOffset, batch.byteOffset);
      }
    }
  });

  it('I3: a batch of another history is told by the chain, though every checksum in it holds', async () => {
    const other = path.join(scratch, 'other');
    const writer = await NativeWriter.create(other, identityOf('n1'), threeMembers());
    for (let i = 0; i < 10; i++) await writer.puts(1, [[`a${i}`, 'ONE']], { noop: i === 0, commit: 2 + i });
    await writer.close();
    const [foreign] = openLmdb(memorySource('', fs.readFileSync(path.join(other, 'raft/data.mdb')))).views;
    const key = Buffer.from('0000000000000006', 'hex');
    const stranger = foreign?.get('log-0000000000000001', key);
    assert.ok(stranger && 'value' in stranger);
    let at = 0;
    const copy = damaged(sample, 'foreign-batch', (bytes, view) => {
      const own = view.get('log-0000000000000001', key);
      assert.ok(own && 'value' in own);
      assert.equal(own.value.length, stranger.value.length);
      at = own.byteOffset;
      stranger.value.copy(bytes, at);
    });
    const { report, findings } = read(copy);
    assert.equal(findings.find((one) => one.rule === 'chain-broken')?.byteOffset, at + 20, 'the first entry of that batch');
    assert.deepEqual([report.health, report.startable.ok, report.lastEntry], ['damaged', false, { term: 2, index: 25 }], 'the log before the break is older than the snapshot');
    assert.equal(report.log.lastIndex, 5);
    assert.deepEqual(report.damage[0]?.tail, { term: 4, index: LAST });
  });

  it('I7, I13: descriptors, hard state and snapshot names that do not fit the log are told, each by its rule', () => {
    const cases = [
      { rule: 'tail-differs', key: 'tail', record: encodePosition('tail', { index: LAST, term: 4, chainHash: new Uint8Array(16) }) },
      { rule: 'tail-differs', key: 'tail', record: encodePosition('tail', { index: LAST - 1, term: 4, chainHash: new Uint8Array(16) }) },
      { rule: 'log-damage', key: 'tail', record: encodePosition('tail', { index: LAST + 3, term: 4, chainHash: new Uint8Array(16) }) },
      { rule: 'log-damage', key: 'base', record: encodePosition('base', { index: 3, term: 1, chainHash: new Uint8Array(16) }) },
      { rule: 'chain-broken', key: 'base', record: encodePosition('base', { index: 0, term: 0, chainHash: new Uint8Array(16).fill(1) }) },
      { rule: 'commit-beyond-log', key: 'hard-state', record: encodeHardState({ term: 5, vote: 'n3', commit: LAST + 1 }) },
      { rule: 'commit-below-snapshot', key: 'hard-state', record: encodeHardState({ term: 5, vote: 'n3', commit: 24 }) },
      { rule: 'term-behind-log', key: 'hard-state', record: encodeHardState({ term: 3, vote: 'n3', commit: 40 }) },
    ];
    for (const { rule, key, record } of cases) {
      const copy = damaged(sample, 'misfit', (bytes, view) => {
        const found = view.get('meta', Buffer.from(key));
        assert.ok(found && 'value' in found);
        assert.equal(found.value.length, record.length);
        record.copy(bytes, found.byteOffset);
      });
      const { report, findings } = read(copy);
      assert.ok(findings.some((one) => one.rule === rule && one.severity === 'error' && one.byteOffset !== null), `${rule}: ${findings.map((one) => `${one.rule} ${one.message}`).join('; ')}`);
      assert.deepEqual([report.health, report.startable.ok], ['damaged', false], rule);
      assert.ok(report.startable.ok || report.startable.reason.length > 0);
    }
  });

  it('G: corrupt body, intact descriptor: with every page of the segment gone, either tail descriptor says how far the log went', () => {
    for (const lostCopy of [false, true]) {
      const copy = damaged(sample, 'no-segment', (bytes, view) => {
        const root = view.databases().get('log-0000000000000001')?.head.root ?? 0;
        bytes.fill(0xee, root * PAGE, (root + 1) * PAGE);
        const home = view.databases().get(lostCopy ? 'tail' : 'meta')?.head.root ?? 0;
        if (lostCopy) bytes.fill(0xee, home * PAGE, (home + 1) * PAGE);
      });
      const { report, ...reading } = read(copy);
      assert.equal(report.health, 'damaged');
      assert.deepEqual(report.damage[0]?.tail, { term: 4, index: LAST });
      assert.deepEqual([report.damage[0]?.fromIndex, report.damage[0]?.toIndex], [1, LAST]);
      assert.deepEqual(report.lastEntry, { term: 2, index: 25 }, 'the snapshot is what is left');
      assert.deepEqual(indexesOf(reading.records()), []);
      assert.equal(report.hardState.commitIndex, 40);
    }
  });

  it('G: descriptor lost in both homes: how far the log went is not known, though every entry read is whole', () => {
    const copy = damaged(sample, 'no-tails', (bytes, view) => {
      for (const [database, key] of [['meta', 'tail'], ['tail', 'tail-copy']] as const) {
        const found = view.get(database, Buffer.from(key));
        assert.ok(found && 'value' in found);
        bytes.writeUInt8(found.value.readUInt8(10) ^ 1, found.byteOffset + 10);
      }
    });
    const { report, findings } = read(copy);
    assert.equal(report.health, 'damaged');
    assert.deepEqual(report.damage.map((one) => one.tail), [null]);
    assert.deepEqual(report.lastEntry, { term: 4, index: LAST });
    assert.equal(findings.filter((one) => one.rule === 'record-damaged').length, 2);
  });

  it('takes the commit before when the newest leads into damage, and says what is missing', () => {
    const copy = damaged(sample, 'newest-bad', (bytes, view) => {
      // The page that only the newest commit reaches: the root of its main tree.
      bytes.fill(0, (view.meta.main.root ?? 0) * PAGE + 24, (view.meta.main.root ?? 0) * PAGE + 100);
    });
    const { report, findings } = read(copy);
    assert.equal(report.health, 'damaged');
    assert.ok(findings.some((one) => one.rule === 'commit-lost'));
    assert.equal(report.lastEntry.index, LAST, 'the newest commit held a vote only');
    assert.equal(report.damage.length, 1);
    assert.equal(report.startable.ok, false);
  });

  it('reads on by the other meta page, and says that the newest commit may be lost', () => {
    for (const newest of [true, false]) {
      const copy = damaged(sample, 'meta-bad', (bytes, view) => void bytes.fill(0, (newest ? view.meta.page : 1 - view.meta.page) * PAGE, ((newest ? view.meta.page : 1 - view.meta.page) + 1) * PAGE));
      const { report, findings } = read(copy);
      assert.equal(report.health, 'damaged');
      assert.equal(report.lastEntry.index, LAST);
      assert.equal(report.hardState.votedFor, 'n3', newest ? 'found in the pages of the lost commit' : 'read');
      assert.ok(findings.some((one) => one.rule === 'meta-page-bad' && one.byteOffset !== null));
      assert.equal(findings.some((one) => one.rule === 'commit-lost'), newest);
    }
  });

  it('tells a lost hard state, identity or base, each by its place', () => {
    for (const key of ['hard-state', 'identity', 'base', 'incarnation', 'format', 'snapshots']) {
      let at = 0;
      const copy = damaged(sample, 'record', (bytes, view) => {
        const found = view.get('meta', Buffer.from(key));
        assert.ok(found && 'value' in found);
        at = found.byteOffset;
        bytes.writeUInt8(found.value.readUInt8(found.value.length - 1) ^ 4, at + found.value.length - 1);
      });
      const { report, findings } = read(copy);
      assert.deepEqual(findings.filter((one) => one.rule === 'record-damaged').map((one) => [one.file, one.byteOffset]), [['raft/data.mdb', at]], key);
      assert.equal(report.health, 'damaged');
      assert.equal(report.startable.ok, false);
      if (key === 'hard-state') assert.deepEqual(report.hardState, { currentTerm: 4, votedFor: null, commitIndex: null });
      if (key === 'snapshots') assert.equal(report.snapshots.length, 1, 'sound files count where their names are lost');
    }
  });

  it('I19, B24: a bad or missing snapshot that the log names keeps the member out', () => {
    const copy = copyOf(sample, 'bad-snapshot');
    const [name] = fs.readdirSync(path.join(copy, 'snapshots'));
    const file = path.join(copy, 'snapshots', name ?? '');
    const bytes = fs.readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(60) ^ 1, 60);
    fs.writeFileSync(file, bytes);
    const bad = read(copy);
    assert.deepEqual(bad.report.snapshots.map((one) => one.status), ['bad']);
    assert.deepEqual([bad.report.health, bad.report.startable.ok, bad.report.lastEntry.index], ['damaged', false, LAST]);
    assert.ok(bad.findings.some((one) => one.rule === 'snapshot-bad' && one.file === `snapshots/${name}` && one.byteOffset === 16));
    fs.rmSync(file);
    assert.deepEqual(read(copy).report.snapshots.map((one) => [one.index, one.status]), [[25, 'bad']]);
  });

  it('a damaged state store is a warning: log and snapshots build it anew', () => {
    const copy = copyOf(sample, 'bad-state');
    const file = path.join(copy, 'state/data.mdb');
    const bytes = fs.readFileSync(file);
    const [view] = openLmdb(memorySource('', bytes)).views;
    const pair = [...(view?.items('kv-data-1') ?? [])][3];
    assert.ok(pair?.kind === 'pair');
    bytes.writeUInt8(pair.value.readUInt8(12) ^ 1, pair.byteOffset + 12);
    fs.writeFileSync(file, bytes);
    const { report, findings } = read(copy);
    assert.deepEqual(findings.map(({ rule, severity, file: name, byteOffset }) => [rule, severity, name, byteOffset]), [['state-damaged', 'warn', 'state/data.mdb', pair.byteOffset]]);
    assert.deepEqual([report.health, report.startable.ok, report.serverStarts, report.state?.keys], ['ok', true, false, null]);
    fs.rmSync(path.join(copy, 'state'), { recursive: true });
    assert.deepEqual([read(copy).findings.length, read(copy).report.appliedIndex], [0, null]);
  });

  it('sees who runs on it by the lock file, and is not fooled by one that is over', () => {
    const copy = copyOf(sample, 'locked');
    const own = { pid: process.pid, startTicks: 0, host: os.hostname(), bootId: '', since: '2026-01-01T00:00:00.000Z' };
    const cases = [
      { lock: own, running: { pid: process.pid }, told: 0 },
      { lock: { ...own, startTicks: 1 }, running: null, told: 0 },
      { lock: { ...own, pid: 4_194_300 }, running: null, told: 0 },
      { lock: { ...own, bootId: 'another' }, running: null, told: 0 },
      { lock: { ...own, host: 'another.example' }, running: null, told: 1 },
    ];
    for (const { lock, running, told } of cases) {
      fs.writeFileSync(path.join(copy, 'LOCK'), encodeLockRecord(lock));
      const { report, findings } = read(copy);
      assert.deepEqual(report.running, running);
      assert.equal(findings.filter((one) => one.rule === 'lock-elsewhere').length, told);
    }
    fs.writeFileSync(path.join(copy, 'LOCK'), 'half');
    assert.equal(read(copy).report.running, null);
    fs.rmSync(path.join(copy, 'LOCK'));
    const lock = DataLock.take(copy);
    assert.deepEqual(read(copy).report.running, { pid: process.pid }, 'the lock as a member takes it');
    lock.release();
    assert.equal(read(copy).report.running, null);
  });

  it('reads a log that was trimmed behind snapshots, and one that only joined', async () => {
    const trimmed = path.join(scratch, 'trimmed');
    const writer = await NativeWriter.create(trimmed, identityOf('n2'), threeMembers());
    for (let i = 0; i < 30; i++) await writer.puts(1, [[`k${i}`, 'v']], { commit: 2 + i });
    await writer.snapshot();
    for (let i = 0; i < 10; i++) await writer.puts(2, [[`k${i}`, 'w']], { commit: 32 + i });
    await writer.snapshot();
    await writer.trim(20);
    await writer.close();
    const { report, findings, ...reading } = read(trimmed);
    assert.deepEqual(findings, []);
    assert.deepEqual([report.log.firstIndex, report.log.lastIndex, report.log.entries, report.snapshots.length], [20, 41, 22, 2]);
    assert.deepEqual(indexesOf(reading.records()), range(20, 41));
    assert.equal(report.confState?.index, 1, 'the configuration comes from the snapshot');

    const joined = path.join(scratch, 'joined');
    await (await NativeWriter.create(joined, identityOf('n9'), null)).close();
    const empty = read(joined);
    assert.deepEqual([empty.report.health, empty.report.lastEntry, empty.report.startable.ok], ['ok', { term: 0, index: 0 }, false]);
    assert.deepEqual(empty.findings.map((one) => [one.rule, one.severity]), [['not-startable', 'info']]);
  });

  it('reads while the member writes: every reading is of one moment', async () => {
    const live = path.join(scratch, 'live');
    const writer = await NativeWriter.create(live, identityOf('n3'), threeMembers());
    await writer.puts(1, [['first', 'v']], { noop: true, commit: 2 });
    for (let i = 0; i < 120; i++) {
      const [before, done] = [3 + i, writer.puts(1, [[`k${i}`, 'x'.repeat((i * 977) % 9000)]], { commit: 3 + i })];
      const { report, ...reading } = read(live);
      assert.deepEqual(report.damage, []);
      assert.deepEqual(report.running, { pid: process.pid }, 'without a lock file, the lock of the open environment tells');
      assert.ok(report.lastEntry.index >= before && report.lastEntry.index <= before + 1);
      assert.deepEqual(indexesOf(reading.records()), range(1, report.lastEntry.index));
      await done;
    }
    await writer.close();
  });
});
