import { comparePositions } from '../core/types.ts';
import type { PairComparison } from './divergence.ts';
import type { Ranking } from './rank.ts';
import type { Survey } from './survey.ts';

/** Why a candidate stands where it stands, with the traps named: length and current term never count. */
export function reasonFor(survey: Survey, kin: readonly Survey[], ranking: Ranking, pairs: readonly PairComparison[]): string {
  const source = kin.find((one) => one.member === ranking.source);
  if (!source) return 'a candidate, but no source can be named';
  return survey === source ? reasonToWin(survey, kin, ranking) : reasonToLose(survey, source, pairs);
}

function reasonToWin(source: Survey, kin: readonly Survey[], ranking: Ranking): string {
  const rivals = ranking.order.filter((one) => one.disqualified === null && one.member !== source.member);
  switch (ranking.decidedBy) {
    case 'only-candidate':
      return kin.length === 1 ? 'the only disk that was read' : 'the only disk that qualifies';
    case 'floor-gate':
      return `newest last entry among those that hold ${ranking.floor.index}, known committed`;
    case 'tie': {
      const equal = rivals.filter((one) => comparePositions(one.member.last, source.member.last) === 0).map((one) => one.member.label);
      return `newest last entry, as has ${equal.join(', ')}: ${tieBreak(source, kin, equal)}`;
    }
    default:
      return 'newest last entry';
  }
}

function tieBreak(source: Survey, kin: readonly Survey[], equal: readonly string[]): string {
  const rival = kin.find((one) => one.member.label === equal[0]);
  if (!rival) return 'equally right';
  if (rival.member.findings !== source.member.findings) return 'fewer findings';
  if ((rival.member.appliedIndex ?? 0) !== (source.member.appliedIndex ?? 0)) return 'its state machine is further';
  if (rival.member.role !== source.member.role) return 'a voter';
  return 'equally right';
}

function reasonToLose(survey: Survey, source: Survey, pairs: readonly PairComparison[]): string {
  const order = comparePositions(survey.member.last, source.member.last);
  if (order === 0) return `same last entry as ${source.member.label}: equally right`;
  const longer = survey.member.last.index > source.member.last.index;
  const terms = survey.evidence.report.hardState.currentTerm;
  const higherTerm = terms > source.evidence.report.hardState.currentTerm;
  if (longer && higherTerm) return 'longer, higher term: neither counts';
  if (longer) return `longer, but its last entry is of the older term ${survey.member.last.term}`;
  const pair = pairs.find((one) => [one.a, one.b].includes(survey.member.label) && [one.a, one.b].includes(source.member.label));
  const parted = pair?.divergesAt !== null && pair?.divergesAt !== undefined && pair.reordered.length === 0 ? `, parts from it at ${pair.divergesAt}` : '';
  const behind = source.member.last.index - survey.member.last.index;
  const ends = behind > 0 ? `ends ${behind} ${behind === 1 ? 'entry' : 'entries'} earlier` : 'its last entry is of an older term';
  return `${ends}${parted}${higherTerm ? `; current term ${terms} does not count` : ''}`;
}
