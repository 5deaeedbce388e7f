import type { PairComparison } from '../../engine/recovery/divergence.ts';
import type { PickOutcome } from '../../engine/recovery/pick.ts';
import type { Survey } from '../../engine/recovery/survey.ts';
import { drawLogBars } from './log-bar.ts';
import type { BarPart } from './log-bar.ts';
import type { Style } from './style.ts';

/** The logs as bars: against each other where they part, else the source's by what is known of it. */
export function* pickBars(outcome: PickOutcome, which: 'all' | 'source', style: Style): Generator<string> {
  const label = outcome.report.source;
  const source = outcome.surveys.find((one) => one.member.label === label);
  if (!source) return;
  const parting = outcome.pairs.find((pair) => [pair.a, pair.b].includes(source.member.label) && pair.divergesAt !== null && pair.reordered.length === 0 && isKin(outcome, pair));
  if (which === 'all' && parting?.divergesAt != null && parting.commonPrefixEnd !== null) yield* partingBars(outcome, source, parting, style);
  else if (outcome.report.loss.verdict !== 'none' || outcome.report.loss.inDoubt) yield* knowledgeBar(outcome, source, style);
}

function isKin(outcome: PickOutcome, pair: PairComparison): boolean {
  return [pair.a, pair.b].every((label) => outcome.ranking.order.some((one) => one.member.label === label));
}

/** `safe | in doubt | lost | unknown` of the source alone. */
function* knowledgeBar(outcome: PickOutcome, source: Survey, style: Style): Generator<string> {
  const { loss } = outcome.report;
  const first = source.member.runs[0]?.first ?? source.member.snapshot?.index ?? 1;
  const parts: BarPart[] = [];
  if (loss.safeTo >= first) parts.push({ from: first, to: loss.safeTo, fill: '=', text: 'safe', short: 'safe', half: 12, paint: style.good });
  if (loss.inDoubt) {
    const { from, to, entries } = loss.inDoubt;
    const text = from === to ? 'in doubt' : `in doubt, ${entries} entries`;
    parts.push({ from, to, fill: '~', text, short: 'in doubt', half: Math.min(6, 1 + Math.floor(entries / 4)), paint: style.caution });
  }
  const after = Math.max(loss.safeTo, loss.inDoubt?.to ?? 0) + 1;
  if (loss.verdict === 'certain') {
    parts.push({ from: loss.missing?.from ?? after, to: loss.missing?.to ?? null, fill: 'x', text: 'lost', short: 'lost', half: 5, paint: style.bad });
    parts.push({ from: null, to: null, fill: '?', text: '', half: 3, paint: style.caution });
  } else if (loss.proof === 'bounded' && loss.missing) {
    parts.push({ from: loss.missing.from, to: loss.missing.to, fill: '?', text: 'may be missing', short: 'missing?', half: 3, paint: style.caution });
  } else if (loss.proof === 'best-effort') {
    const names = outcome.unread.map((one) => one.name).join(', ');
    parts.push({ from: after, to: null, fill: '?', text: names === '' ? 'unknown' : `only ${names} could tell`, short: 'unknown', half: 3, paint: style.caution });
  }
  const indent = `  ${source.member.label}  `;
  yield `${indent}${drawLogBars([parts], Math.min(style.width, 100) - indent.length)[0]?.line}`;
}

function* partingBars(outcome: PickOutcome, source: Survey, pair: PairComparison, style: Style): Generator<string> {
  const other = outcome.surveys.find((one) => one !== source && [pair.a, pair.b].includes(one.member.label));
  if (!other) return;
  const at = pair.divergesAt as number;
  const shared = pair.commonPrefixEnd as number;
  const longest = Math.max(source.member.last.index, other.member.last.index) - at + 1;
  const margin = Math.max(source.member.label.length, other.member.label.length);
  const none = outcome.report.loss.verdict === 'none';
  const first = Math.max(source.member.runs[0]?.first ?? 1, other.member.runs[0]?.first ?? 1);
  const rows = [source, other].map((survey): BarPart[] => {
    const { member } = survey;
    const isSource = survey === source;
    const term = pair.a === member.label ? pair.aTerm : pair.bTerm;
    const half = Math.max(2, Math.round((7 * (member.last.index - at + 1)) / longest));
    const text = isSource ? `term ${term}` : `term ${term}, ${none ? 'never committed' : 'other branch'}`;
    return [
      { from: first, to: shared, fill: '=', text: sharedTerm(source, shared), short: sharedTerm(source, shared), half: 8, paint: style.good },
      { from: at, to: member.last.index, fill: isSource ? '=' : '-', text, short: `term ${term}`, half, ...(isSource ? { paint: style.good } : {}) },
    ];
  });
  const indent = (label: string): string => `  ${label.padEnd(margin)}  `;
  const drawn = drawLogBars(rows, Math.min(style.width, 100) - indent('').length);
  yield `${indent(source.member.label)}${drawn[0]?.line}`;
  yield `${indent(other.member.label)}${drawn[1]?.line}`;
  yield `${' '.repeat((drawn[0]?.cut ?? 0) + indent('').length + 2)}^ the logs part here`;
}

/** The term in which the shared part ends. */
function sharedTerm(survey: Survey, to: number): string {
  return `term ${survey.evidence.log.runs.find((run) => run.first <= to && run.last >= to)?.term ?? '?'}`;
}
