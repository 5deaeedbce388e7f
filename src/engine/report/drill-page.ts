import type { DrillObjective, DrillRecord, FollowUp } from '../model/drill-record.ts';
import type { ReportPage, ReportTile, TrendPoint } from '../model/report-page.ts';
import { changeWords, NOT_MEASURED, objectiveTitle, objectiveValue } from './words.ts';

/** What is needed of an earlier drill. */
export type PastDrill = Pick<DrillRecord, 'drillId' | 'scenario' | 'startedAt' | 'verdict' | 'rtoMs' | 'rpo' | 'objectives' | 'electionMs' | 'replicaLag' | 'followUps'>;

const VERDICTS: Readonly<Record<DrillRecord['verdict'], ReportPage['verdict']>> = { pass: 'PASS', fail: 'FAIL', 'could-not-run': 'COULD NOT RUN' };
const DAY_MS = 86_400_000;
const SHOWN_RUNS = 8;
const SHOWN_QUARTERS = 6;

/** The report of a drill, with what earlier drills add to it: changes, trend, and what became of their follow-ups. */
export function pageOfDrill(record: DrillRecord, past: readonly PastDrill[], now = new Date(Date.parse(record.startedAt) + record.durationMs)): ReportPage {
  const earlier = past.filter((one) => one.drillId !== record.drillId && one.startedAt < record.startedAt).sort((a, b) => a.startedAt.localeCompare(b.startedAt));
  const before = earlier.findLast((one) => one.scenario === record.scenario) ?? null;
  return {
    kind: 'drill',
    verdict: VERDICTS[record.verdict],
    title: record.title === '' ? record.scenario : record.title,
    id: record.drillId,
    date: dateWords(record.startedAt),
    facts: [
      ...(record.title === '' || record.title === record.scenario ? [] : [{ name: 'scenario', value: record.scenario }]),
      ...(record.service === null ? [] : [{ name: 'service', value: record.service }]),
      ...(record.environment === null ? [] : [{ name: 'environment', value: record.environment }]),
      { name: 'engine', value: `${record.engine}, ${record.nodes} ${record.nodes === 1 ? 'process' : 'processes'}` },
      { name: 'seed', value: record.seed },
    ],
    failure: failureOf(record),
    tiles: tilesOf(record, before),
    statement: record.statement,
    timeline: record.timeline,
    objectives: record.objectives,
    decision: record.decision,
    steps: record.steps,
    checks: record.checks,
    followUps: followUpsOf(record, before, now),
    trend: trendOf(record, earlier),
    provenance: [...[{ name: 'tool', value: `raft-inspector ${record.tool}` }, { name: 'seed', value: record.seed }].filter(({ name }) => !record.provenance.some((one) => one.name === name)), ...record.provenance],
    artefacts: record.artefacts,
    source: { name: 'Drill file', text: record.drillFile },
    controls: record.controls,
  };
}

