import { printableLines } from '../model/control-characters.ts';
import type { ReportPage } from '../model/report-page.ts';
import { clip } from './markup.ts';

/** What a printed page can take. Lines are those of the print style, about 60 to a page. */
const LINES_TO_SHARE = 205;
const COLUMNS = { command: 78, half: 54, wide: 104, source: 54 } as const;

const MOST_CHARACTERS = { name: 80, value: 240, sentence: 420, command: 320, detail: 220, line: 150 } as const;
const MOST = { facts: 8, tiles: 4, statement: 7, objectives: 12, provenance: 30, controls: 16, phases: 16, lanes: 9, brackets: 3, ticks: 32, trend: 8, scenarios: 16, quarters: 8 } as const;

/** A page that fits its paper, and one sentence for each thing that was left out of a section. */
export interface FittedPage {
  readonly page: ReportPage;
  /** Lines of the source as they are shown. */
  readonly sourceLines: readonly string[];
  readonly leftOut: Readonly<Record<Section, string | null>>;
}

export type Section = 'facts' | 'timeline' | 'objectives' | 'decision' | 'steps' | 'checks' | 'followUps' | 'trend' | 'provenance' | 'artefacts' | 'source' | 'controls';

/** A list that may be shortened: how many lines each of its rows takes on paper, and which rows go last. */
interface Shared {
  section: Section;
  rowLines: number[];
  /** Rows that matter most, in their order: they are kept before others. */
  first: (at: number) => boolean;
  /** Never shortened below this many rows. */
  least: number;
}

/**
 * Bounds a page, however large the record: texts are clipped, lists are shortened, the longest first, until five printed pages hold them.
 * What failed is kept before what went well. The record itself holds everything.
 */
export function fitPage(given: ReportPage): FittedPage {
  const page = clipped(given);
  const sourceLines = given.source === null ? [] : printableLines(clip(given.source.text, 60_000)).map((line) => clip(line, MOST_CHARACTERS.line));
  const linesOf = (text: string, columns: number): number => Math.max(1, Math.ceil(text.length / columns));
  const linked = new Set([given.failure?.step, ...page.steps.filter((one) => !one.ok).map((one) => one.n)]);
  const shared: Shared[] = [
    { section: 'decision', rowLines: page.decision.map((line) => linesOf(line, COLUMNS.wide)), first: (at) => at < 8, least: 8 },
    { section: 'steps', rowLines: page.steps.map((one) => linesOf(one.command, COLUMNS.command)), first: (at) => linked.has(page.steps[at]?.n), least: 10 },
    { section: 'checks', rowLines: page.checks.map((one) => linesOf(`${one.name} ${one.detail}`, COLUMNS.half) / 2), first: (at) => page.checks[at]?.ok !== true, least: 12 },
    { section: 'followUps', rowLines: page.followUps.map((one) => linesOf(one.text, COLUMNS.half)), first: (at) => page.followUps[at]?.state === 'open', least: 6 },
    { section: 'artefacts', rowLines: page.artefacts.map(() => 1), first: (at) => at < 6, least: 6 },
    { section: 'source', rowLines: sourceLines.map((line) => linesOf(line, COLUMNS.source) * 0.42), first: () => true, least: 10 },
  ];
  const fixed = page.provenance.reduce((sum, one) => sum + linesOf(one.value, COLUMNS.half) / 2, 0) + page.objectives.length * 2 + timelineLines(page);
  const kept = share(shared, LINES_TO_SHARE - fixed);
  const take = <T>(section: Section, rows: readonly T[]): T[] => rows.filter((_, at) => kept.get(section)?.has(at) ?? true);
  const fitted: ReportPage = { ...page, decision: take('decision', page.decision), steps: take('steps', page.steps), checks: take('checks', page.checks), followUps: take('followUps', page.followUps), artefacts: take('artefacts', page.artefacts) };
  const shownSource = take('source', sourceLines);
  const gone = (what: string, shown: number, all: number): string | null => (shown < all ? `${all - shown} of ${all} ${what} are left out here; the record (JSON) holds them all.` : null);
  const full = given.timeline;
  return {
    page: fitted,
    sourceLines: shownSource,
    leftOut: {
      facts: gone('facts', fitted.facts.length, given.facts.length),
      timeline: full === null ? null : [gone('phases', fitted.timeline?.phases.length ?? 0, full.phases.length), gone('members', fitted.timeline?.lanes.length ?? 0, full.lanes.length), gone('commands and faults', fitted.timeline?.ticks.length ?? 0, full.ticks.length), gone('brackets', fitted.timeline?.brackets.length ?? 0, full.brackets.length)].filter((one) => one !== null).join(' ') || null,
      objectives: gone('objectives', fitted.objectives.length, given.objectives.length),
      decision: gone('lines', fitted.decision.length, given.decision.length),
      steps: gone('steps', fitted.steps.length, given.steps.length),
      checks: gone('checks', fitted.checks.length, given.checks.length),
      followUps: gone('follow-ups', fitted.followUps.length, given.followUps.length),
      trend: given.trend === null ? null : gone('scenarios', fitted.trend?.scenarios.length ?? 0, given.trend.scenarios.length),
      provenance: gone('facts', fitted.provenance.length, given.provenance.length),
      artefacts: gone('artefacts', fitted.artefacts.length, given.artefacts.length),
      source: given.source === null ? null : gone('lines', shownSource.length, Math.max(sourceLines.length, given.source.text.split('\n').length - (given.source.text.endsWith('\n') ? 1 : 0))),
      controls: gone('tags', fitted.controls.length, given.controls.length),
    },
  };
}

