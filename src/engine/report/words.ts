import type { DrillObjective } from '../model/drill-record.ts';
import { showDuration } from '../model/measure-words.ts';
import type { ReportPage, TrendPoint } from '../model/report-page.ts';

export type Tone = 'good' | 'bad' | 'caution';

/** What a verdict means for the eye. Colour never stands alone: the word is always there. */
export function toneOf(verdict: ReportPage['verdict']): Tone {
  return verdict === 'PASS' || verdict === 'RECOVERED' ? 'good' : verdict === 'COULD NOT RUN' ? 'caution' : 'bad';
}

export const TREND_WORDS: Readonly<Record<TrendPoint['verdict'], { word: string; tone: Tone }>> = {
  pass: { word: 'pass', tone: 'good' },
  fail: { word: 'fail', tone: 'bad' },
  'could-not-run': { word: 'not run', tone: 'caution' },
};

/** What stands for a figure that could not be measured. */
export const NOT_MEASURED = '–';

const OBJECTIVES: Readonly<Record<DrillObjective['name'], { title: string; unit: 'ms' | '%' | 'entries' | 'count' }>> = {
  rtoMs: { title: 'RTO', unit: 'ms' },
  rpoLost: { title: 'RPO lost', unit: 'count' },
  rpoDuplicated: { title: 'RPO doubled', unit: 'count' },
  electionMs: { title: 'Election', unit: 'ms' },
  failureRatePercent: { title: 'Failure rate', unit: '%' },
  replicaLag: { title: 'Lag at end', unit: 'entries' },
};

/** `RTO`, `RPO lost`. */
export function objectiveTitle(name: DrillObjective['name']): string {
  return OBJECTIVES[name].title;
}

/** A measured value or limit of an objective with its unit: `3.8 s`, `0`, `0.4 %`. */
export function objectiveValue(name: DrillObjective['name'], value: number | null): string {
  if (value === null) return 'not measured';
  const { unit } = OBJECTIVES[name];
  if (unit === 'ms') return timeWords(value);
  if (unit === '%') return `${trimmed(value)} %`;
  return trimmed(value);
}

/** A time as limits are spoken of: `412 ms`, `3.8 s`, `60 s`, `2 min 5 s`. */
function timeWords(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${ms < 10_000 ? Number((ms / 1000).toFixed(1)) : Math.round(ms / 1000)} s`;
  return showDuration(ms);
}

/** How much more or less than the last time, in the unit of what was measured: `-0.6 s`, `+14 ms`, `±0`. */
export function changeWords(name: DrillObjective['name'], measured: number, last: number): string {
  const difference = measured - last;
  if (difference === 0) return '±0';
  const sign = difference < 0 ? '-' : '+';
  const inSeconds = OBJECTIVES[name].unit === 'ms' && measured >= 1000 && Math.abs(difference) < 1000;
  return `${sign}${inSeconds ? `${(Math.abs(difference) / 1000).toFixed(1)} s` : objectiveValue(name, Math.abs(difference))}`;
}

function trimmed(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toFixed(2)));
}

/** A point of the time line for people, with its sign: `-1.2 s`, `0`, `+3.8 s`, `+2 min 5 s`. The minus is a real one. */
export function offsetWords(ms: number): string {
  if (Math.round(ms) === 0) return '0 s';
  return `${ms < 0 ? '−' : '+'}${secondsWords(Math.abs(ms))}`;
}

/** A length on the time line: seconds with one decimal below ten minutes, so that columns line up. */
export function secondsWords(ms: number): string {
  if (ms < 100) return `${Math.round(ms)} ms`;
  return ms < 600_000 ? `${(ms / 1000).toFixed(1)} s` : showDuration(ms);
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
