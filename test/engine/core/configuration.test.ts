import assert from 'node:assert/strict';
import { decodeConfiguration, encodeConfiguration, hasQuorum, learnersOf, quorumValue, votersOf, type Configuration } from '../../../src/engine/core/configuration.ts';
import { configurationOf } from '../../helpers/core-member.ts';

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

describe('core: configuration', () => {
  const full: Configuration = { ...configurationOf(['a', 'b', 'c'], ['d']), tombstones: ['z'], changes: [{ changeId: 'x', index: 4, term: 2 }] };

  it('comes back as it was, and equal configurations are equal bytes', () => {
    assert.deepEqual(decodeConfiguration(encodeConfiguration(full)), full);
    const reordered: Configuration = { changes: full.changes, tombstones: full.tombstones, members: full.members.map(({ role, address, name, id }) => ({ role, address, name, id })) };
    assert.deepEqual(encodeConfiguration(reordered), encodeConfiguration(full));
  });

  const member = { id: 'a', name: 'n', address: 'h:1', role: 'voter' };
  const wrong: { name: string; payload: Uint8Array; says: RegExp }[] = [
    { name: 'no JSON', payload: bytes('{'), says: /not JSON/ },
    { name: 'no UTF-8', payload: new Uint8Array([0x22, 0xff, 0x22]), says: /not JSON/ },
    { name: 'an array', payload: bytes([]), says: /no object/ },
    { name: 'a later version', payload: bytes({ version: 2, members: [], tombstones: [], changes: [] }), says: /version 2/ },
    { name: 'no members', payload: bytes({ version: 1, tombstones: [], changes: [] }), says: /members is no list/ },
    { name: 'a third role', payload: bytes({ version: 1, members: [{ ...member, role: 'witness' }], tombstones: [], changes: [] }), says: /role witness/ },
    { name: 'an empty id', payload: bytes({ version: 1, members: [{ ...member, id: '' }], tombstones: [], changes: [] }), says: /id must be/ },
    { name: 'an address without end', payload: bytes({ version: 1, members: [{ ...member, address: 'x'.repeat(256) }], tombstones: [], changes: [] }), says: /address must be/ },
    { name: 'an id twice', payload: bytes({ version: 1, members: [member, member], tombstones: [], changes: [] }), says: /used twice/ },
    { name: 'a removed id', payload: bytes({ version: 1, members: [member], tombstones: ['a'], changes: [] }), says: /removed before/ },
    { name: 'too many members', payload: bytes({ version: 1, members: Array.from({ length: 65 }, (_, at) => ({ ...member, id: `m${at}` })), tombstones: [], changes: [] }), says: /65 members/ },
    { name: 'too many changes', payload: bytes({ version: 1, members: [], tombstones: [], changes: Array.from({ length: 17 }, () => ({ changeId: 'c', index: 1, term: 1 })) }), says: /17 remembered/ },
    { name: 'an index beyond 2^53', payload: bytes('{"version":1,"members":[],"tombstones":[],"changes":[{"changeId":"c","index":9007199254740993,"term":1}]}'), says: /outside/ },
    { name: 'more bytes than any configuration has', payload: new Uint8Array(8 * 1024 * 1024 + 1), says: /limit/ },
  ];
  for (const one of wrong) it(`refuses ${one.name}`, () => assert.throws(() => decodeConfiguration(one.payload), (error: unknown) => error instanceof RangeError && one.says.test(error.message)));

  it('counts voters only, a strict majority of them (I18)', () => {
    assert.deepEqual([votersOf(full), learnersOf(full)], [['a', 'b', 'c'], ['d']]);
    const cases = [
      { voters: ['a'], counted: [], holds: false },
      { voters: ['a'], counted: ['a'], holds: true },
      { voters: ['a', 'b'], counted: ['a'], holds: false },
      { voters: ['a', 'b', 'c'], counted: ['a', 'c'], holds: true },
      { voters: ['a', 'b', 'c', 'd'], counted: ['a', 'b'], holds: false },
      { voters: ['a', 'b', 'c'], counted: ['a', 'l', 'stranger'], holds: false },
      { voters: [], counted: ['l'], holds: false },
    ];
    for (const { voters, counted, holds } of cases) {
      const configuration = configurationOf(voters, ['l']);
      assert.equal(hasQuorum(configuration, (id) => counted.includes(id)), holds, `${counted.join()} of ${voters.join()}`);
    }
  });

  it('finds what a strict majority reaches, and nothing without voters', () => {
    const values: Record<string, number> = { a: 9, b: 5, c: 3, d: 1, l: 99 };
    const reached = (voters: string[]): number => quorumValue(configurationOf(voters, ['l']), (id) => values[id] ?? 0);
    assert.deepEqual([['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd'], []].map(reached), [9, 5, 5, 3, 0]);
  });
});
