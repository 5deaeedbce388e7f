import type { DrillTimeline } from '../model/drill-record.ts';
import { LEFT, PLOT_RIGHT, textWidth } from './chart-size.ts';
import { join, type Markup, markup, NOTHING } from './markup.ts';
import { round, type Scale } from './scale.ts';
import { counted, offsetWords, secondsWords } from './words.ts';

type Bracket = DrillTimeline['brackets'][number];

const ROW = 38;
/** Lengths that a label names one by one. */
const MOST_LENGTHS = 3;

/** The stretches that matter, those of one name in one row, each with its two events: no service, no redundancy. */
export function bracketRows(brackets: readonly Bracket[], x: Scale, top: number): { piece: Markup; height: number } {
  const names = [...new Set(brackets.map((one) => one.name))];
  const rows = names.map((name, at) => bracketRow(brackets.filter((one) => one.name === name), x, top + at * ROW));
  return { piece: join(rows), height: rows.length * ROW };
}

function bracketRow(row: readonly Bracket[], x: Scale, top: number): Markup {
  const [first] = row;
  const longest = [...row].sort((a, b) => b.toMs - b.fromMs - (a.toMs - a.fromMs))[0];
  if (first === undefined || longest === undefined) return NOTHING;
  const y = top + 26;
  const lengths = row.map((one) => one.toMs - one.fromMs);
  const name = `${first.name} ${row.length <= MOST_LENGTHS ? lengths.map(secondsWords).join(', ') : `${secondsWords(lengths.reduce((sum, one) => sum + one, 0))} in ${counted(row.length, 'stretch', 'stretches')}`}`;
  const events = `${longest.fromEvent} → ${longest.toEvent}`;
  const full = textWidth(`${name}   ${events}`);
  const from = x(first.fromMs);
  // The words begin with the bracket; where they would leave the picture, they end at its edge.
  const start = from + full <= PLOT_RIGHT ? from : Math.max(LEFT, round(PLOT_RIGHT - full));
  const lines = row.map((one) => markup`<g><title>${one.name}: ${secondsWords(one.toMs - one.fromMs)}, from ${offsetWords(one.fromMs)} (${one.fromEvent}) to ${offsetWords(one.toMs)} (${one.toEvent})</title><path d="M${x(one.fromMs)} ${y + 7}V${y}H${Math.max(x(one.toMs), x(one.fromMs) + 1)}V${y + 7}"/></g>`);
  return markup`<g class="bracket${first.name === 'no service' ? ' outage' : ''}">${lines}<text x="${start}" y="${y - 8}"><tspan class="name">${name}</tspan>${full <= PLOT_RIGHT - LEFT ? markup`<tspan class="events" dx="10">${events}</tspan>` : NOTHING}</text></g>`;
}
