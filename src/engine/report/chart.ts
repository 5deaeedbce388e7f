import type { DrillTimeline, LaneState } from '../model/drill-record.ts';
import { bracketRows } from './chart-brackets.ts';
import { stateBar } from './chart-hatch.ts';
import { laneRows } from './chart-lanes.ts';
import { LANE_HEIGHT, LEFT, PLOT_RIGHT, WIDTH } from './chart-size.ts';
import { phaseRow } from './chart-phases.ts';
import { tickRow } from './chart-ticks.ts';
import { writesChart, WRITES_HEIGHT } from './chart-writes.ts';
import { join, type Markup, markup, NOTHING } from './markup.ts';
import { linear, niceMoments, type Scale } from './scale.ts';
import { offsetWords } from './words.ts';

/** In the order of the legend. */
export const LANE_WORDS: Readonly<Record<LaneState, string>> = { leader: 'leader', voter: 'voter', learner: 'learner', rebuilding: 'rebuilding', down: 'down' };

/**
 * The run as a picture: brackets, phases, commands and faults, one lane per member, writes per second, seconds from the fault. Width is in
 * units of the view box; text sizes are set so that it can be read at 178 mm on paper. Each bar has its facts as a title.
 */
export function timelineChart(timeline: DrillTimeline): Markup {
  const x = linear(timeline.fromMs, Math.max(timeline.toMs, timeline.fromMs + 1), LEFT, PLOT_RIGHT);
  let y = 4;
  const brackets = bracketRows(timeline.brackets, x, y);
  y += brackets.height + 4;
  const phases = phaseRow(timeline.phases, x, y);
  y += phases.height;
  const ticks = tickRow(timeline.ticks, x, y);
  y += ticks.height;
  const lanesTop = y;
  const lanes = laneRows(timeline, x, y);
  y += timeline.lanes.length * LANE_HEIGHT + 10;
  const hasWrites = timeline.writes.length > 0;
  const writes = hasWrites ? writesChart(timeline, x, y) : NOTHING;
  y += hasWrites ? WRITES_HEIGHT : 0;
  const axis = timeAxis(timeline, x, y);
  const height = y + 40;
  const stems = ticks.stems(lanesTop - 2, y);
  return markup`<svg class="chart" viewBox="0 0 ${WIDTH} ${height}" role="group" aria-label="Time line of the run; the table below holds the same facts">
${axis.grid(phases.top, y)}${stems}${brackets.piece}${phases.piece}${lanes}${writes}${ticks.piece}${axis.piece}
</svg>`;
}

interface Axis {
  piece: Markup;
  grid: (top: number, bottom: number) => Markup;
}

/** Seconds from the zero event, whose line is the strong one. */
function timeAxis(timeline: DrillTimeline, x: Scale, y: number): Axis {
  const moments = niceMoments(timeline.fromMs, timeline.toMs, 10);
  const labels = moments.map((at) => markup`<text class="tick" x="${x(at)}" y="${y + 16}" text-anchor="${x(at) > PLOT_RIGHT - 16 ? 'end' : 'middle'}">${at === 0 ? '0' : offsetWords(at).replace('.0 s', ' s')}</text>`);
  const hasZero = timeline.fromMs <= 0 && timeline.toMs >= 0;
  const zeroX = x(0);
  // Near an edge the words begin or end at the line instead of lying around it.
  const anchor = zeroX < LEFT + 130 ? 'start' : zeroX > PLOT_RIGHT - 130 ? 'end' : 'middle';
  const words = hasZero ? markup`<text class="zero" x="${zeroX}" y="${y + 33}" text-anchor="${anchor}">0 = ${timeline.zeroIs}</text>` : NOTHING;
  return {
    piece: markup`<line class="axis" x1="${LEFT}" y1="${y}" x2="${PLOT_RIGHT}" y2="${y}"/>${join(labels)}${words}`,
    grid: (top, bottom) => join(moments.map((at) => markup`<line class="${at === 0 ? 'grid now' : 'grid'}" x1="${x(at)}" y1="${top}" x2="${x(at)}" y2="${bottom + 4}"/>`)),
  };
}

/** What the hatches mean, only those that are used. */
export function legend(timeline: DrillTimeline): Markup {
  const used = new Set(timeline.lanes.flatMap((lane) => lane.spans.map((span) => span.state)));
  const states = (Object.keys(LANE_WORDS) as LaneState[]).filter((state) => used.has(state));
  const items = states.map((state) => markup`<li><svg class="key" viewBox="0 0 22 12" aria-hidden="true">${stateBar(state, 0.5, 0.5, 21, 11)}</svg>${LANE_WORDS[state]}</li>`);
  const faults = timeline.ticks.some((one) => one.kind === 'fault');
  const commands = timeline.ticks.some((one) => one.kind === 'command');
  const failures = timeline.writes.some((one) => one.failed > 0);
  return markup`<ul class="legend">${items}${faults ? markup`<li><svg class="key" viewBox="0 0 22 12" aria-hidden="true"><path class="mark fault" d="M11 0L17 6L11 12L5 6Z"/></svg>fault</li>` : NOTHING}${commands ? markup`<li><svg class="key" viewBox="0 0 22 12" aria-hidden="true"><circle class="mark command" cx="11" cy="6" r="5.2"/></svg>command</li>` : NOTHING}${failures ? markup`<li><svg class="key" viewBox="0 0 22 12" aria-hidden="true"><path class="failed" d="M6 1V11M11 1V11M16 1V11"/></svg>failed writes</li>` : NOTHING}</ul>`;
}
