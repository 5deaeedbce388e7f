import type { DrillTimeline } from '../model/drill-record.ts';
import { LEFT, PLOT_RIGHT } from './chart-size.ts';
import { join, type Markup, markup } from './markup.ts';
import { linear, niceCeiling, round, type Scale } from './scale.ts';
import { secondsWords } from './words.ts';

const AREA = 84;
const FAILURES = 16;
export const WRITES_HEIGHT = AREA + FAILURES + 28;
/** Columns the curve is drawn with at most; more would be narrower than two units. */
const MOST_COLUMNS = 430;

interface Column {
  fromMs: number;
  toMs: number;
  perSecond: number;
  failed: number;
}

/** Acknowledged writes per second as an area, and failed ones as red ticks under it. */
export function writesChart(timeline: DrillTimeline, x: Scale, top: number): Markup {
  const columns = columnsOf(timeline);
  const most = niceCeiling(columns.reduce((max, one) => Math.max(max, one.perSecond), 0));
  const base = top + 18 + AREA;
  const y = linear(0, most, base, top + 18);
  const acknowledged = timeline.writes.reduce((sum, one) => sum + one.acknowledged, 0);
  const failed = timeline.writes.reduce((sum, one) => sum + one.failed, 0);
  const outline = columns.map((one) => `H${x(one.fromMs)}V${y(one.perSecond)}H${x(one.toMs)}`).join('');
  const [first, last] = [columns[0], columns.at(-1)];
  const area = first === undefined || last === undefined ? '' : `M${x(first.fromMs)} ${base}${outline}V${base}Z`;
  const ticks = columns.flatMap((one) => (one.failed > 0 ? [`M${round((x(one.fromMs) + x(one.toMs)) / 2)} ${base + 3}v${FAILURES - 5}`] : []));
  return markup`<g class="writes"><title>${acknowledged} writes acknowledged, ${failed} failed; at most ${round(most)} a second</title>
<text class="caption" x="${LEFT}" y="${top + 10}">acknowledged writes per second</text>
<line class="grid" x1="${LEFT}" y1="${y(most)}" x2="${PLOT_RIGHT}" y2="${y(most)}"/><line class="grid" x1="${LEFT}" y1="${y(most / 2)}" x2="${PLOT_RIGHT}" y2="${y(most / 2)}"/>
<text class="tick" x="${LEFT - 10}" y="${y(most) + 4}" text-anchor="end">${round(most)}</text><text class="tick" x="${LEFT - 10}" y="${base + 4}" text-anchor="end">0</text>
<path class="area" d="${area}"/><line class="axis" x1="${LEFT}" y1="${base}" x2="${PLOT_RIGHT}" y2="${base}"/>${join(ticks.length === 0 ? [] : [markup`<path class="failed" d="${ticks.join('')}"/>`])}</g>`;
}

/** Buckets as they are, or several of them as one column where there are too many; a column is labelled with its mean rate. */
function columnsOf({ writes, bucketMs }: DrillTimeline): Column[] {
  const size = Math.max(1, Math.ceil(writes.length / MOST_COLUMNS));
  const columns: Column[] = [];
  for (let at = 0; at < writes.length; at += size) {
    const part = writes.slice(at, at + size);
    const fromMs = part[0]?.atMs ?? 0;
    const toMs = (part.at(-1)?.atMs ?? 0) + bucketMs;
    const acknowledged = part.reduce((sum, one) => sum + one.acknowledged, 0);
    columns.push({ fromMs, toMs, perSecond: (acknowledged * 1000) / Math.max(1, toMs - fromMs), failed: part.reduce((sum, one) => sum + one.failed, 0) });
  }
  return columns;
}

/** The same in words, for the table: the longest stretch without an acknowledged write. */
export function writesWords({ writes, bucketMs }: DrillTimeline): string | null {
  if (writes.length === 0) return null;
  const acknowledged = writes.reduce((sum, one) => sum + one.acknowledged, 0);
  const failed = writes.reduce((sum, one) => sum + one.failed, 0);
  let [longest, run] = [0, 0];
  for (const one of writes) {
    run = one.acknowledged === 0 ? run + bucketMs : 0;
    longest = Math.max(longest, run);
  }
  return `${acknowledged} writes acknowledged, ${failed} failed; longest stretch without an acknowledged one ${secondsWords(longest)} (in steps of ${secondsWords(bucketMs)})`;
}
