import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { StateCounter, type StateContent } from '../../../../src/engine/readers/snapshots/state-content.ts';
import { unpackMember } from '../../../helpers/corpus.ts';

function count(bytes: Uint8Array, chunkBytes: number): StateContent {
  const counter = new StateCounter('restore');
  for (let at = 0; at < bytes.length; at += chunkBytes) counter.write(bytes.subarray(at, at + chunkBytes));
  return counter.end();
}

describe('state content', () => {
  it('counts a Consul state the same however it is cut into pieces', () => {
    const snapshots = path.join(unpackMember('consul/quorum-loss-187', 'consul-2'), 'raft/snapshots');
    const state = fs.readFileSync(path.join(snapshots, fs.readdirSync(snapshots)[0] ?? '', 'state.bin'));
    const whole = count(state, state.length);
    assert.equal(whole.problem, null);
    assert.deepEqual(whole.trial?.ok, true);
    for (const chunkBytes of [1, 7, 4096]) assert.deepEqual(count(state, chunkBytes), whole);
  });

  it('counts any JSON object as JSON.parse does, whatever the pieces', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1, maxLength: 20 }), fc.jsonValue(), { maxKeys: 8 }), fc.integer({ min: 1, max: 40 }), fc.boolean(), (state, chunkBytes, spaced) => {
        const text = JSON.stringify(state, null, spaced ? 2 : 0);
        const content = count(Buffer.from(text), chunkBytes);
        assert.equal(content.problem, null);
        const sizes = Object.entries(JSON.parse(text) as Record<string, unknown>).map(([key, value]) => [
          key,
          typeof value === 'object' && value !== null ? Object.keys(value).length : 1,
        ]);
        assert.deepEqual(
          content.parts.map((part) => [part.type, part.count]),
          sizes,
        );
        assert.equal(content.trial?.ok, true);
      }),
      { numRuns: 300 },
    );
  });

  it('finds what JSON.parse refuses', () => {
    for (const text of ['{"a":1,}', '{"a" 1}', '{"a":01}', '{"a":tru}', '{"a":[1 2]}', '{"a":[1}', '{a:1}', '{"a":1', '{"a":"x', '{"a":[,1]}', '{"a":"\n"}']) {
      assert.throws(() => JSON.parse(text), text);
      assert.notEqual(count(Buffer.from(text), 3).problem, null, text);
    }
  });

  it('counts the five parts of a registry and its index', () => {
    const state = { instances: { a: {}, b: {} }, checks: { c: {} }, id_to_keys: { a: ['x'], b: ['y'] }, svc_index: { web: 4, db: 5, mail: 6 }, index: 6, version: 2 };
    const content = count(Buffer.from(JSON.stringify(state)), 5);
    assert.deepEqual(Object.fromEntries(content.parts.map((part) => [part.type, part.count])), { instances: 2, checks: 1, id_to_keys: 2, svc_index: 3, index: 1, version: 1 });
    assert.deepEqual([content.lastIndex, content.formatVersion], [6, 2]);
  });

  it('tells of a key that stands twice', () => {
    assert.equal(count(Buffer.from('{"a":{"x":1,"x":2}}'), 4).trial?.ok, false);
  });

  it('never throws on bytes of any kind', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('', '{"a":', '\x80', '\x81\xa9LastIndex\x05'), (bytes, head) => {
      assert.ok(count(Buffer.concat([Buffer.from(head, 'latin1'), bytes]), 9).kind);
    }));
  });
});
