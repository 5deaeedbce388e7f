import type { ReportPage, TrendPoint } from '../model/report-page.ts';
import { leftOutNote } from './html-band.ts';
import { join, type Markup, markup, NOTHING } from './markup.ts';
import { linear, round } from './scale.ts';
import { objectiveValue, TREND_WORDS } from './words.ts';

type Trend = NonNullable<ReportPage['trend']>;

const WIDTH = 460;
const HEIGHT = 214;
const [LEFT, RIGHT, TOP, BASE] = [16, 448, 44, 168];

/** The last runs under their limit, and which scenario was drilled in which quarter. */
export function trendSection(trend: Trend, leftOut: string | null): Markup {
  if (trend.points.length === 0 && trend.scenarios.length === 0) return NOTHING;
  return markup`<section id="trend"><h2>Trend</h2><div class="pair trend">${trend.points.length > 0 ? markup`<figure>${chart(trend.points)}</figure>` : NOTHING}${trend.scenarios.length > 0 ? grid(trend) : NOTHING}</div>${leftOutNote(leftOut)}</section>`;
}

/**
 * RTO dots under the limit line. Where the limit is far above all of them the axis is broken, and the break is drawn: dots a sixteenth
 * of the limit high would otherwise lie on the floor, all alike.
 */
function chart(points: readonly TrendPoint[]): Markup {
  const measured = points.flatMap((one) => (one.rtoMs === null ? [] : [one.rtoMs]));
  const limits = points.flatMap((one) => (one.limitMs === null ? [] : [one.limitMs]));
  const highest = Math.max(0, ...measured);
  const lowestLimit = limits.length === 0 ? null : Math.min(...limits);
  const isBroken = lowestLimit !== null && highest > 0 && lowestLimit > highest * 2.5;
  const scale = isBroken ? linear(0, highest * 1.25, BASE, TOP + 34) : linear(0, Math.max(highest, ...limits, 1) * 1.05, BASE, TOP);
  const limitY = (limitMs: number): number => (isBroken ? TOP : scale(limitMs));
  const x = linear(0, Math.max(1, points.length - 1), points.length === 1 ? (LEFT + RIGHT) / 2 : LEFT + 26, RIGHT - 26);
  const half = points.length === 1 ? 40 : (x(1) - x(0)) / 2;
  const limitLine = points.map((one, at) => (one.limitMs === null ? '' : `M${round(Math.max(LEFT, x(at) - half))} ${limitY(one.limitMs)}H${round(Math.min(RIGHT, x(at) + half))}`)).join('');
  const last = points.at(-1);
  // The words stand at the end of the line that is farther from a dot.
  const room = (point: TrendPoint | undefined): number => (point?.rtoMs == null || point.limitMs === null ? Number.POSITIVE_INFINITY : Math.abs(scale(point.rtoMs) - limitY(point.limitMs)));
  const isRight = Math.min(room(points[0]), room(points[1])) < Math.min(room(last), room(points.at(-2)));
  const limitWord = last?.limitMs == null ? NOTHING : markup`<text class="limit-word" x="${isRight ? RIGHT : LEFT}" y="${limitY(last.limitMs) - 7}" text-anchor="${isRight ? 'end' : 'start'}">limit ${objectiveValue('rtoMs', last.limitMs)}</text>`;
  const line = points.map((one, at) => (one.rtoMs === null ? '' : `${at === 0 || points[at - 1]?.rtoMs == null ? 'M' : 'L'}${x(at)} ${scale(one.rtoMs)}`)).join('');
  const dots = points.map((one, at) => dot(one, x(at), one.rtoMs === null ? BASE : scale(one.rtoMs), at === points.length - 1));
  const breakMark = isBroken ? markup`<path class="break" d="M${LEFT} ${TOP + 16}l6 -4 6 8 6 -8 6 8 6 -4H${RIGHT}"/>` : NOTHING;
  return markup`<svg class="chart trend-chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="group" aria-label="RTO of the last ${points.length} runs"><text class="caption" x="${LEFT}" y="14">RTO of the last ${points.length} ${points.length === 1 ? 'run' : 'runs'} of this scenario${isBroken ? '; axis broken below the limit' : ''}</text>
<line class="axis" x1="${LEFT}" y1="${BASE}" x2="${RIGHT}" y2="${BASE}"/>${breakMark}<path class="limit-line" d="${limitLine}"/>${limitWord}<path class="trend-line" d="${line}"/>${join(dots)}</svg>`;
}

function dot(one: TrendPoint, x: number, y: number, isLast: boolean): Markup {
  const { word } = TREND_WORDS[one.verdict];
  const value = one.rtoMs === null ? '–' : objectiveValue('rtoMs', one.rtoMs);
  const [, month, day] = one.date.split('-');
  const year = one.date.slice(0, 4);
  const shape =
    one.verdict === 'pass'
      ? markup`<circle class="dot pass${isLast ? ' last' : ''}" cx="${x}" cy="${y}" r="${isLast ? 5.5 : 4.5}"/>`
      : one.verdict === 'fail'
        ? markup`<path class="dot fail" d="M${round(x - 5)} ${round(y - 5)}L${round(x + 5)} ${round(y + 5)}M${round(x + 5)} ${round(y - 5)}L${round(x - 5)} ${round(y + 5)}"/>`
        : markup`<circle class="dot not-run" cx="${x}" cy="${y}" r="4.5"/>`;
  return markup`<g><title>${one.id}, ${one.date}: ${word}, RTO ${value}</title>${shape}<text class="dot-value${isLast ? ' last' : ''}" x="${x}" y="${round(y - 11)}" text-anchor="middle">${one.verdict === 'could-not-run' ? 'not run' : value}</text><text class="tick" x="${x}" y="${BASE + 17}" text-anchor="middle">${month !== undefined && day !== undefined ? `${month}-${day}` : one.date}</text><text class="tick" x="${x}" y="${BASE + 32}" text-anchor="middle">${month === undefined ? '' : year}</text></g>`;
}

/** Empty cells are the point: they show what was never drilled. */
function grid({ scenarios, quarters, cells }: Trend): Markup {
  const of = new Map(cells.map((one) => [`${one.scenario}\n${one.quarter}`, one.verdict]));
  const cell = (scenario: string, quarter: string): Markup => {
    const verdict = of.get(`${scenario}\n${quarter}`);
    if (verdict === undefined) return markup`<td class="empty"><span class="sr">not drilled</span></td>`;
    const { word, tone } = TREND_WORDS[verdict];
    return markup`<td class="${tone}">${word}</td>`;
  };
  return markup`<table class="small quarters"><caption>Drilled, by scenario and quarter</caption><thead><tr><th></th>${quarters.map((one) => markup`<th>${one}</th>`)}</tr></thead><tbody>${scenarios.map((scenario) => markup`<tr><th scope="row">${scenario}</th>${quarters.map((quarter) => cell(scenario, quarter))}</tr>`)}</tbody></table>`;
}
