import type { DrillTimeline, LaneState } from '../model/drill-record.ts';
import { stateBar } from './chart-hatch.ts';
import { LANE_HEIGHT, LEFT, textWidth } from './chart-size.ts';
import { clip, join, type Markup, markup, NOTHING } from './markup.ts';
import { round, type Scale } from './scale.ts';
import { offsetWords, secondsWords } from './words.ts';

const BAR = 22;
/** More bars than this in one lane could not be told apart: then one bar stands for what a column of the picture shows longest. */
const MOST_SPANS = 120;
const NAME_CHARACTERS = 9;

interface Span {
  state: LaneState;
  fromMs: number;
  toMs: number;
}

/** One lane per member. */
export function laneRows(timeline: DrillTimeline, x: Scale, top: number): Markup {
  return join(timeline.lanes.map((lane, at) => laneRow(lane.member, drawable(lane.spans, timeline), x, top + at * LANE_HEIGHT)));
}

function laneRow(member: string, spans: readonly Span[], x: Scale, y: number): Markup {
  const name = member.length > NAME_CHARACTERS ? `${member.slice(0, NAME_CHARACTERS - 1)}…` : member;
  const bars = spans.map((span) => {
    const [from, to] = [x(span.fromMs), x(span.toMs)];
    const width = Math.max(0.8, round(to - from));
    const words = textWidth(span.state) + 20 <= width ? markup`<rect class="chip" x="${from + 5}" y="${y + 4}" width="${round(textWidth(span.state) + 7)}" height="14" rx="2"/><text class="state ${span.state}" x="${from + 8}" y="${y + 15}">${span.state}</text>` : NOTHING;
    return markup`<g><title>${clip(member, 40)}: ${span.state} from ${offsetWords(span.fromMs)} to ${offsetWords(span.toMs)}, ${secondsWords(span.toMs - span.fromMs)}</title>${stateBar(span.state, from, y, width, BAR)}${words}</g>`;
  });
  return markup`<text class="member" x="${LEFT - 10}" y="${y + 15}" text-anchor="end">${name}</text>${join(bars)}`;
}

function drawable(spans: readonly Span[], { fromMs, toMs }: DrillTimeline): Span[] {
  if (spans.length <= MOST_SPANS) return [...spans];
  const columnMs = (toMs - fromMs) / MOST_SPANS;
  const time = Array.from({ length: MOST_SPANS }, () => new Map<LaneState, number>());
  for (const span of spans) {
    const first = Math.max(0, Math.floor((span.fromMs - fromMs) / columnMs));
    const last = Math.min(MOST_SPANS - 1, Math.floor((span.toMs - fromMs) / columnMs));
    for (let at = first; at <= last; at += 1) {
      const inside = Math.min(span.toMs, fromMs + (at + 1) * columnMs) - Math.max(span.fromMs, fromMs + at * columnMs);
      const column = time[at];
      if (inside > 0) column?.set(span.state, (column.get(span.state) ?? 0) + inside);
    }
  }
  const drawn: Span[] = [];
  for (const [at, column] of time.entries()) {
    const state = [...column].sort((a, b) => b[1] - a[1])[0]?.[0];
    if (state === undefined) continue;
    const open = drawn.at(-1);
    const from = fromMs + at * columnMs;
    if (open !== undefined && open.state === state && open.toMs === from) open.toMs = from + columnMs;
    else drawn.push({ state, fromMs: from, toMs: from + columnMs });
  }
  return drawn;
}
