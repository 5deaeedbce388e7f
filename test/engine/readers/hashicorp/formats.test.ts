import assert from 'node:assert/strict';
import { encode } from '@msgpack/msgpack';
import { Crc64 } from '../../../../src/engine/readers/crc64.ts';
import { decodeServers } from '../../../../src/engine/readers/hashicorp/configuration.ts';
import { goTimeToRfc3339 } from '../../../../src/engine/readers/hashicorp/go-time.ts';
import { decodeMsgpackLog } from '../../../../src/engine/readers/hashicorp/msgpack-log.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const crc = (...chunks: string[]): string => chunks.reduce((sum, chunk) => sum.update(Buffer.from(chunk)), new Crc64()).digest().toString('hex');

describe('CRC-64/XZ', () => {
  it('has the check value of the catalogue, whatever the chunks', () => {
    assert.equal(crc('123456789'), '995dc9bbdf1939fa');
    assert.equal(crc('1', '2345678', '9'), '995dc9bbdf1939fa');
    assert.equal(crc(), '0000000000000000');
  });

  it('gives the same eight bytes at a step as one at a time', () => {
    const text = 'the quick brown fox jumps over the lazy dog, again and again';
    assert.equal(crc(text), crc(...text));
  });
});

describe('raft.Log in msgpack', () => {
  const fiveKeys = '85 a444617461 a4706f7374 aa457874656e73696f6e73 c0 a5496e646578 0d a45465726d 02 a454797065 00';

  it('reads the five keys of raft 1.1.2', () => {
    const log = decodeMsgpackLog(hex(fiveKeys));
    assert.ok(typeof log !== 'string');
    assert.deepEqual([log.index, log.term, log.type, Buffer.from(log.data).toString(), log.extensions, log.appendedAt], [13, 2, 0, 'post', null, null]);
  });

  const integers = ['0d', 'cc 0d', 'cd 000d', 'ce 0000000d', 'cf 000000000000000d', 'd0 0d', 'd1 000d', 'd2 0000000d', 'd3 000000000000000d'];
  for (const integer of integers) {
    it(`accepts the integer ${integer}`, () => {
      const log = decodeMsgpackLog(hex(fiveKeys.replace(' 0d ', ` ${integer} `)));
      assert.ok(typeof log !== 'string' && log.index === 13);
    });
  }

  const bytes = ['a4', 'd9 04', 'c4 04', 'da 0004', 'c5 0004', 'db 00000004', 'c6 00000004'];
  for (const family of bytes) {
    it(`accepts data as ${family}`, () => {
      const log = decodeMsgpackLog(hex(fiveKeys.replace('a4706f7374', `${family} 706f7374`)));
      assert.ok(typeof log !== 'string' && Buffer.from(log.data).toString() === 'post');
    });
  }

  it('skips keys it does not know, whatever their value', () => {
    const values = [null, true, 1.5, 70000, -70000, 'text', [1, [2, { a: 3 }]], { b: { c: [] } }, new Uint8Array(300)];
    for (const value of values) {
      const log = decodeMsgpackLog(Buffer.concat([hex('83 a46e657721'), encode(value), hex('a5496e646578 0d a45465726d 02')]));
      assert.ok(typeof log !== 'string', JSON.stringify(value));
      assert.deepEqual([log.index, log.term], [13, 2]);
    }
  });

  const broken = {
    'an index beyond 2^53': fiveKeys.replace(' 0d ', ' cf ffffffffffffffff '),
    'a negative index': fiveKeys.replace(' 0d ', ' d0 ff '),
    'a length of 4 GB': fiveKeys.replace('a4706f7374', 'dbffffffff706f7374'),
    'a count of 4 billion keys': fiveKeys.replace('85 ', 'df ffffffff '),
    'a cut': fiveKeys.slice(0, 60),
    'no map': '93 01 02 03',
    nothing: '',
    'deep nesting': `81 a161 ${'91'.repeat(200)}c0`,
  };
  for (const [name, text] of Object.entries(broken)) it(`refuses ${name}`, () => assert.equal(typeof decodeMsgpackLog(hex(text)), 'string'));
});

describe('AppendedAt', () => {
  const cases: [string, string, string | null][] = [
    ['the zero time', `01 ${'00'.repeat(12)} ffff`, null],
    ['msgpack 4 bytes', '65920080', '2024-01-01T00:00:00Z'],
    ['msgpack 8 bytes', ((123456789n << 34n) | 1704067200n).toString(16).padStart(16, '0'), '2024-01-01T00:00:00.123456789Z'],
    ['msgpack 12 bytes', '1dcd6500 0000000065920080', '2024-01-01T00:00:00.5Z'],
    ['Go binary of 2024', `01 ${(1704067200n + 62135596800n).toString(16).padStart(16, '0')} 3b9ac9ff ffff`, '2024-01-01T00:00:00.999999999Z'],
    ['another length', '00112233445566', null],
    ['nanoseconds out of range', 'ffffffff 0000000065920080', null],
  ];
  for (const [name, text, expected] of cases) it(name, () => assert.equal(goTimeToRfc3339(hex(text)), expected));
});

describe('configurations', () => {
  it('reads a LogConfiguration of one server', () => {
    const data = hex('81 a753657276657273 91 83 a741646472657373 a3613a31 a24944 a26e31 a85375666672616765 01');
    assert.deepEqual(decodeServers(data), [{ id: 'n1', address: 'a:1', suffrage: 1 }]);
  });

  it('reads legacy peers as voters whose id is the address', () => {
    assert.deepEqual(decodeServers(hex('92 a3613a31 a3623a31')), [
      { id: 'a:1', address: 'a:1', suffrage: 0 },
      { id: 'b:1', address: 'b:1', suffrage: 0 },
    ]);
  });

  for (const text of ['', 'c1', '81 a753657276657273', 'df ffffffff', 'dd ffffffff', '91 01', '81 a753657276657273 91 80']) {
    it(`refuses ${text || 'nothing'}`, () => assert.equal(decodeServers(hex(text)), null));
  }
});
