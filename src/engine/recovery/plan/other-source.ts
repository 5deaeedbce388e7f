import type { LossReport } from '../../model/pick-report.ts';
import type { OperatorFacts } from '../facts.ts';
import { assessLoss, reachOf } from '../loss.ts';
import type { PickOutcome } from '../pick.ts';
import { prove } from '../proof.ts';
import { kinOf } from './refusals.ts';

/** What recovering from a disk other than the pick's loses: the same rules, asked for that disk. */
export function lossFrom(label: string, outcome: PickOutcome, facts: OperatorFacts): LossReport {
  const kin = kinOf(outcome);
  const source = kin.find((one) => one.member.label === label);
  if (source === undefined) throw new Error(`${label} was not surveyed`);
  const proof = prove(kin.map((one) => one.member), source.member, outcome.ranking.floor, { noMembershipChange: facts.noMembershipChange === true, voters: facts.voters ?? null });
  return assessLoss({
    source,
    ranking: outcome.ranking,
    proof,
    facts,
    running: [],
    unread: outcome.unread.map((one) => one.name),
    nameless: kin.filter((one) => one.member.serverId === null && one.member.barred === null).length,
    showKey: (key) => key,
  });
}

/** What the pick's source holds and this one does not, as a sentence; null when nothing. */
export function leftBehind(label: string, pick: string, outcome: PickOutcome): string | null {
  const pair = outcome.pairs.find((one) => [one.a, one.b].includes(label) && [one.a, one.b].includes(pick));
  const range = pair?.a === pick ? pair.onlyInA : pair?.onlyInB;
  const source = kinOf(outcome).find((one) => one.member.label === label);
  // What a state machine that is ahead of its log has applied is not left behind.
  const from = Math.max(range?.from ?? 0, source && reachOf(source) > source.member.last.index ? reachOf(source) + 1 : 0);
  return range === undefined || range === null || from > range.to ? null : `${pick} holds entries ${from}-${range.to}, which ${label} does not: they are left behind`;
}
