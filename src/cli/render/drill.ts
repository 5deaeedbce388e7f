import { regressionsOf, nextDue, daysBetween, type Regression } from '../../engine/drill/history.ts';
import type { DrillObjective, DrillRecord, FollowUp } from '../../engine/model/drill-record.ts';
import { objectiveValue } from '../../engine/report/words.ts';
import { escapeControl } from '../escape.ts';
import { showDuration } from '../measure.ts';
import { headLine } from './head.ts';
import type { Style } from './style.ts';
import { columns } from './table.ts';

const BAR_CELLS = 42;
/** A pipe has no width: rows are as long as they need to be. */
const PIPE_WIDTH = 100;
const WORDS = { pass: 'PASS', fail: 'FAIL', 'could-not-run': 'COULD NOT RUN' } as const;

const NAMES: Readonly<Record<DrillObjective['name'], string>> = { rtoMs: 'RTO', rpoLost: 'RPO lost', rpoDuplicated: 'RPO doubled', electionMs: 'election', failureRatePercent: 'failed', replicaLag: 'lag' };

/** How a measure is written; null: not measured. */
export function showMeasure(name: string, value: number | null): string {
  if (value === null) return '-';
  if (name.endsWith('Ms')) return showDuration(value);
  return name.endsWith('Percent') ? `${value} %` : String(value);
}

/** The verdict of a run, in its colour. */
export function verdictWord(verdict: DrillRecord['verdict'], style: Style): string {
  const paint = { pass: style.good, fail: style.bad, 'could-not-run': style.caution }[verdict];
  return paint(WORDS[verdict]);
}

/** The screen of a run: verdict, measures beside their limits and the run before, what was down when, and what is left to do. */
export function* drillScreen(record: DrillRecord, past: readonly DrillRecord[], style: Style): Generator<string> {
  const before = past.findLast((one) => one.scenario === record.scenario && one.drillId !== record.drillId && one.verdict !== 'could-not-run');
  yield headLine(`${verdictWord(record.verdict, style)}  ${style.strong(record.scenario)}  drill ${record.drillId}`, `${record.engine}, ${record.nodes} processes, seed ${escapeControl(record.seed)}, ${showDuration(record.durationMs)}`);
  if (record.problem !== null) yield `  ${style.bad(escapeControl(record.problem))}`;
  if (record.verdict === 'could-not-run') return;
  yield* measures(record, before, style);
  yield* bars(record, style);
  yield* failed(record, style);
  for (const one of regressionsOf(record, past)) yield `  ${style.caution('REGRESSION')}  ${regressionWords(one)}`;
  yield lastLine(record);
}

export function regressionWords({ measure, measured, median, percent }: Regression): string {
  return `${NAMES[measure]} ${showDuration(measured)}, ${percent} % above the median ${showDuration(median)} of the runs before`;
}

function* measures(record: DrillRecord, before: DrillRecord | undefined, style: Style): Generator<string> {
  const rows = (['rtoMs', 'rpoLost', 'rpoDuplicated', 'electionMs', 'failureRatePercent'] as const).flatMap((name) => {
    const objective = record.objectives.find((one) => one.name === name);
    const value = measureOf(record, name);
    return objective === undefined && value === null ? [] : [{ name, value, objective, words: meaning(record, name, objective) }];
  });
  yield* columns(
    rows,
    [
      { header: '', cell: (one) => NAMES[one.name] },
      { header: 'MEASURED', align: 'right', cell: (one) => shown(one.name, one.value), paint: (text, one) => (one.objective === undefined ? text : one.objective.ok ? style.good(text) : style.bad(text)) },
      { header: 'LIMIT', align: 'right', cell: (one) => shown(one.name, one.objective?.limit ?? null) },
      ...(before === undefined ? [] : [{ header: before.startedAt.slice(0, 10), align: 'right' as const, cell: (one: (typeof rows)[number]) => shown(one.name, measureOf(before, one.name)) }]),
      { header: '', cell: (one) => one.words || ' ', paint: style.dim, drop: 1 },
    ],
    { width: style.terminal ? style.width : PIPE_WIDTH },
  );
}

