import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { encodeBatch } from '../../../src/engine/native/batch-record.ts';
import { chainHash, EMPTY_CHAIN } from '../../../src/engine/native/chain-hash.ts';
import { encodeIdentity } from '../../../src/engine/native/named-records.ts';
import { encodeRecoveries } from '../../../src/engine/native/recovery-record.ts';
import { encodeHardState, encodePosition } from '../../../src/engine/native/position-records.ts';
import { encodeChunk, encodeSnapshotHeader } from '../../../src/engine/native/snapshot-layout.ts';
import { IDENTITY } from '../storage/storage-fixtures.ts';

/** Bytes that version 1 wrote once and must write for ever: a change here is a change of the format. */
const GOLDEN: readonly { name: string; bytes: Buffer; hex: string }[] = [
  { name: 'hard state', bytes: encodeHardState({ term: 3, vote: 'n2', commit: 258 }), hex: '01030000000000140000000000000003000000000000010200026e327785f2f0' },
  { name: 'tail', bytes: encodePosition('tail', { index: 5, term: 1, chainHash: Buffer.alloc(16, 0xab) }), hex: '010400000000002000000000000000050000000000000001abababababababababababababababab9acbfbe8' },
  { name: 'identity', bytes: encodeIdentity(IDENTITY), hex: '01020000000000507b22636c75737465724964223a22632d31222c2267656e65726174696f6e223a312c226d656d6265724964223a226e31222c226e616d65223a226669727374222c226d616368696e65223a226b76227dc09fe97e' },
  {
    name: 'batch',
    bytes: encodeBatch([{ index: 2, term: 1, kind: 'command', wallClockMs: 1_700_000_000_000, payload: Buffer.from('ab') }], EMPTY_CHAIN).record,
    hex: '010800000000004200000000000000020000000100000000000000020000000000000001000000000000018bcfe56800000000026162eeb4343ae763bf8bd61d15216d293821448ef1b71fff1f7d',
  },
  {
    name: 'recoveries',
    bytes: encodeRecoveries([
      { planId: 'p', at: 't', from: { clusterId: 'c', generation: 1, memberId: 'n1' }, to: { clusterId: 'c', generation: 2, memberId: 'n1-g2' }, source: 'n1', floor: 4, last: { term: 3, index: 9 }, kept: { term: 3, index: 8 }, verdict: 'none', proof: 'proven', statement: '', facts: [] },
    ]),
    hex: '01200000000001257b227265636f766572696573223a5b7b22706c616e4964223a2270222c226174223a2274222c2266726f6d223a7b22636c75737465724964223a2263222c2267656e65726174696f6e223a312c226d656d6265724964223a226e31227d2c22746f223a7b22636c75737465724964223a2263222c2267656e65726174696f6e223a322c226d656d6265724964223a226e312d6732227d2c22736f75726365223a226e31222c22666c6f6f72223a342c226c617374223a7b227465726d223a332c22696e646578223a397d2c226b657074223a7b227465726d223a332c22696e646578223a387d2c2276657264696374223a226e6f6e65222c2270726f6f66223a2270726f76656e222c2273746174656d656e74223a22222c226661637473223a5b5d7d5d7dde7bd408',
  },
  { name: 'snapshot header', bytes: encodeSnapshotHeader(), hex: '5249534e415030310000000000000000' },
  { name: 'chunk', bytes: encodeChunk(1, Buffer.from('xyz')), hex: '01090000000000070000000178797aa93e5fc6' },
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
