import { termAt, type Lane, type Timeline } from '../../engine/inspect/timeline.ts';
import type { Style } from './style.ts';
import { headLine } from './head.ts';
import { fitLines } from './wrap.ts';

const MOST_COLUMNS = 60;
const STEPS = [1, 2, 5];

/** The screen of `inspect timeline` (S11): one band a member, a mark a column. */
export function* timelineLines(timeline: Timeline, context: string, style: Style): Generator<string> {
  const width = Math.max(6, ...timeline.lanes.map((lane) => lane.label.length), 'index'.length);
  const per = perColumn(timeline, Math.max(20, Math.min(MOST_COLUMNS, style.width - width - 5)));
  const scale = { first: timeline.first, per, end: Math.floor((timeline.last - timeline.first) / per) };
  const splits = timeline.splits.length;
  yield headLine(`${style.strong('TIMELINE')}  ${count(timeline.terms, 'term')}, ${count(splits, 'split')}`, context);
  if (timeline.lanes.length === 0) return;
  yield `  ${'index'.padEnd(width)} ${labels(timeline, scale)}`;
  for (const lane of timeline.lanes) yield `  ${lane.label.padEnd(width)} ${band(lane, scale, style)}`;
  for (const split of timeline.splits.slice(0, 5)) {
    const sides = split.sides.map((side) => `${side.members.join(', ')} term ${side.term}`).join('; ');
    const text = `split at ${split.index}: ${sides}`;
    const at = width + 3 + position(split.index, scale);
    yield style.caution(at + 2 + text.length <= (style.terminal ? style.width : 100) ? `${' '.repeat(at)}^ ${text}` : `${`  ${text} `.padStart(at)}^`);
  }
  if (timeline.electionsPerMinute !== null) {
    const last = timeline.elections.filter((one) => one.at !== null).at(-1);
    yield `  ${count(timeline.elections.length, 'election')}, ${timeline.electionsPerMinute} a minute; the last at ${last?.at} (term ${last?.term}, index ${last?.index})`;
  }
  const big = timeline.lanes.some((lane) => lane.runs.some((run) => run.term > 9));
  const legend = `  digit = ${big ? 'last digit of the term' : 'term'}   S snapshot   C membership change   ~ on no other member   x damage   ${per} a column`;
  for (const line of fitLines(legend, style)) yield style.dim(line);
}

interface Scale {
  first: number;
  per: number;
  end: number;
}

/** 1, 2, 5, 10, 20, ... entries a column, so that all fit. */
function perColumn(timeline: Timeline, columns: number): number {
  const entries = Math.max(1, timeline.last - timeline.first + 1);
  for (let power = 1; ; power *= 10) for (const step of STEPS) if (Math.ceil(entries / (step * power)) <= columns) return step * power;
}

function position(index: number, scale: Scale): number {
  return Math.max(0, Math.min(scale.end, Math.round((index - scale.first) / scale.per)));
}

function labels(timeline: Timeline, scale: Scale): string {
  const snapshots = timeline.lanes.flatMap((lane) => lane.snapshots.slice(-1));
  const wanted = [timeline.first, timeline.last, ...timeline.splits.map((one) => one.index), ...timeline.lanes.map((lane) => lane.last), ...snapshots, ...timeline.lanes.flatMap((lane) => lane.damage.map((one) => one.from))];
  const placed: { at: number; text: string }[] = [];
  for (const index of new Set(wanted)) {
    if (index < timeline.first || index > timeline.last) continue;
    const one = { at: position(index, scale), text: String(index) };
    if (placed.every((other) => one.at + one.text.length + 1 <= other.at || other.at + other.text.length + 1 <= one.at)) placed.push(one);
  }
  return placed.sort((a, b) => a.at - b.at).reduce((line, one) => line.padEnd(one.at) + one.text, '');
}

/** A column shows what begins in it: damage, a membership change, a snapshot, else the term of its first entry. */
function band(lane: Lane, scale: Scale, style: Style): string {
  let line = '';
  for (let column = 0; column <= scale.end; column += 1) {
    const from = scale.first + column * scale.per;
    const to = from + scale.per - 1;
    const inside = (index: number): boolean => from <= index && index <= to;
    if (lane.damage.some((one) => one.from <= to && from <= one.to)) line += style.bad('x');
    else if (lane.changes.some((one) => inside(one.index))) line += style.strong('C');
    else if (lane.snapshots.some((index) => inside(index))) line += style.strong('S');
    else if (lane.alone.some((one) => one.from <= from && from <= one.to)) line += style.caution('~');
    else line += termMark(lane, from, to, style);
  }
  return line.trimEnd();
}

function termMark(lane: Lane, from: number, to: number, style: Style): string {
  const term = termAt(lane.runs, from) ?? lane.runs.find((run) => run.first >= from && run.first <= to)?.term;
  if (term === undefined) return ' ';
  const paint = [(text: string) => text, style.command, style.good, style.dim][term % 4] ?? ((text: string) => text);
  return paint(String(term % 10));
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
