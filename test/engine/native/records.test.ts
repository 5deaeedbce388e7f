import assert from 'node:assert/strict';
import { decodeBatch, encodeBatch, salvageBatch } from '../../../src/engine/native/batch-record.ts';
import { chainHex, EMPTY_CHAIN } from '../../../src/engine/native/chain-hash.ts';
import { crc32c } from '../../../src/engine/native/crc32c.ts';
import type { Decoded } from '../../../src/engine/native/decoded.ts';
import { expectedChain } from '../../../src/engine/native/entry-record.ts';
import { indexKey, parseIndexKey, parseSegmentName, SEGMENT_ENTRIES, segmentName, segmentStart } from '../../../src/engine/native/layout.ts';
import { decodeFormat, decodeIdentity, decodeSnapshotNames, encodeFormat, encodeIdentity, encodeSnapshotNames } from '../../../src/engine/native/named-records.ts';
import { decodeHardState, decodeIncarnation, decodePosition, encodeHardState, encodeIncarnation, encodePosition } from '../../../src/engine/native/position-records.ts';
import { boundedMark, decodeRecoveries, encodeRecoveries, encodeRecoveryEntry, recoveryOf, type RecoveryMark } from '../../../src/engine/native/recovery-record.ts';
import { decodeConfiguration } from '../../../src/engine/core/configuration.ts';
import { frameRecord, unframeRecord } from '../../../src/engine/native/record-frame.ts';
import { encodeManifest, manifestOf, parseManifest } from '../../../src/engine/native/snapshot-manifest.ts';
import { CONFIGURATION, entries, entry, IDENTITY, plain, snapshotAt } from '../storage/storage-fixtures.ts';

function valueOf<T>(result: Decoded<T>): T {
  if (!result.ok) assert.fail(`${result.rule}: ${result.problem}`);
  return result.value;
}

function ruleOf(result: Decoded<unknown>): string {
  return result.ok ? 'ok' : result.rule;
}

/** The same record with other bytes and a checksum that holds. */
function forged(record: Buffer, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(record);
  change(bytes);
  bytes.writeUInt32BE(crc32c(bytes.subarray(0, -4)), bytes.length - 4);
  return bytes;
}

const HEAD = {
  clusterId: 'c-1',
  generation: 1,
  machine: 'kv',
  index: 7,
  term: 2,
  chainHash: 'ab'.repeat(16),
  configuration: { index: 1, configuration: CONFIGURATION },
  featureLevel: 1,
  stateHash: 'cd'.repeat(32),
  takenAtMs: 5,
};

const MARK: RecoveryMark = {
  planId: '5c2e9100-0000-4000-8000-000000000001',
  at: '2026-03-14T02:14:07.000Z',
  from: { clusterId: 'c-1', generation: 1, memberId: 'n1' },
  to: { clusterId: 'c-1', generation: 2, memberId: 'n1-g2' },
  source: 'n1',
  floor: 4,
  last: { term: 3, index: 9 },
  kept: { term: 3, index: 8 },
  verdict: 'unknown',
  proof: 'best-effort',
  statement: 'entries 5 to 8 are in doubt',
  facts: ['--dead n2,n3'],
};

const RECORDS: readonly { name: string; record: Buffer; decode: (bytes: Uint8Array) => Decoded<unknown>; value: unknown }[] = [
  { name: 'format', record: encodeFormat(), decode: decodeFormat, value: { version: 1 } },
  { name: 'identity', record: encodeIdentity(IDENTITY), decode: decodeIdentity, value: IDENTITY },
  { name: 'hard state', record: encodeHardState({ term: 2 ** 40, vote: 'né', commit: 3 }), decode: decodeHardState, value: { term: 2 ** 40, vote: 'né', commit: 3 } },
  { name: 'incarnation', record: encodeIncarnation(12), decode: decodeIncarnation, value: 12 },
  {
    name: 'tail',
    record: encodePosition('tail', { index: 9, term: 3, chainHash: new Uint8Array(16).fill(5) }),
    decode: (bytes) => decodePosition('tail', bytes),
    value: { index: 9, term: 3, chainHash: new Uint8Array(16).fill(5) },
  },
  { name: 'snapshot names', record: encodeSnapshotNames([snapshotAt(9, 2, 'ab'.repeat(16)), snapshotAt(4, 1, 'cd'.repeat(16))]), decode: decodeSnapshotNames, value: [snapshotAt(9, 2, 'ab'.repeat(16)), snapshotAt(4, 1, 'cd'.repeat(16))] },
  { name: 'recoveries', record: encodeRecoveries([MARK]), decode: decodeRecoveries, value: [MARK] },
];

