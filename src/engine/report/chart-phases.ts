import type { DrillTimeline } from '../model/drill-record.ts';
import { LEFT, PLOT_RIGHT, textWidth } from './chart-size.ts';
import { join, type Markup, markup } from './markup.ts';
import { round, type Scale } from './scale.ts';
import { offsetWords, secondsWords } from './words.ts';

const BAR = 22;
const LABELS = 26;

/** The phases as one bar. A name that does not fit stands below, with a line to its phase. */
export function phaseRow(phases: DrillTimeline['phases'], x: Scale, top: number): { piece: Markup; height: number; top: number } {
  if (phases.length === 0) return { piece: join([]), height: 0, top };
  let right = 0;
  let below = false;
  const pieces = phases.map((one, at) => {
    const [from, to] = [x(one.fromMs), x(one.toMs)];
    const width = Math.max(1.5, round(to - from - 1.5));
    const needed = textWidth(one.name);
    const middle = round((from + to) / 2);
    let label: Markup;
    if (needed + 10 <= width) label = markup`<text class="phase-name" x="${middle}" y="${top + 15}" text-anchor="middle">${one.name}</text>`;
    else {
      const start = round(Math.max(middle - needed / 2, right + 12, LEFT));
      if (start + needed > PLOT_RIGHT) label = join([]);
      else {
        right = start + needed;
        below = true;
        const foot = round(start + needed / 2);
        label = markup`<path class="lead" d="M${middle} ${top + BAR}L${foot} ${top + BAR + 8}"/><text class="phase-name out" x="${start}" y="${top + BAR + 20}">${one.name}</text>`;
      }
    }
    return markup`<g class="phase p${at % 2}${one.ok ? '' : ' failed-phase'}"><title>${one.name}: ${offsetWords(one.fromMs)} to ${offsetWords(one.toMs)}, ${secondsWords(one.toMs - one.fromMs)}${one.ok ? '' : ', failed'}</title><rect x="${from}" y="${top}" width="${width}" height="${BAR}" rx="3"/>${label}</g>`;
  });
  return { piece: join(pieces), height: BAR + (below ? LABELS : 0) + 8, top };
}
