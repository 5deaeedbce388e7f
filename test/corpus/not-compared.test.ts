import assert from 'node:assert/strict';
import { corpusCases, truthOf } from '../helpers/corpus.ts';
import { TruthComparison, leafPaths } from '../helpers/truth-fields.ts';
import { NOT_COMPARED } from './not-compared.ts';

describe('corpus: the list of fields that are not compared', () => {
  it('holds no entry that matches no field', () => {
    const used = new Set(corpusCases().flatMap((name) => new TruthComparison(name, truthOf(name)).used(NOT_COMPARED)));
    assert.deepEqual(
      NOT_COMPARED.filter((entry) => !used.has(entry)).map(({ path }) => path),
      [],
    );
  });

  it('notices a field that nobody compares', () => {
    const truth = new TruthComparison('etcd/new-case', { case: 'new', members: { n1: { surprise: { depth: 1 } } } });
    assert.deepEqual(truth.uncovered(NOT_COMPARED), ['members/n1/surprise/depth']);
  });

  it('walks to empty lists, nulls and keys with slashes', () => {
    assert.deepEqual(leafPaths({ a: [], b: { 'x/y': null }, c: [1, { d: false }] }), ['a', 'b/x|y', 'c/0', 'c/1/d']);
  });
});