/** Which rows of each list stay, so that together they take no more than `room` lines. */
function share(lists: readonly Shared[], room: number): Map<Section, Set<number>> {
  const state = lists.map((list) => {
    const order = [...list.rowLines.keys()].sort((a, b) => Number(list.first(b)) - Number(list.first(a)) || a - b);
    return { list, order, lines: list.rowLines.reduce((sum, lines) => sum + lines, 0) };
  });
  let total = state.reduce((sum, one) => sum + one.lines, 0);
  while (total > room) {
    const longest = state.filter((one) => one.order.length > one.list.least).sort((a, b) => b.lines - a.lines)[0];
    if (longest === undefined) break;
    const lines = longest.list.rowLines[longest.order.pop() ?? -1] ?? 0;
    longest.lines -= lines;
    total -= lines;
  }
  return new Map(state.map((one) => [one.list.section, new Set(one.order)]));
}

function timelineLines(page: ReportPage): number {
  const { timeline } = page;
  if (timeline === null) return 0;
  return Math.max(timeline.phases.length + timeline.brackets.length * 2, timeline.ticks.length) + timeline.lanes.length * 2;
}

function clipped(page: ReportPage): ReportPage {
  const { name, value, sentence, command, detail, line } = MOST_CHARACTERS;
  const pairs = (list: readonly { name: string; value: string }[], most: number): { name: string; value: string }[] => list.slice(0, most).map((one) => ({ name: clip(one.name, name), value: clip(one.value, value) }));
  const { timeline, trend } = page;
  return {
    ...page,
    title: clip(page.title, 120),
    id: clip(page.id, 100),
    date: clip(page.date, name),
    facts: pairs(page.facts, MOST.facts),
    failure: page.failure === null ? null : { ...page.failure, text: clip(page.failure.text, sentence) },
    tiles: page.tiles.slice(0, MOST.tiles).map((one) => ({ ...one, name: clip(one.name, 40), measured: clip(one.measured, 40), limit: one.limit === null ? null : clip(one.limit, 40), change: one.change === null ? null : clip(one.change, 40) })),
    statement: page.statement.slice(0, MOST.statement).map((one) => clip(one, sentence)),
    timeline:
      timeline === null
        ? null
        : {
            ...timeline,
            zeroIs: clip(timeline.zeroIs, name),
            phases: timeline.phases.slice(0, MOST.phases).map((one) => ({ ...one, name: clip(one.name, 40) })),
            lanes: timeline.lanes.slice(0, MOST.lanes).map((one) => ({ ...one, member: clip(one.member, 40) })),
            brackets: timeline.brackets.slice(0, MOST.brackets).map((one) => ({ ...one, name: clip(one.name, 40), fromEvent: clip(one.fromEvent, name), toEvent: clip(one.toEvent, name) })),
            ticks: fewer(timeline.ticks, MOST.ticks).map((one) => ({ ...one, label: clip(one.label, 120) })),
          },
    objectives: page.objectives.slice(0, MOST.objectives).map((one) => ({ ...one, from: clip(one.from, name), to: clip(one.to, name), clock: clip(one.clock, name) })),
    decision: page.decision.map((one) => clip(one, line)),
    steps: page.steps.map((one) => ({ ...one, command: clip(one.command, command) })),
    checks: page.checks.map((one) => ({ ...one, name: clip(one.name, 120), detail: clip(one.detail, detail) })),
    followUps: page.followUps.map((one) => ({ ...one, id: clip(one.id, 20), text: clip(one.text, detail), owner: one.owner === null ? null : clip(one.owner, 24), fate: one.fate === null ? null : clip(one.fate, name), openedAt: clip(one.openedAt, 40), due: one.due === null ? null : clip(one.due, 40) })),
    trend:
      trend === null
        ? null
        : {
            points: trend.points.slice(-MOST.trend).map((one) => ({ ...one, id: clip(one.id, 60), date: clip(one.date, 20) })),
            scenarios: trend.scenarios.slice(0, MOST.scenarios).map((one) => clip(one, 40)),
            quarters: trend.quarters.slice(-MOST.quarters).map((one) => clip(one, 20)),
            cells: trend.cells.slice(-2000).map((one) => ({ ...one, scenario: clip(one.scenario, 40), quarter: clip(one.quarter, 20) })),
          },
    provenance: pairs(page.provenance, MOST.provenance),
    artefacts: page.artefacts.map((one) => ({ name: clip(one.name, name), sha256: clip(one.sha256, 64) })),
    source: page.source === null ? null : { name: clip(page.source.name, name), text: '' },
    controls: page.controls.slice(0, MOST.controls).map((one) => clip(one, 60)),
  };
}

/** Faults first, for they are what the run is about; then commands from the front. The order stays. */
function fewer<T extends { kind: string }>(ticks: readonly T[], most: number): T[] {
  if (ticks.length <= most) return [...ticks];
  const order = [...ticks.keys()].sort((a, b) => Number(ticks[b]?.kind === 'fault') - Number(ticks[a]?.kind === 'fault') || a - b);
  const kept = new Set(order.slice(0, most));
  return ticks.filter((_, at) => kept.has(at));
}
