import assert from 'node:assert/strict';
import { hexId, parseExactJson } from '../../../../../src/engine/readers/etcd/json-bigint.ts';

describe('parseExactJson', () => {
  it('keeps 64-bit integers', () => {
    assert.deepEqual(parseExactJson('[14499746355421339667,-9223372036854775808,9007199254740991,1.5,1e3]'), [14499746355421339667n, -9223372036854775808n, 9007199254740991, 1.5, 1000]);
    assert.equal(hexId(parseExactJson('14499746355421339667')), 'c939727cc0276013');
    assert.equal(hexId(parseExactJson('18446744073709551616')), null);
  });

  for (const text of ['null', ' {"a" : [ ] , "b":{"c":"\\u00e9\\"\\\\"}}\n', '[true,false,null,"",0,-0.5e-2]', '"\\\\"', '"päth/日本"', '{}']) {
    it(`agrees with JSON.parse on ${text.trim()}`, () => {
      assert.equal(JSON.stringify(parseExactJson(text)), JSON.stringify(JSON.parse(text)));
    });
  }

  for (const text of ['', '{', '[1,]', '{"a"}', '{"a":1,}', '01', '1.', '+1', 'nul', '"a', '"\\"', '"\u0001"', '"\\x"', '[1] 2', '{a:1}', '['.repeat(100_000), '9'.repeat(100_000)]) {
    it(`refuses ${text.slice(0, 20)}`, () => {
      assert.equal(parseExactJson(text), undefined);
    });
  }

  it('takes __proto__ as a plain key', () => {
    const value = parseExactJson('{"__proto__":{"polluted":1}}');
    assert.deepEqual(Object.keys(value as object), ['__proto__']);
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });

  it('is linear in long strings of escapes', () => {
    assert.equal((parseExactJson(`"${'\\"'.repeat(500_000)}"`) as string).length, 500_000);
  });
});
