import assert from 'node:assert/strict';
import { linksOf, type PartitionChoice, parseGroups, parseOneWay } from '../../../src/engine/lab/partition.ts';

const FIVE = ['n1', 'n2', 'n3', 'n4', 'n5'];
const names = (choice: PartitionChoice, members = FIVE): string[] => linksOf(choice, members).map(({ from, to }) => `${from}>${to}`).sort();

describe('partitions of a practice cluster', () => {
  it('isolate takes every link of the member, both ways, and no other', () => {
    assert.deepEqual(names({ isolate: ['n1'] }, ['n1', 'n2', 'n3']), ['n1>n2', 'n1>n3', 'n2>n1', 'n3>n1']);
  });

  it('two isolated members do not reach each other either', () => {
    assert.ok(names({ isolate: ['n1', 'n2'] }).includes('n1>n2'));
    assert.equal(names({ isolate: ['n1', 'n2'] }).length, 20 - 6);
  });

  it('groups cut what crosses them (F2: 3 | 2)', () => {
    const links = names({ groups: parseGroups('n1,n2/n3,n4,n5') });
    assert.equal(links.length, 12);
    assert.ok(links.includes('n1>n3') && links.includes('n3>n1') && !links.includes('n1>n2') && !links.includes('n4>n5'));
  });

  it('a bridge connects the halves, alone or with groups', () => {
    const links = names({ bridge: 'n3' });
    assert.deepEqual(links, ['n1>n4', 'n1>n5', 'n2>n4', 'n2>n5', 'n4>n1', 'n4>n2', 'n5>n1', 'n5>n2']);
    assert.deepEqual(names({ bridge: 'n3', groups: [['n1', 'n4'], ['n2', 'n5']] }), ['n1>n2', 'n1>n5', 'n2>n1', 'n2>n4', 'n4>n2', 'n4>n5', 'n5>n1', 'n5>n4']);
  });

  it('one way is one link', () => {
    assert.deepEqual(names({ oneWay: [parseOneWay('n1:n2')] }), ['n1>n2']);
  });

  it('no choice is every link', () => {
    assert.equal(names({}).length, 20);
  });

  const wrong: { name: string; run: () => unknown; message: RegExp }[] = [
    { name: 'a stranger', run: () => linksOf({ isolate: ['n9'] }, FIVE), message: /n9 is no member of this lab/ },
    { name: 'a member in two groups', run: () => linksOf({ groups: parseGroups('n1,n2/n2,n3,n4,n5') }, FIVE), message: /n2 is named twice/ },
    { name: 'a member left out', run: () => linksOf({ groups: parseGroups('n1,n2/n3') }, FIVE), message: /n4, n5 are in no group/ },
    { name: 'a bridge inside a group', run: () => linksOf({ bridge: 'n1', groups: parseGroups('n1,n2/n3,n4,n5') }, FIVE), message: /n1 is named twice/ },
    { name: 'a bridge of two', run: () => linksOf({ bridge: 'n1' }, ['n1', 'n2']), message: /a bridge needs/ },
    { name: 'two ways of saying it', run: () => linksOf({ isolate: ['n1'], oneWay: [['n1', 'n2']] }, FIVE), message: /say different things/ },
    { name: 'one group', run: () => parseGroups('n1,n2'), message: /fewer than two groups/ },
    { name: 'an empty group', run: () => parseGroups('n1,n2/'), message: /fewer than two groups/ },
    { name: 'a pair that is none', run: () => parseOneWay('n1'), message: /is no pair/ },
    { name: 'a member with itself', run: () => parseOneWay('n1:n1'), message: /is no pair/ },
  ];
  for (const one of wrong) it(`refuses ${one.name}`, () => assert.throws(one.run, one.message));
});
