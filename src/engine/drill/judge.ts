import type { DrillObjective, DrillRecord, FollowUp } from '../model/drill-record.ts';
import type { CheckLine } from '../model/check-line.ts';
import type { DrillFile, DrillLimits } from './drill-file.ts';
import type { Ending } from './timeline.ts';

/** What a run measured; null: not measured, and an objective about it is missed. */
export interface Measured {
  readonly rtoMs: number | null;
  readonly rpoLost: number | null;
  readonly rpoDuplicated: number | null;
  readonly electionMs: number | null;
  readonly failureRatePercent: number | null;
  readonly replicaLag: number | null;
}

const CLOCK = 'monotonic clock of the drill process, one for all';

/** From which event to which each objective is measured. */
export interface MeasuringPoints {
  readonly rto: readonly [from: string, to: string];
  readonly election: readonly [from: string, to: string];
}

/** The objectives of a run in the order of reports, each with what was measured. */
export function objectivesOf(limits: DrillLimits, measured: Measured, points: MeasuringPoints, isOutageExcused: boolean): DrillObjective[] {
  const words: Record<DrillObjective['name'], readonly [from: string, to: string]> = {
    rtoMs: points.rto,
    rpoLost: ['every acknowledged write', 'read back at the end'],
    rpoDuplicated: ['every write', 'counted in the final state'],
    electionMs: points.election,
    failureRatePercent: ['first operation', `last operation${isOutageExcused ? ', the loss of service until the reopening left out' : ''}`],
    replicaLag: ['traffic ends', 'slowest member, entries behind the commit index'],
  };
  return (Object.keys(words) as DrillObjective['name'][]).flatMap((name) => {
    const limit = limits[name];
    if (limit === undefined) return [];
    const value = measured[name];
    return [{ name, limit, measured: value, ok: value !== null && value <= limit, from: words[name][0], to: words[name][1], clock: name.startsWith('rpo') ? 'none: counted' : CLOCK }];
  });
}

/** Share of client operations that failed outside the excused stretches, in percent; null when there were none. */
export function failureRateOf(endings: readonly Ending[], excused: readonly { readonly fromMs: number; readonly toMs: number }[]): number | null {
  const counted = endings.filter(({ atMs }) => !excused.some((one) => atMs >= one.fromMs && atMs <= one.toMs));
  if (counted.length === 0) return null;
  return Math.round((counted.filter((one) => !one.ok).length / counted.length) * 10_000) / 100;
}

/** A failed check fails a run; else a missed objective does; checks that could not be looked at fail nothing. */
export function verdictOf(checks: readonly CheckLine[], objectives: readonly DrillObjective[]): { verdict: 'pass' | 'fail'; problem: string | null } {
  const failed = checks.filter((one) => one.ok === false);
  const missed = objectives.filter((one) => !one.ok);
  const problem = failed[0] === undefined ? (missed[0] === undefined ? null : `objective ${missed[0].name} missed: ${missed[0].measured ?? 'not measured'}, limit ${missed[0].limit}`) : `check failed: ${failed[0].name}: ${failed[0].detail}`;
  return { verdict: problem === null ? 'pass' : 'fail', problem };
}

/** Exit codes of the contract: could not run 11, a check failed 3, an objective missed 10. */
export function exitOf(record: Pick<DrillRecord, 'verdict' | 'checks' | 'objectives' | 'problem'>): 0 | 3 | 10 | 11 {
  if (record.verdict === 'could-not-run') return 11;
  if (record.verdict === 'pass') return 0;
  return record.checks.some((one) => one.ok === false) ? 3 : 10;
}

/** Action items of this run: those of the file, and those of the last run of the scenario that nobody closed. The file's word counts. */
export function carryFollowUps(file: Pick<DrillFile, 'followUps'>, last: readonly FollowUp[]): FollowUp[] {
  const named = new Set(file.followUps.map((one) => one.id));
  return [...file.followUps, ...last.filter((one) => one.state === 'open' && !named.has(one.id))];
}
