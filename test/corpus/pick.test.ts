import assert from 'node:assert/strict';
import { runJson } from '../helpers/cli.ts';
import { truthOf } from '../helpers/corpus.ts';
import { TruthComparison } from '../helpers/truth-fields.ts';
import { memberCases, membersOf, placeOf } from './case-reading.ts';
import { compareCommonPrefixes, comparePick } from './pick-truth.ts';
import type { CompareData, PickData } from './pick-truth.ts';

/** `label=path` for every member, so that labels are truth's names whatever a member calls itself. */
function placesOf(name: string): string[] {
  return membersOf(name).map((member) => `${member}=${placeOf(name, member)}`);
}

function hasConflict(name: string): boolean {
  return (truthOf(name).divergence as { conflict_first: number | null }[]).some((pair) => pair.conflict_first !== null);
}

describe('corpus: recover pick against the expected source', () => {
  for (const name of ['etcd', 'hashicorp-raft', 'consul'].flatMap((system) => memberCases(system))) {
    it(name, () => {
      const truth = new TruthComparison(name, truthOf(name));
      const { envelope, code } = runJson<PickData>(['recover', 'pick', ...placesOf(name)]);
      assert.equal(code, 0, JSON.stringify(envelope.error ?? envelope.exit));
      comparePick(truth, envelope.data, envelope.findings);
      if (hasConflict(name)) compareCommonPrefixes(truth, runJson<CompareData>(['recover', 'compare', ...placesOf(name)]).envelope.data);
      assert.deepEqual(truth.differences, []);
    });
  }
});
