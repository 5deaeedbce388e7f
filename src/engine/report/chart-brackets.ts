import type { DrillTimeline } from '../model/drill-record.ts';
import { LEFT, PLOT_RIGHT, textWidth } from './chart-size.ts';
import { join, type Markup, markup, NOTHING } from './markup.ts';
import { round, type Scale } from './scale.ts';
import { offsetWords, secondsWords } from './words.ts';

export const BRACKET_HEIGHT = 38;

/** The stretches that matter, each with its two events named: no service, no redundancy. */
export function bracketRows(brackets: DrillTimeline['brackets'], x: Scale, top: number): Markup {
  return join(brackets.map((one, at) => bracket(one, at, x, top + at * BRACKET_HEIGHT)));
}

function bracket(one: DrillTimeline['brackets'][number], at: number, x: Scale, top: number): Markup {
  const [from, to] = [x(one.fromMs), x(one.toMs)];
  const y = top + 26;
  const name = `${one.name} ${secondsWords(one.toMs - one.fromMs)}`;
  const events = `${one.fromEvent} → ${one.toEvent}`;
  const full = textWidth(`${name}   ${events}`);
  // The words begin with the bracket; where they would leave the picture, they end with it, or at its edge.
  const fits = from + full <= PLOT_RIGHT;
  const start = fits ? from : Math.max(LEFT, round(PLOT_RIGHT - full));
  return markup`<g class="bracket b${at % 3}"><title>${one.name}: ${secondsWords(one.toMs - one.fromMs)}, from ${offsetWords(one.fromMs)} (${one.fromEvent}) to ${offsetWords(one.toMs)} (${one.toEvent})</title>
<path d="M${from} ${y + 7}V${y}H${Math.max(to, from + 1)}V${y + 7}"/><text x="${start}" y="${y - 8}"><tspan class="name">${name}</tspan>${full <= PLOT_RIGHT - LEFT ? markup`<tspan class="events" dx="10">${events}</tspan>` : NOTHING}</text></g>`;
}
