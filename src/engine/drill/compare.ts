import type { DrillRecord } from '../model/drill-record.ts';

/** One measure of two runs. */
export interface ComparedMeasure {
  readonly measure: string;
  readonly a: number | null;
  readonly b: number | null;
  /** b - a; null where one of them is unknown. */
  readonly change: number | null;
  /** Whether less is better and it became more by over a half. */
  readonly isWorse: boolean;
}

export interface DrillComparison {
  readonly a: Pick<DrillRecord, 'drillId' | 'scenario' | 'engine' | 'nodes' | 'verdict' | 'startedAt' | 'tool'>;
  readonly b: Pick<DrillRecord, 'drillId' | 'scenario' | 'engine' | 'nodes' | 'verdict' | 'startedAt' | 'tool'>;
  /** Runs of different drills are put side by side, and nothing is concluded. */
  readonly isComparable: boolean;
  readonly measures: readonly ComparedMeasure[];
  readonly phases: readonly ComparedMeasure[];
  readonly checks: readonly { readonly name: string; readonly a: boolean | null | undefined; readonly b: boolean | null | undefined }[];
}

const WORSE_BY = 1.5;
/** Differences below this many milliseconds are the machine's. */
const NOISE_MS = 50;

/** Two runs, measure by measure. */
export function compareDrills(a: DrillRecord, b: DrillRecord): DrillComparison {
  const isComparable = a.scenario === b.scenario && a.engine === b.engine && a.nodes === b.nodes;
  const measure = (name: string, of: (record: DrillRecord) => number | null, noise: number): ComparedMeasure => {
    const [left, right] = [of(a), of(b)];
    const change = left === null || right === null ? null : Math.round((right - left) * 100) / 100;
    return { measure: name, a: left, b: right, change, isWorse: isComparable && left !== null && right !== null && right > left * WORSE_BY && right - left > noise };
  };
  const names = [...new Set([...a.phases, ...b.phases].map((one) => one.name))];
  const checks = [...new Set([...a.checks, ...b.checks].map((one) => one.name))];
  return {
    a: headOf(a),
    b: headOf(b),
    isComparable,
    measures: [
      measure('rtoMs', (one) => one.rtoMs, NOISE_MS),
      measure('rpoLost', (one) => one.rpo.lost, 0),
      measure('rpoDuplicated', (one) => one.rpo.duplicated, 0),
      measure('electionMs', (one) => one.electionMs, NOISE_MS),
      measure('failureRatePercent', (one) => one.failureRatePercent, 1),
      measure('replicaLag', (one) => one.replicaLag, 100),
      measure('acknowledged', (one) => one.rpo.acknowledged, Number.POSITIVE_INFINITY),
      measure('durationMs', (one) => one.durationMs, Number.POSITIVE_INFINITY),
    ],
    phases: names.map((name) => measure(name, (one) => sumOf(one, name), NOISE_MS * 4)),
    checks: checks.map((name) => ({ name, a: a.checks.find((one) => one.name === name)?.ok, b: b.checks.find((one) => one.name === name)?.ok })),
  };
}

function headOf({ drillId, scenario, engine, nodes, verdict, startedAt, tool }: DrillRecord): DrillComparison['a'] {
  return { drillId, scenario, engine, nodes, verdict, startedAt, tool };
}

function sumOf(record: DrillRecord, name: string): number | null {
  const found = record.phases.filter((one) => one.name === name);
  return found.length === 0 ? null : found.reduce((sum, one) => sum + one.durationMs, 0);
}