/** `2026-03-14 02:10 UTC`: the same wherever the report is made. */
export function dateWords(rfc3339: string): string {
  const at = new Date(rfc3339);
  return Number.isNaN(at.getTime()) ? rfc3339 : `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function failureOf(record: DrillRecord): ReportPage['failure'] {
  if (record.verdict === 'pass') return null;
  const step = record.steps.find((one) => !one.ok) ?? null;
  const missed = record.objectives.find((one) => !one.ok);
  const check = record.checks.find((one) => one.ok === false);
  const words = record.problem ?? (check !== undefined ? `Check failed: ${check.name}${check.detail === '' ? '' : `, ${check.detail}`}.` : missed !== undefined ? `${objectiveTitle(missed.name)} ${objectiveValue(missed.name, missed.measured)}, the limit is ${objectiveValue(missed.name, missed.limit)}.` : 'No reason was recorded.');
  return { text: words, step: step?.n ?? null };
}

function tilesOf(record: DrillRecord, before: PastDrill | null): ReportTile[] {
  const limit = (name: DrillObjective['name']): DrillObjective | undefined => record.objectives.find((one) => one.name === name);
  const one = (name: DrillObjective['name'], recorded: number | null, last: number | null): ReportTile => {
    const objective = limit(name);
    // Nothing lost of nothing written is no measurement: where there is an objective, it says whether there was one.
    const measured = objective === undefined ? recorded : objective.measured;
    return {
      name: objectiveTitle(name),
      measured: measured === null ? NOT_MEASURED : objectiveValue(name, measured),
      limit: objective === undefined ? null : objectiveValue(name, objective.limit),
      ratio: objective === undefined || measured === null ? null : objective.limit > 0 ? measured / objective.limit : measured > 0 ? 2 : 0,
      ok: objective?.ok ?? null,
      change: measured === null || last === null ? null : changeWords(name, measured, last),
    };
  };
  return [one('rtoMs', record.rtoMs, before?.rtoMs ?? null), one('rpoLost', record.rpo.lost, before?.rpo.lost ?? null), one('electionMs', record.electionMs, before?.electionMs ?? null), one('replicaLag', record.replicaLag, before?.replicaLag ?? null)];
}

/** Today's follow-ups, and those of the last drill that are no longer among them. */
function followUpsOf(record: DrillRecord, before: PastDrill | null, now: Date): ReportPage['followUps'] {
  const last = new Map((before?.followUps ?? []).map((one) => [one.id, one]));
  const today = new Set(record.followUps.map((one) => one.id));
  const row = (one: FollowUp, fate: string | null): ReportPage['followUps'][number] => ({ ...one, ageDays: Math.max(0, Math.floor((now.getTime() - Date.parse(one.openedAt)) / DAY_MS)), fate });
  const carried = record.followUps.map((one) => {
    const old = last.get(one.id);
    return row(one, old === undefined ? 'new' : one.state === 'closed' ? (old.state === 'closed' ? 'closed before' : 'closed since the last drill') : 'carried over from the last drill');
  });
  const gone = [...last.values()].filter((one) => one.state === 'open' && !today.has(one.id)).map((one) => row(one, 'open in the last drill, not listed in this one'));
  return [...carried, ...gone];
}

function trendOf(record: DrillRecord, earlier: readonly PastDrill[]): ReportPage['trend'] {
  const all = [...earlier, record];
  const points = all.filter((one) => one.scenario === record.scenario).slice(-SHOWN_RUNS).map((one): TrendPoint => ({ id: one.drillId, date: one.startedAt.slice(0, 10), rtoMs: one.rtoMs, limitMs: one.objectives.find((objective) => objective.name === 'rtoMs')?.limit ?? null, verdict: one.verdict }));
  const quarters = lastQuarters(record.startedAt);
  const cells = new Map<string, { scenario: string; quarter: string; verdict: TrendPoint['verdict'] }>();
  // The last run of a quarter is what counts: a failure that was mended and drilled again is a pass.
  for (const one of all) cells.set(`${one.scenario}\n${quarterOf(one.startedAt)}`, { scenario: one.scenario, quarter: quarterOf(one.startedAt), verdict: one.verdict });
  const scenarios = [record.scenario, ...[...new Set(all.map((one) => one.scenario))].filter((one) => one !== record.scenario).sort()];
  return { points, scenarios, quarters, cells: [...cells.values()].filter((one) => quarters.includes(one.quarter)) };
}

function quarterOf(rfc3339: string): string {
  return `${rfc3339.slice(0, 4)} Q${Math.ceil(Number(rfc3339.slice(5, 7)) / 3)}`;
}

function lastQuarters(rfc3339: string): string[] {
  const [year, month] = [Number(rfc3339.slice(0, 4)), Number(rfc3339.slice(5, 7))];
  const index = year * 4 + Math.ceil(month / 3) - 1;
  return Array.from({ length: SHOWN_QUARTERS }, (_, at) => index - SHOWN_QUARTERS + 1 + at).map((one) => `${Math.floor(one / 4)} Q${(one % 4) + 1}`);
}
