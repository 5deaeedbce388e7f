import type { DrillTimeline } from '../model/drill-record.ts';
import { LEFT, PLOT_RIGHT } from './chart-size.ts';
import { join, type Markup, markup } from './markup.ts';
import { round, type Scale } from './scale.ts';
import { offsetWords } from './words.ts';

const RADIUS = 9;
const GAP = 22;
const HEIGHT = 34;

/** Numbered marks of commands and faults. Where they crowd they stand side by side, each with a line to its moment. */
export function tickRow(ticks: DrillTimeline['ticks'], x: Scale, top: number): { piece: Markup; height: number; stems: (top: number, bottom: number) => Markup } {
  if (ticks.length === 0) return { piece: join([]), height: 0, stems: () => join([]) };
  const sorted = [...ticks].sort((a, b) => a.atMs - b.atMs || a.n - b.n);
  const places = spread(sorted.map((one) => x(one.atMs)));
  const y = top + RADIUS + 2;
  const pieces = sorted.map((one, at) => {
    const [exact, shown] = [x(one.atMs), places[at] ?? 0];
    const shape = one.kind === 'fault' ? markup`<path class="mark fault" d="M${shown} ${y - 11}L${round(shown + 11)} ${y}L${shown} ${y + 11}L${round(shown - 11)} ${y}Z"/>` : markup`<circle class="mark command" cx="${shown}" cy="${y}" r="${RADIUS}"/>`;
    const mark = markup`<g class="event"><title>${one.n}: ${one.kind} at ${offsetWords(one.atMs)}: ${one.label}</title><path class="lead" d="M${shown} ${y + RADIUS}L${exact} ${top + HEIGHT - 4}"/>${shape}<text class="n ${one.kind}" x="${shown}" y="${y + 4}" text-anchor="middle">${one.n}</text></g>`;
    return one.step === null ? mark : markup`<a href="#step-${one.step}">${mark}</a>`;
  });
  return {
    piece: join(pieces),
    height: HEIGHT,
    stems: (from, to) => join(sorted.map((one) => markup`<line class="${one.kind === 'fault' ? 'stem fault' : 'stem'}" x1="${x(one.atMs)}" y1="${from}" x2="${x(one.atMs)}" y2="${to}"/>`)),
  };
}

/** Places as near as may be to where they belong, none closer than the gap, all within the picture. */
function spread(exact: readonly number[]): number[] {
  const gap = Math.min(GAP, (PLOT_RIGHT - LEFT) / Math.max(1, exact.length - 1));
  const places: number[] = [];
  for (const at of exact) places.push(Math.max(at, (places.at(-1) ?? Number.NEGATIVE_INFINITY) + gap));
  let limit = PLOT_RIGHT - 2;
  for (let at = places.length - 1; at >= 0; at -= 1) {
    places[at] = round(Math.min(places[at] ?? 0, limit));
    limit = (places[at] ?? 0) - gap;
  }
  return places;
}
