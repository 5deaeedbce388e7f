import { printableLines } from '../model/control-characters.ts';
import type { ReportPage } from '../model/report-page.ts';
import { clip } from './markup.ts';
import { ROWS, rowsToShare } from './print-budget.ts';

/** Texts as long as they commonly are, and a tighter set for pages on which they all are long. */
const ROOMY = { name: 80, value: 160, sentence: 400, command: 320, detail: 180, line: 260, source: 600, fact: 80 } as const;
const TIGHT = { name: 48, value: 80, sentence: 220, command: 160, detail: 90, line: 110, source: 300, fact: 60 } as const;
type Characters = Readonly<Record<keyof typeof ROOMY, number>>;
const MOST = { facts: 8, tiles: 4, statement: 7, objectives: 12, provenance: 60, controls: 16, phases: 16, lanes: 9, brackets: 6, ticks: 24, trend: 8, scenarios: 16, quarters: 8 } as const;

/** A page that fits its paper, and one sentence for each thing that was left out of a section. */
export interface FittedPage {
  readonly page: ReportPage;
  /** Lines of the source as they are shown. */
  readonly sourceLines: readonly string[];
  readonly leftOut: Readonly<Record<Section, string | null>>;
}

export type Section = 'facts' | 'timeline' | 'objectives' | 'decision' | 'steps' | 'checks' | 'followUps' | 'trend' | 'provenance' | 'artefacts' | 'source' | 'controls';

/** A list that may be shortened: what each entry takes on paper, and which entries go last. */
interface Shared {
  section: Section;
  rows: number[];
  /** Whether an entry matters most: those are kept before others. */
  first: (at: number) => boolean;
  /** Never shortened below this many entries. */
  least: number;
}

/**
 * Bounds a page, however large the record: texts are clipped, lists are shortened, the longest first, until five printed pages hold them.
 * What failed is kept before what went well. The record itself holds everything.
 */
export function fitPage(given: ReportPage): FittedPage {
  const roomy = fitting(given, ROOMY);
  const { page, sourceLines, lists } = roomy.isPossible ? roomy : fitting(given, TIGHT);
  const kept = share(lists, rowsToShare(page));
  const take = <T>(section: Section, rows: readonly T[]): T[] => rows.filter((_, at) => kept.get(section)?.has(at) ?? true);
  const fitted: ReportPage = { ...page, decision: take('decision', page.decision), steps: take('steps', page.steps), checks: take('checks', page.checks), followUps: take('followUps', page.followUps), provenance: take('provenance', page.provenance), artefacts: take('artefacts', page.artefacts) };
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

/** A page with its texts clipped, its lists as they may be shortened, and whether five pages can hold the least of them. */
function fitting(given: ReportPage, characters: Characters): { page: ReportPage; sourceLines: string[]; lists: Shared[]; isPossible: boolean } {
  const page = clipped(given, characters);
  const sourceLines = given.source === null ? [] : printableLines(clip(given.source.text, 60_000)).map((line) => clip(line, characters.source));
  const linked = new Set([given.failure?.step, ...page.steps.filter((one) => !one.ok).map((one) => one.n)]);
  const lists: Shared[] = [
    { section: 'decision', rows: page.decision.map(ROWS.decision), first: (at) => at < 8, least: 6 },
    { section: 'steps', rows: page.steps.map(ROWS.step), first: (at) => linked.has(page.steps[at]?.n), least: 4 },
    { section: 'checks', rows: page.checks.map(ROWS.check), first: (at) => page.checks[at]?.ok !== true, least: 4 },
    { section: 'followUps', rows: page.followUps.map(ROWS.followUp), first: (at) => page.followUps[at]?.state === 'open', least: 2 },
    { section: 'provenance', rows: page.provenance.map(ROWS.provenance), first: (at) => at < 8, least: 6 },
    { section: 'artefacts', rows: page.artefacts.map(ROWS.artefact), first: () => true, least: 2 },
    { section: 'source', rows: sourceLines.map(ROWS.source), first: () => true, least: 4 },
  ];
  const least = lists.reduce((sum, list) => sum + priority(list).slice(0, list.least).reduce((rows, at) => rows + (list.rows[at] ?? 0), 0), 0);
  return { page, sourceLines, lists, isPossible: least <= rowsToShare(page) };
}

/** The entries of a list, those that matter most first. */
function priority(list: Shared): number[] {
  return [...list.rows.keys()].sort((a, b) => Number(list.first(b)) - Number(list.first(a)) || a - b);
}

/** Which rows of each list stay, so that together they take no more than `room`. The longest list gives first. */
function share(lists: readonly Shared[], room: number): Map<Section, Set<number>> {
  const state = lists.map((list) => ({ list, order: priority(list), taken: list.rows.reduce((sum, rows) => sum + rows, 0) }));
  let total = state.reduce((sum, one) => sum + one.taken, 0);
  while (total > room) {
    const longest = state.filter((one) => one.order.length > one.list.least).sort((a, b) => b.taken - a.taken)[0];
    if (longest === undefined) break;
    const rows = longest.list.rows[longest.order.pop() ?? -1] ?? 0;
    longest.taken -= rows;
    total -= rows;
  }
  return new Map(state.map((one) => [one.list.section, new Set(one.order)]));
}

function clipped(page: ReportPage, characters: Characters): ReportPage {
  const { name, value, sentence, command, detail, line, fact } = characters;
  const pairs = (list: readonly { name: string; value: string }[], most: number): { name: string; value: string }[] => list.slice(0, most).map((one) => ({ name: clip(one.name, name), value: clip(one.value, value) }));
  const { timeline, trend } = page;
  return {
    ...page,
    title: clip(page.title, 90),
    id: clip(page.id, 100),
    date: clip(page.date, name),
    facts: page.facts.slice(0, MOST.facts).map((one) => ({ name: clip(one.name, 40), value: clip(one.value, fact) })),
    failure: page.failure === null ? null : { ...page.failure, text: clip(page.failure.text, sentence) },
    tiles: page.tiles.slice(0, MOST.tiles).map((one) => ({ ...one, name: clip(one.name, 30), measured: clip(one.measured, 20), limit: one.limit === null ? null : clip(one.limit, 24), change: one.change === null ? null : clip(one.change, 24) })),
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
            ticks: fewer(timeline.ticks, characters === TIGHT ? MOST.ticks / 2 : MOST.ticks).map((one) => ({ ...one, label: clip(one.label, 72) })),
          },
    objectives: page.objectives.slice(0, MOST.objectives).map((one) => ({ ...one, from: clip(one.from, name), to: clip(one.to, name), clock: clip(one.clock, name) })),
    decision: page.decision.map((one) => clip(one, line)),
    steps: page.steps.map((one) => ({ ...one, command: clip(one.command, command) })),
    checks: page.checks.map((one) => ({ ...one, name: clip(one.name, name), detail: clip(one.detail, detail) })),
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
