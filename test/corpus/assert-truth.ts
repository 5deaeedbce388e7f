import assert from 'node:assert/strict';
import type { TruthComparison } from '../helpers/truth-fields.ts';
import { NOT_COMPARED } from './not-compared.ts';

/** Fails with every difference and every field that nobody looked at. */
export function assertTruth(truth: TruthComparison): void {
  const silent = truth.uncovered(NOT_COMPARED).map((path) => `${path}: neither compared nor listed in not-compared.ts`);
  const problems = [...truth.differences, ...silent];
  assert.ok(problems.length === 0, `${truth.caseName}: ${problems.length} problems\n  ${problems.slice(0, 60).join('\n  ')}`);
}
