import assert from 'node:assert/strict';
import { marginWords } from '../../../../src/engine/recovery/plan/plan-notes.ts';

describe('quorum and margin', () => {
  const table: readonly [voters: number, quorum: number, mayFail: string][] = [
    [1, 1, 'none'],
    [2, 2, 'none'],
    [3, 2, '1'],
    [4, 3, '1'],
    [5, 3, '2'],
    [6, 4, '2'],
    [7, 4, '3'],
  ];
  for (const [voters, quorum, mayFail] of table) {
    it(`${voters} voters: quorum ${quorum}, ${mayFail} may fail`, () => {
      assert.equal(marginWords(voters), `${voters} ${voters === 1 ? 'voter' : 'voters'}: quorum ${quorum}, ${mayFail} may fail`);
    });
  }
});
