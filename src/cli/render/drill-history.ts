import type { ComparedMeasure, DrillComparison } from '../../engine/drill/compare.ts';
import type { ScenarioStanding } from '../../engine/drill/history.ts';
import type { DrillRecord } from '../../engine/model/drill-record.ts';
import { escapeControl } from '../escape.ts';
import { regressionWords, showMeasure, verdictWord } from './drill.ts';
import { headLine } from './head.ts';
import type { Style } from './style.ts';
import { columns } from './table.ts';

const SHOWN_RUNS = 8;
/** Heights of a row of figures, lowest first. */
const LEVELS = '_.-=+*#';

export interface ShownHistory {
  readonly standings: readonly ScenarioStanding[];
  readonly runs: readonly DrillRecord[];
  readonly due: readonly string[];
  readonly directory: string;
}

/** One line a drill: when it ran, how it went, when it is due, and how its RTO moved. */
export function* drillHistoryScreen({ standings, runs, due, directory }: ShownHistory, style: Style): Generator<string> {
  const word = due.length === 0 ? style.good('OK') : style.caution('DUE');
  yield headLine(`${word}  ${due.length === 0 ? 'no drill is due' : `${due.length} of ${Math.max(standings.length, due.length)} drills due: ${due.map(escapeControl).join(', ')}`}`, `${runs.length} ${runs.length === 1 ? 'run' : 'runs'} in ${escapeControl(directory)}`);
  if (standings.length === 0) return;
  yield* columns(
    standings,
    [
      { header: 'DRILL', cell: (one) => `${escapeControl(one.scenario)}${one.engine === 'native' ? '' : ` (${escapeControl(one.engine)})`}`, paint: (text) => style.strong(text) },
      { header: 'RUNS', cell: (one) => one.runs },
      { header: 'LAST', cell: (one) => one.lastVerdict.replaceAll('-', ' '), paint: (text, one) => (one.lastVerdict === 'pass' ? style.good(text) : one.lastVerdict === 'fail' ? style.bad(text) : style.caution(text)) },
      { header: 'LAST GOOD', cell: (one) => one.lastGoodAt?.slice(0, 10) ?? 'never' },
      { header: 'DUE', cell: (one) => (one.isDue ? `${one.dueOn ?? 'now'}, due` : one.dueOn), paint: (text, one) => (one.isDue ? style.caution(text) : text) },
      { header: 'RTO', align: 'right', cell: (one) => showMeasure('rtoMs', one.lastRtoMs) },
      { header: 'MEDIAN', align: 'right', cell: (one) => showMeasure('rtoMs', one.medianRtoMs), drop: 2 },
      { header: 'TREND', cell: (one) => trendOf(runs.filter((run) => run.scenario === one.scenario && run.engine === one.engine && run.nodes === one.nodes)), drop: 1 },
    ],
    { width: style.width },
  );
  for (const one of standings) for (const regression of one.regressions) yield `  ${style.caution('REGRESSION')}  ${escapeControl(one.scenario)}: ${regressionWords(regression)}`;
  if (style.verbose) {
    yield* columns(runs, [
      { header: 'RUN', cell: (one) => one.drillId },
      { header: 'DRILL', cell: (one) => escapeControl(one.scenario) },
      { header: 'VERDICT', cell: (one) => one.verdict.replaceAll('-', ' ') },
      { header: 'RTO', align: 'right', cell: (one) => showMeasure('rtoMs', one.rtoMs) },
      { header: 'LOST', cell: (one) => one.rpo.lost ?? '-' },
    ]);
  }
}

/** The last runs as a row of heights; `x` failed, `?` could not run or measured nothing. */
function trendOf(runs: readonly DrillRecord[]): string {
  const last = runs.slice(-SHOWN_RUNS);
  const value = (one: DrillRecord): number | null => one.rtoMs ?? one.electionMs;
  const highest = Math.max(1, ...last.map((one) => value(one) ?? 0));
  return last
    .map((one) => {
      const measured = value(one);
      if (one.verdict === 'fail') return 'x';
      if (one.verdict === 'could-not-run' || measured === null) return '?';
      return LEVELS[Math.min(LEVELS.length - 1, Math.floor((measured / highest) * LEVELS.length))] ?? '?';
    })
    .join('');
}

/** Two runs side by side. */
export function* drillComparisonScreen({ a, b, isComparable, measures, phases, checks }: DrillComparison, style: Style): Generator<string> {
  yield headLine(`${verdictWord(a.verdict, style)} -> ${verdictWord(b.verdict, style)}  ${a.drillId} -> ${b.drillId}`, isComparable ? `${escapeControl(a.scenario)}, ${escapeControl(a.engine)}, ${a.nodes} members` : 'two different drills: nothing is concluded');
  yield* table(measures, style);
  yield '';
  yield* table(phases.map((one) => ({ ...one, shown: `phase ${one.measure}` })), style, 'Ms');
  const changed = checks.filter((one) => one.a !== one.b);
  for (const one of changed) yield `  ${escapeControl(one.name)}: ${outcome(one.a)} -> ${outcome(one.b)}`;
  if (changed.length === 0) yield `  ${style.dim(`${checks.length} checks, all as before`)}`;
}

function table(rows: readonly (ComparedMeasure & { readonly shown?: string })[], style: Style, unit = ''): string[] {
  return columns(
    rows,
    [
      { header: '', cell: (one) => escapeControl(one.shown ?? one.measure) },
      { header: 'FIRST', align: 'right', cell: (one) => showMeasure(one.measure + unit, one.a) },
      { header: 'SECOND', align: 'right', cell: (one) => showMeasure(one.measure + unit, one.b) },
      { header: 'CHANGE', align: 'right', cell: (one) => (one.change === null ? null : `${one.change > 0 ? '+' : one.change < 0 ? '-' : ''}${showMeasure(one.measure + unit, Math.abs(one.change))}`) },
      { header: '', cell: (one) => (one.isWorse ? 'WORSE' : ''), paint: (text, one) => (one.isWorse ? style.caution(text) : ' '.repeat(text.length)) },
    ],
    { width: style.width, headers: unit === '' },
  );
}

function outcome(ok: boolean | null | undefined): string {
  return ok === undefined ? 'not there' : ok === null ? 'not run' : ok ? 'ok' : 'FAIL';
}