describe('native records', () => {
  for (const { name, record, decode, value } of RECORDS) {
    it(`${name}: round trip; every flipped bit and every cut is found`, () => {
      assert.deepEqual(valueOf(decode(record)), value);
      for (let bit = 0; bit < record.length * 8; bit++) {
        const bytes = Buffer.from(record);
        bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        assert.equal(ruleOf(decode(bytes)), 'record-damaged', `bit ${bit}`);
      }
      for (let length = 0; length < record.length; length++) assert.equal(ruleOf(decode(record.subarray(0, length))), 'record-damaged');
      assert.equal(ruleOf(decode(Buffer.concat([record, Buffer.alloc(1)]))), 'record-damaged');
    });
  }

  it('tells newer, encrypted and misplaced records from damaged ones', () => {
    const record = encodeIncarnation(1);
    assert.equal(ruleOf(decodeIncarnation(forged(record, (bytes) => bytes.writeUInt8(2, 0)))), 'record-newer');
    assert.equal(ruleOf(decodeIncarnation(forged(record, (bytes) => bytes.writeUInt16BE(7, 2)))), 'record-encrypted');
    assert.equal(ruleOf(decodeHardState(record)), 'record-invalid');
    assert.equal(ruleOf(decodeIncarnation(frameRecord('incarnation', Buffer.alloc(8, 0xff)))), 'record-invalid', 'a counter above 2^53-1');
    assert.equal(ruleOf(decodeFormat(frameRecord('format', Buffer.from('{"format":"raft-inspector","version":2}')))), 'record-newer');
    assert.equal(ruleOf(decodeIdentity(frameRecord('identity', Buffer.from('{"clusterId":"c"}')))), 'record-invalid');
    assert.equal(ruleOf(decodeIdentity(frameRecord('identity', Buffer.from(JSON.stringify({ ...IDENTITY, extra: 1 }))))), 'record-invalid');
    assert.equal(valueOf(unframeRecord('identity', frameRecord('identity', Buffer.from('x')))).toString(), 'x');
  });

  it('refuses to write what it would not read', () => {
    assert.throws(() => encodeIdentity({ ...IDENTITY, clusterId: '' }), RangeError);
    assert.throws(() => encodeHardState({ term: -1, vote: '', commit: 0 }), RangeError);
    assert.throws(() => encodeHardState({ term: 1, vote: 'x'.repeat(2000), commit: 0 }), RangeError);
    assert.throws(() => encodeSnapshotNames([snapshotAt(4, 1, 'ab'.repeat(16)), snapshotAt(9, 2, 'ab'.repeat(16))]), RangeError);
    assert.throws(() => encodeBatch([entry(3), entry(5)], EMPTY_CHAIN), RangeError);
    assert.throws(() => encodeBatch([{ ...entry(3), wallClockMs: 1.5 }], EMPTY_CHAIN), RangeError);
  });
});

describe('native batches', () => {
  const list = [entry(5, 2), entry(6, 2, new Uint8Array(300).fill(9)), entry(7, 3, '', 'noop'), entry(8, 3, 'c', 'confChange')];

  it('round trip with the chain; every flipped bit is found', () => {
    const { record, chain } = encodeBatch(list, EMPTY_CHAIN);
    const batch = valueOf(decodeBatch(record));
    assert.deepEqual(plain(batch.entries.map((one) => one.entry)), plain(list));
    assert.deepEqual(batch.entries.map((one) => chainHex(one.chainHash)), chain.map(chainHex));
    let previous: Uint8Array = EMPTY_CHAIN;
    for (const one of batch.entries) {
      previous = expectedChain(one.entry, previous);
      assert.equal(chainHex(previous), chainHex(one.chainHash));
    }
    for (let bit = 0; bit < record.length * 8; bit += 3) {
      const bytes = Buffer.from(record);
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.equal(ruleOf(decodeBatch(bytes)), 'record-damaged', `bit ${bit}`);
    }
  });

  it('does not believe counts and lengths, even under a checksum that holds', () => {
    const { record } = encodeBatch(list, EMPTY_CHAIN);
    const cases: readonly [string, (bytes: Buffer) => void][] = [
      ['a count of 2^32-1', (bytes) => bytes.writeUInt32BE(0xffff_ffff, 16)],
      ['no entries', (bytes) => bytes.writeUInt32BE(0, 16)],
      ['fewer entries than there are bytes', (bytes) => bytes.writeUInt32BE(3, 16)],
      ['another first index', (bytes) => bytes.writeUInt32BE(6, 12)],
      ['a payload length of 4 GiB', (bytes) => bytes.writeUInt32BE(0xffff_ffff, 20 + 28)],
    ];
    for (const [name, change] of cases) assert.match(ruleOf(decodeBatch(forged(record, change))), /^record-(invalid|damaged)$/, name);
  });

  it('saves the entries before a damaged one', () => {
    const { record } = encodeBatch(list, EMPTY_CHAIN);
    const bytes = Buffer.from(record);
    bytes.writeUInt8(bytes.readUInt8(20 + 52 + 9 + 100) ^ 1, 20 + 52 + 9 + 100);
    assert.deepEqual(salvageBatch(bytes).map((one) => one.entry.index), [5]);
    assert.deepEqual(salvageBatch(record).length, 4);
    assert.deepEqual(salvageBatch(Buffer.alloc(3)), []);
  });

  it('holds the largest batch of the smallest entries', () => {
    const many = entries(1, SEGMENT_ENTRIES + 1, 1, 0);
    assert.equal(valueOf(decodeBatch(encodeBatch(many, EMPTY_CHAIN).record)).entries.length, SEGMENT_ENTRIES);
  });
});

