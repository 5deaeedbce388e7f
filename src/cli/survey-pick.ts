import type { MemberReading, Progress } from '../engine/model/reading.ts';
import type { OpenedMember } from '../engine/places/open.ts';
import { comparePairs } from '../engine/recovery/divergence.ts';
import type { OperatorFacts } from '../engine/recovery/facts.ts';
import { surveyDisks, type SurveyedDisk } from '../engine/recovery/open-survey.ts';
import { examine, type PickOutcome } from '../engine/recovery/pick.ts';
import { type FactFlagValues, factsFrom } from './fact-flags.ts';
import { openNamed } from './places.ts';
import { hashKey, type Redaction } from './redact.ts';

/** Every disk that was named, and what they say together. */
export interface SurveyedPick {
  opened: OpenedMember[];
  disks: SurveyedDisk[];
  facts: OperatorFacts;
  outcome: PickOutcome;
}

/**
 * Reads the places and picks a source: the first half of every command that ends in a plan.
 * @param options.need `records` where the files themselves are needed later, not what evidence says of them.
 */
export async function surveyAndPick(
  words: string[],
  flags: FactFlagValues & { 'wal-dir'?: string | undefined; from?: string | undefined },
  options: { need: 'report' | 'records'; progress: Progress; redact: Redaction; tool: string },
): Promise<SurveyedPick> {
  const { need, progress, redact, tool } = options;
  const opened = await openNamed(words, flags, { depth: 'log', progress, need });
  const facts = factsFrom(flags, opened.map((one) => one.label));
  const disks = await surveyDisks(opened, { tool, ...(redact === 'all' ? { showKey: hashKey } : {}) });
  const readings = new Map<unknown, MemberReading | undefined>(disks.map((disk) => [disk.evidence, disk.reading ?? undefined]));
  const evidences = disks.map((disk) => disk.evidence);
  const pairs = comparePairs(evidences, (evidence) => readings.get(evidence));
  return { opened, disks, facts, outcome: examine(evidences, facts, { pairs, showKey: (key) => (redact === 'all' && !key.startsWith('sha256:') ? hashKey(key) : key) }) };
}