function shown(name: DrillObjective['name'], value: number | null): string {
  return value === null ? '-' : objectiveValue(name, value);
}

function measureOf(record: DrillRecord, name: DrillObjective['name']): number | null {
  if (name === 'rpoLost') return record.rpo.lost;
  if (name === 'rpoDuplicated') return record.rpo.duplicated;
  return record[name];
}

function meaning(record: DrillRecord, name: DrillObjective['name'], objective: DrillObjective | undefined): string {
  if (name === 'rpoLost') return `of ${record.rpo.acknowledged} acknowledged${record.rpo.lost === 0 ? ', all read back' : ''}`;
  if (name === 'rpoDuplicated') return record.checks.find((one) => one.name === 'writes in doubt are explained')?.detail.split(';')[0] ?? '';
  return objective === undefined || name !== 'rtoMs' ? '' : `${objective.from} -> ${objective.to}`;
}

/** Two bars over the whole run: when nothing was served, and when no further member could have been lost. */
function* bars({ timeline }: DrillRecord, style: Style): Generator<string> {
  const spanMs = Math.max(1, timeline.toMs - timeline.fromMs);
  const bar = (name: string): { text: string; totalMs: number } => {
    const down = timeline.brackets.filter((one) => one.name === name);
    const cells = Array.from({ length: BAR_CELLS }, (_, at) => {
      const [from, to] = [timeline.fromMs + (spanMs * at) / BAR_CELLS, timeline.fromMs + (spanMs * (at + 1)) / BAR_CELLS];
      return down.some((one) => one.fromMs < to && one.toMs > from) ? style.bad('#') : '=';
    });
    return { text: cells.join(''), totalMs: down.reduce((sum, one) => sum + one.toMs - one.fromMs, 0) };
  };
  const service = bar('no service');
  const redundancy = bar('no redundancy');
  const phases = (word: RegExp): string => timeline.phases.filter((one) => word.test(one.name)).map((one) => one.name.replace(' traffic', '')).join(', ');
  const rescue = phases(/^(stop traffic|identify|rebuild|check)$/);
  const grown = phases(/^grow /);
  yield `  service      ${service.text}  ${service.totalMs === 0 ? 'never down' : `down ${showDuration(service.totalMs)}${rescue === '' ? '' : `: ${rescue}`}`}`;
  yield `  redundancy   ${redundancy.text}  ${redundancy.totalMs === 0 ? 'never lost' : `none ${showDuration(redundancy.totalMs)}${grown === '' ? '' : `: ${grown}`}`}`;
}

function* failed(record: DrillRecord, style: Style): Generator<string> {
  const wrong = record.checks.filter((one) => one.ok === false);
  for (const one of style.verbose ? record.checks : wrong) {
    const word = one.ok === true ? style.good('ok  ') : one.ok === false ? style.bad('FAIL') : style.caution('--  ');
    yield `  ${word}  ${escapeControl(one.name)}: ${escapeControl(one.detail)}`;
  }
}

function lastLine(record: DrillRecord): string {
  const looked = record.checks.filter((one) => one.ok !== null);
  const passed = looked.filter((one) => one.ok === true).length;
  const skipped = record.checks.length - looked.length;
  const open = record.followUps.filter((one) => one.state === 'open');
  return `  checks ${passed} of ${looked.length}${skipped > 0 ? ` (${skipped} not run)` : ''}    follow-ups ${open.length}${open[0] === undefined ? '' : ` (${followUp(open[0], new Date(record.startedAt))})`}     next drill due ${record.verdict === 'pass' ? nextDue(record) : 'now'}`;
}

function followUp(one: FollowUp, now: Date): string {
  return `${one.id}, ${daysBetween(one.openedAt, now)} days old, ${one.owner === null ? 'no owner' : escapeControl(one.owner)}`;
}
