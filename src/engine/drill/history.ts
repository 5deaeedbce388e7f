import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.ts';
import { writeNewFile } from '../recovery/case-directory.ts';
import { type Finding, finding } from '../model/finding.ts';
import type { DrillRecord } from '../model/drill-record.ts';
import { readRecord } from './record-file.ts';

export const HISTORY_DIRECTORY = 'drills/history';
export const DUE_AFTER_DAYS = 90;
const DAY_MS = 86_400_000;
const RECORD_NAME = /^\d{4}-\d{2}-\d{2}-[0-9a-f]{4,16}\.json$/;
const MOST_RECORDS = 10_000;
/** Runs that a trend is made of. */
const TREND_RUNS = 8;
/** A run this much worse than the median of those before it is a regression. */
const WORSE_BY = 1.5;
/** A median of fewer runs says nothing. */
const LEAST_RUNS = 2;
/** A clock may be off by so much before a run counts as one that has not happened yet. */
const AHEAD_MS = DAY_MS;

/** The past runs in a directory, oldest first; a directory that is not there holds none. Files that are no records become findings. */
export function readHistory(directory: string): { records: DrillRecord[]; findings: Finding[] } {
  const findings: Finding[] = [];
  const records: DrillRecord[] = [];
  for (const name of listRecords(directory)) {
    const file = path.join(directory, name);
    try {
      records.push(readRecord(file));
    } catch (error) {
      findings.push(finding('drill-record-unreadable', 'warn', (error as Error).message, { file, fix: 'Move it away, or restore it from a backup' }));
    }
  }
  return { records: records.sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1)), findings };
}

function listRecords(directory: string): string[] {
  try {
    return fs.readdirSync(directory).filter((name) => RECORD_NAME.test(name)).sort().slice(-MOST_RECORDS);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw new UsageError(`${directory} cannot be read (${code ?? 'unknown error'})`, 'Name the directory of past runs with --history', { cause: error });
  }
}

/** Adds a run. No record is ever overwritten. @throws {UsageError} When the directory cannot be written. */
export function keepRecord(directory: string, record: DrillRecord): string {
  const file = path.join(directory, `${record.drillId}.json`);
  makeDirectory(directory, '--history');
  writeNewFile(file, `${JSON.stringify(record, null, 1)}\n`);
  return file;
}

/** @throws {UsageError} Naming the flag, when it cannot be made. */
export function makeDirectory(directory: string, flag: string): void {
  try {
    fs.mkdirSync(directory, { recursive: true });
    fs.accessSync(directory, fs.constants.W_OK);
  } catch (cause) {
    throw new UsageError(`${directory} cannot be written (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'})`, `Name another directory with ${flag}`, { cause });
  }
}

/** A measure that became much worse. */
export interface Regression {
  readonly measure: 'rtoMs' | 'electionMs';
  readonly measured: number;
  /** Of the runs before it. */
  readonly median: number;
  readonly percent: number;
}

/** Runs of the same drill before this one: same scenario, engine and size; those that could not run say nothing. */
export function runsBefore(record: Pick<DrillRecord, 'scenario' | 'engine' | 'nodes' | 'startedAt' | 'drillId'>, history: readonly DrillRecord[]): DrillRecord[] {
  return history.filter((one) => one.scenario === record.scenario && one.engine === record.engine && one.nodes === record.nodes && one.drillId !== record.drillId && one.startedAt <= record.startedAt && one.verdict !== 'could-not-run');
}

/** Measures of a run that are more than half worse than the median of the last runs: trends tell more than limits do. */
export function regressionsOf(record: DrillRecord, history: readonly DrillRecord[]): Regression[] {
  const before = runsBefore(record, history).slice(-TREND_RUNS);
  return (['rtoMs', 'electionMs'] as const).flatMap((measure) => {
    const measured = record[measure];
    const past = before.flatMap((one) => (one[measure] === null ? [] : [one[measure]]));
    if (measured === null || past.length < LEAST_RUNS) return [];
    const median = medianOf(past);
    return measured > median * WORSE_BY ? [{ measure, measured, median, percent: median === 0 ? 100 : Math.round((measured / median - 1) * 100) }] : [];
  });
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = [sorted[sorted.length % 2 === 1 ? middle : middle - 1], sorted[middle]];
  return (low + high) / 2;
}

/** How one kind of drill stands. */
export interface ScenarioStanding {
  readonly scenario: string;
  readonly engine: string;
  readonly nodes: number;
  readonly runs: number;
  readonly passed: number;
  /** Of the last run. */
  readonly lastId: string;
  readonly lastVerdict: DrillRecord['verdict'];
  /** RFC 3339, UTC; null: it never passed. */
  readonly lastGoodAt: string | null;
  /** RFC 3339 full-date; null: it never passed. */
  readonly dueOn: string | null;
  readonly isDue: boolean;
  readonly lastRtoMs: number | null;
  readonly medianRtoMs: number | null;
  readonly regressions: readonly Regression[];
}

/** Every kind of drill in the history, and whether it is time for another run. */
export function standingsOf(records: readonly DrillRecord[], now: Date, maxAgeMs: number = DUE_AFTER_DAYS * DAY_MS): ScenarioStanding[] {
  const kinds = new Map<string, DrillRecord[]>();
  for (const one of records) {
    const key = `${one.scenario} ${one.engine} ${one.nodes}`;
    kinds.set(key, [...(kinds.get(key) ?? []), one]);
  }
  return [...kinds.values()].flatMap((runs) => {
    const last = runs.at(-1);
    if (last === undefined) return [];
    // A run from the future, by a clock that was wrong, would put the next one off for as long.
    const good = runs.findLast((one) => one.verdict === 'pass' && !isAhead(one, now));
    const dueAt = good === undefined ? null : Date.parse(good.startedAt) + maxAgeMs;
    const rtos = runs.slice(-TREND_RUNS).flatMap((one) => (one.rtoMs === null ? [] : [one.rtoMs]));
    return [{
      scenario: last.scenario,
      engine: last.engine,
      nodes: last.nodes,
      runs: runs.length,
      passed: runs.filter((one) => one.verdict === 'pass').length,
      lastId: last.drillId,
      lastVerdict: last.verdict,
      lastGoodAt: good?.startedAt ?? null,
      dueOn: dueAt === null ? null : dateOf(dueAt),
      isDue: dueAt === null || now.getTime() > dueAt,
      lastRtoMs: last.rtoMs,
      medianRtoMs: rtos.length === 0 ? null : medianOf(rtos),
      regressions: regressionsOf(last, records),
    }];
  });
}

/** Whether a run says that it began later than now, by more than clocks differ. */
export function isAhead(record: Pick<DrillRecord, 'startedAt'>, now: Date): boolean {
  return Date.parse(record.startedAt) > now.getTime() + AHEAD_MS;
}

/** The day after which a run is due again. */
export function nextDue(record: Pick<DrillRecord, 'startedAt'>): string {
  return dateOf(Date.parse(record.startedAt) + DUE_AFTER_DAYS * DAY_MS);
}

export function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** Whole days from one day to another. */
export function daysBetween(from: string, to: Date): number {
  return Math.max(0, Math.floor((to.getTime() - Date.parse(from)) / DAY_MS));
}
