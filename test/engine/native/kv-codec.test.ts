import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ByteBuilder, ByteCursor } from '../../../src/engine/native/byte-cursor.ts';
import { decodeKvCommand, decodeKvResult, encodeKvCommand, encodeKvResult, type KvCommand, type KvResult } from '../../../src/engine/native/kv-command.ts';
import { decodeKvAnswer, decodeKvEvent, decodeKvQuery, decodeKvWatch, encodeKvAnswer, encodeKvEvent, encodeKvQuery, encodeKvWatch, type KvAnswer, type KvEvent, type KvQuery, type KvWatch } from '../../../src/engine/native/kv-query.ts';
import { encodeRecord, decodeRecord } from '../../../src/engine/native/kv-record.ts';
import { StorageDamagedError } from '../../../src/engine/ports/damage.ts';

const key = fc.uint8Array({ minLength: 1, maxLength: 300 });
const value = fc.uint8Array({ maxLength: 300 });
const revision = fc.maxSafeNat();
const found = fc.option(fc.record({ value, revision }), { nil: null });

const command: fc.Arbitrary<KvCommand> = fc.oneof(
  fc.record({ op: fc.constant('put' as const), key, value }),
  fc.record({ op: fc.constant('delete' as const), key }),
  fc.record({ op: fc.constant('append' as const), key, value }),
  fc.record({
    op: fc.constant('cas' as const),
    key,
    value,
    expected: fc.oneof(fc.record({ kind: fc.constant('absent' as const) }), fc.record({ kind: fc.constant('value' as const), value }), fc.record({ kind: fc.constant('revision' as const), revision })),
  }),
);
const result: fc.Arbitrary<KvResult> = fc.oneof(
  fc.record({ status: fc.constant('ok' as const), revision, existed: fc.boolean() }),
  fc.record({ status: fc.constant('conflict' as const), found }),
  fc.record({ status: fc.constant('bad' as const), reason: fc.string({ maxLength: 50 }) }),
);
const query: fc.Arbitrary<KvQuery> = fc.oneof(
  fc.record({ kind: fc.constant('get' as const), key }),
  fc.record({ kind: fc.constant('range' as const), prefix: value, limit: fc.nat({ max: 5000 }), continuation: fc.option(key, { nil: null }) }),
);
const answer: fc.Arbitrary<KvAnswer> = fc.oneof(
  fc.record({ kind: fc.constant('value' as const), found }),
  fc.record({ kind: fc.constant('range' as const), pairs: fc.array(fc.record({ key, value, revision }), { maxLength: 5 }), continuation: fc.option(key, { nil: null }) }),
  fc.record({ kind: fc.constant('bad' as const), reason: fc.string({ maxLength: 50 }) }),
);
const watch: fc.Arbitrary<KvWatch> = fc.record({ prefix: value, fromRevision: fc.option(revision, { nil: null }) });
const event: fc.Arbitrary<KvEvent> = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), key, value, revision }),
  fc.record({ kind: fc.constant('delete' as const), key, revision }),
  fc.record({ kind: fc.constant('lost' as const), revision }),
);

function codec<T>(name: string, values: fc.Arbitrary<T>, encode: (value: T) => Uint8Array, decode: (bytes: Uint8Array) => T): void {
  it(`${name}: what was written is read, every cut and every longer text is refused, noise never does harm`, () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.uint8Array({ maxLength: 60 }), (one, cut, noise) => {
        const bytes = encode(one);
        assert.deepEqual(plain(decode(bytes)), plain(one));
        assert.throws(() => decode(bytes.subarray(0, cut % bytes.length)), RangeError);
        assert.throws(() => decode(new ByteBuilder().raw(bytes).u8(0).build()), RangeError);
        try {
          decode(noise);
        } catch (error) {
          assert.ok(error instanceof RangeError, String(error));
        }
      }),
      { numRuns: 300, seed: 1 },
    );
  });
}

/** Views and records without a prototype compare as what they hold. */
function plain(raw: unknown): unknown {
  if (raw instanceof Uint8Array) return Buffer.from(raw).toString('hex');
  if (Array.isArray(raw)) return raw.map(plain);
  return typeof raw === 'object' && raw !== null ? Object.fromEntries(Object.entries(raw).map(([name, one]) => [name, plain(one)])) : raw;
}

describe('kv encoding', () => {
  codec('commands', command, encodeKvCommand, decodeKvCommand);
  codec('results', result, encodeKvResult, decodeKvResult);
  codec('queries', query, encodeKvQuery, decodeKvQuery);
  codec('answers', answer, encodeKvAnswer, decodeKvAnswer);
  codec('watches', watch, encodeKvWatch, decodeKvWatch);
  codec('events', event, encodeKvEvent, decodeKvEvent);

  it('of a command is these bytes: logs of earlier versions must stay readable', () => {
    const bytes = encodeKvCommand({ op: 'cas', key: Buffer.from('k'), expected: { kind: 'revision', revision: 258 }, value: Buffer.from('vv') });
    assert.equal(Buffer.from(bytes).toString('hex'), '01' + '03' + '00000001' + '6b' + '02' + '0000000000000102' + '00000002' + '7676');
  });

  it('refuses a number above 2^53 - 1', () => {
    assert.throws(() => new ByteCursor(new Uint8Array(8).fill(255)).u64(), RangeError);
    assert.equal(new ByteCursor(new ByteBuilder().u64(Number.MAX_SAFE_INTEGER).build()).u64(), Number.MAX_SAFE_INTEGER);
  });

  it('of a stored record tells every changed byte (B22)', () => {
    const bytes = encodeRecord({ key: Buffer.from('key'), value: Buffer.from('value'), revision: 7 });
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      assert.throws(() => decodeRecord('kv-data-1', Buffer.from('key'), changed), StorageDamagedError, `byte ${at}`);
    }
  });
});
