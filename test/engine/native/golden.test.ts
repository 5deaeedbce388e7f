import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { encodeBatch } from '../../../src/engine/native/batch-record.ts';
import { chainHash, EMPTY_CHAIN } from '../../../src/engine/native/chain-hash.ts';
import { encodeIdentity } from '../../../src/engine/native/named-records.ts';
import { encodeHardState, encodePosition } from '../../../src/engine/native/position-records.ts';
import { encodeChunk, encodeSnapshotHeader } from '../../../src/engine/native/snapshot-layout.ts';
import { IDENTITY } from '../storage/storage-fixtures.ts';

/** Bytes that version 1 wrote once and must write for ever: a change here is a change of the format. */
const GOLDEN: readonly { name: string; bytes: Buffer; hex: string }[] = [
  { name: 'hard state', bytes: encodeHardState({ term: 3, vote: 'n2', commit: 258 }), hex: '' },
  { name: 'tail', bytes: encodePosition('tail', { index: 5, term: 1, chainHash: Buffer.alloc(16, 0xab) }), hex: '' },
  { name: 'identity', bytes: encodeIdentity(IDENTITY), hex: '' },
  {
    name: 'batch',
    bytes: encodeBatch([{ index: 2, term: 1, kind: 'command', wallClockMs: 1_700_000_000_000, payload: Buffer.from('ab') }], EMPTY_CHAIN).record,
    hex: '',
  },
  { name: 'snapshot header', bytes: encodeSnapshotHeader(), hex: '' },
  { name: 'chunk', bytes: encodeChunk(1, Buffer.from('xyz')), hex: '' },
];

describe('native format: bytes of version 1', () => {
  for (const { name, bytes, hex } of GOLDEN) it(name, () => assert.equal(bytes.toString('hex'), hex));

  it('a chain hash is the first half of SHA-256 over hash, fields and payload, whatever the length', () => {
    for (const length of [0, 1, 300, 16_336, 16_337, 100_000]) {
      const [before, fields, payload] = [Buffer.alloc(16, 1), Buffer.alloc(32, 2), Buffer.alloc(length, 3)];
      const wanted = createHash('sha256').update(Buffer.concat([before, fields, payload])).digest('hex').slice(0, 32);
      assert.equal(chainHash(before, fields, payload).toString('hex'), wanted, `${length} bytes`);
    }
  });
});
