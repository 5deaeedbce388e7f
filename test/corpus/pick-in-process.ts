import type { MemberReading } from '../../src/engine/model/reading.ts';
import { collectEvidence } from '../../src/engine/recovery/collect.ts';
import { comparePairs } from '../../src/engine/recovery/divergence.ts';
import { examine } from '../../src/engine/recovery/pick.ts';
import type { TruthComparison } from '../helpers/truth-fields.ts';
import { compareCommonPrefixes, comparePick } from './pick-truth.ts';

/** Picks the source among readings that are at hand, as `recover pick` does, and compares it with truth. */
export function comparePickInProcess(truth: TruthComparison, readings: Map<string, MemberReading>): void {
  const evidences = [...readings].map(([label, reading]) => collectEvidence(reading, { label, tool: 'test' }));
  const pairs = comparePairs(evidences, ({ report }) => readings.get(report.label));
  const { report, findings } = examine(evidences, {}, { pairs });
  comparePick(truth, report, findings);
  compareCommonPrefixes(truth, { pairs });
}
