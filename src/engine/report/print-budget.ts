import type { DrillStep, FollowUp } from '../model/drill-record.ts';
import type { CheckLine } from '../model/check-line.ts';
import type { ReportPage } from '../model/report-page.ts';

/** Rows of a table on a page of the smaller paper, Letter with its margins. One such row is the unit of everything here. */
const PAGE_ROWS = 52;
const PAGES = 5;
/** Headings of all sections, the sign-off, and what is lost at the ends of pages because nothing is cut through. */
const OVERHEAD_ROWS = 48;
const TREND_ROWS = 15;
const BAND_ROWS = 16;
/** Rows that a picture of one unit of height takes, at the width of the paper. */
const ROWS_PER_UNIT = 0.5 / 13.4;

/** How many rows a text takes in a column of so many characters. */
function rowsIn(text: string, columns: number): number {
  return Math.max(1, Math.ceil(text.length / columns));
}

/** What one row of each list takes on paper, as measured with the fonts of the style sheet. */
export const ROWS = {
  decision: (line: string): number => rowsIn(line, 108) * 0.72,
  step: (one: DrillStep): number => rowsIn(one.command, 64),
  check: (one: CheckLine): number => rowsIn(`${one.name} ${one.detail}`, 44) / 2,
  followUp: (one: FollowUp & { fate: string | null }): number => Math.max(rowsIn(one.text, 46), rowsIn(one.id, 9), rowsIn(one.owner ?? '', 12), 1 + (one.fate === null ? 0 : rowsIn(one.fate, 17))),
  provenance: (one: { name: string; value: string }): number => Math.max(rowsIn(one.value, 33), rowsIn(one.name, 18)) / 2,
  artefact: (one: { name: string }): number => rowsIn(one.name, 56),
  source: (line: string): number => rowsIn(line, 52) * 0.36,
} as const;

/** Rows left for the lists of a page, after everything that is not shortened. */
export function rowsToShare(page: ReportPage): number {
  const statement = page.statement.reduce((sum, one) => sum + rowsIn(one, 92), 0);
  const facts = page.facts.reduce((sum, one) => sum + Math.max(0.3, rowsIn(one.value, 100) * (one.value.length > 60 ? 1.6 : 0.3)), 0);
  const failure = page.failure === null ? 0 : 1 + rowsIn(page.failure.text, 90);
  const first = BAND_ROWS + facts + failure + statement;
  const chart = chartRows(page);
  // A picture that does not fit on the first page leaves the rest of it empty.
  const gap = first + chart > PAGE_ROWS ? Math.max(0, PAGE_ROWS - first) : 0;
  const objectives = page.objectives.reduce((sum, one) => sum + Math.max(rowsIn(`${one.from} to ${one.to}`, 38), rowsIn(one.clock, 20)), 0);
  const trend = page.trend === null ? 0 : Math.max(TREND_ROWS, page.trend.scenarios.reduce((sum, one) => sum + rowsIn(one, 18), 3));
  const controls = rowsIn(page.controls.join('    '), 90);
  return Math.max(0, PAGES * PAGE_ROWS - OVERHEAD_ROWS - first - gap - chart - timelineRows(page) - objectives - trend - controls);
}

function chartRows({ timeline }: ReportPage): number {
  if (timeline === null) return 0;
  const units = new Set(timeline.brackets.map((one) => one.name)).size * 38 + timeline.lanes.length * 29 + (timeline.writes.length > 0 ? 128 : 0) + (timeline.ticks.length > 0 ? 34 : 0) + 114;
  return units * ROWS_PER_UNIT + 6;
}

function timelineRows({ timeline }: ReportPage): number {
  if (timeline === null) return 0;
  const stretches = timeline.brackets.reduce((sum, one) => sum + 1 + rowsIn(`${one.fromEvent} to ${one.toEvent}`, 40), 0) + timeline.phases.length;
  const ticks = timeline.ticks.reduce((sum, one) => sum + rowsIn(one.label, 36), 0);
  const lanes = timeline.lanes.reduce((sum, one) => sum + Math.min(6, Math.ceil(one.spans.length / 4)), 0);
  return Math.max(stretches, ticks) * 0.95 + lanes + 4;
}