describe('native layout and manifest', () => {
  it('names segments so that names order as indexes do', () => {
    assert.deepEqual([1, 65_536, 65_537, 2 ** 40].map(segmentStart), [1, 1, 65_537, 2 ** 40 - 65_535]);
    assert.equal(segmentName(65_537), 'log-0000000000065537');
    assert.deepEqual(['log-0000000000065537', 'log-0000000000065538', 'log-65537', 'log-0000000000000000', 'meta'].map(parseSegmentName), [65_537, null, null, null, null]);
    assert.equal(parseIndexKey(indexKey(2 ** 50)), 2 ** 50);
    assert.deepEqual([parseIndexKey(Buffer.alloc(7)), parseIndexKey(Buffer.alloc(8, 0xff))], [null, null]);
  });

  it('reads back its manifest, and refuses one that contradicts itself', () => {
    const manifest = manifestOf(HEAD, { bytes: 3 * 1024 * 1024 + 1, sha256: 'ef'.repeat(32) });
    assert.deepEqual([manifest.chunks, manifest.id], [4, '2-7-efefefefefefefef']);
    assert.deepEqual(parseManifest(encodeManifest(manifest)), manifest);
    const json = JSON.parse(encodeManifest(manifest).toString()) as Record<string, unknown>;
    const broken = [{ id: '2-7-0000000000000000' }, { chunks: 5 }, { version: 2 }, { bytes: -1 }, { index: 0 }, { extra: 1 }, { sha256: 'x' }, { chunkBytes: 7 }, { id: '../../etc/passwd' }];
    for (const one of broken) assert.throws(() => parseManifest(Buffer.from(JSON.stringify({ ...json, ...one }))), RangeError, JSON.stringify(one));
    assert.throws(() => parseManifest(Buffer.from('{')), RangeError);
    assert.throws(() => parseManifest(Buffer.from([0x22, 0xff, 0x22])), RangeError);
  });
});

describe('the mark of a recovery', () => {
  it('lies beside the fields of a configuration, which reads as any other', () => {
    const payload = encodeRecoveryEntry(CONFIGURATION, MARK);
    assert.deepEqual(decodeConfiguration(payload), CONFIGURATION);
    assert.deepEqual(recoveryOf(payload), MARK);
  });

  it('is not seen where there is none, or where it cannot be read', () => {
    const { recovery, ...plainFields } = JSON.parse(Buffer.from(encodeRecoveryEntry(CONFIGURATION, MARK)).toString()) as { recovery: Record<string, unknown> };
    const payloads = [plainFields, { recovery: null }, { recovery: { ...recovery, extra: 1 } }, { recovery: { ...recovery, floor: -1 } }, { recovery: { ...recovery, facts: [1] } }];
    for (const one of payloads) assert.equal(recoveryOf(Buffer.from(JSON.stringify(one))), null);
    for (const bytes of [Buffer.alloc(0), Buffer.from([0xff, 0xfe]), Buffer.from('[]')]) assert.equal(recoveryOf(bytes), null);
  });

  it('is cut to what a record takes, between characters', () => {
    const long = boundedMark({ ...MARK, source: 'é'.repeat(2000), statement: '€'.repeat(5000), facts: Array.from({ length: 100 }, () => '😀'.repeat(1000)) });
    const decoded = decodeRecoveries(encodeRecoveries(Array.from({ length: 20 }, () => long)));
    assert.ok(decoded.ok);
    assert.equal(decoded.value.length, 16);
    assert.deepEqual([...new Set(long.statement)], ['€']);
    assert.deepEqual([...new Set(long.facts[0])], ['😀']);
  });
});
