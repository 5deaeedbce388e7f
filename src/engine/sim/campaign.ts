import { Counters, NOT_YET_CHECKED, NOT_YET_COUNTED } from './counters.ts';
import { runSeed, type SimulationResult } from './simulation.ts';
import type { Violation } from './world.ts';

export interface CampaignFailure {
  readonly seed: string;
  readonly violations: readonly Violation[];
}

/** What a row of seeds came to. Sums of several are one campaign. */
export interface CampaignReport {
  seeds: number;
  events: number;
  virtualUs: number;
  elapsedMs: number;
  operations: number;
  counters: Record<string, number>;
  failures: CampaignFailure[];
}

export interface CampaignOptions {
  readonly from: number;
  readonly seeds: number;
  readonly mutants?: ReadonlySet<string>;
  /** Milliseconds of real time, for the report; the runs themselves know none. */
  readonly nowMs: () => number;
  /** After each seed; what it finds wrong counts as well. */
  readonly onSeed?: (result: SimulationResult) => Promise<readonly Violation[]>;
}

/** Runs neighbouring seeds one after another in this process. */
export async function runCampaign({ from, seeds, mutants, nowMs, onSeed }: CampaignOptions): Promise<CampaignReport> {
  const report = emptyReport();
  const counters = new Counters();
  const began = nowMs();
  for (let number = from; number < from + seeds; number += 1) {
    const seed = String(number);
    const result = await runSeed({ seed, ...(mutants === undefined ? {} : { mutants }) });
    report.seeds += 1;
    report.events += result.events;
    report.virtualUs += result.virtualUs;
    report.operations += result.history.lines.filter((line) => line.t === 'invoke').length;
    counters.add(result.counters);
    const more = (await onSeed?.(result)) ?? [];
    const violations = [...result.violations, ...more];
    if (violations.length > 0) report.failures.push({ seed, violations });
  }
  report.elapsedMs = nowMs() - began;
  report.counters = counters.toRecord();
  return report;
}

export function emptyReport(): CampaignReport {
  return { seeds: 0, events: 0, virtualUs: 0, elapsedMs: 0, operations: 0, counters: {}, failures: [] };
}

/** Parts that ran beside each other, as one. */
export function mergeReports(parts: readonly CampaignReport[]): CampaignReport {
  const counters = new Counters();
  const merged = emptyReport();
  for (const part of parts) {
    merged.seeds += part.seeds;
    merged.events += part.events;
    merged.virtualUs += part.virtualUs;
    merged.operations += part.operations;
    merged.elapsedMs = Math.max(merged.elapsedMs, part.elapsedMs);
    merged.failures.push(...part.failures);
    counters.add(part.counters);
  }
  merged.counters = counters.toRecord();
  return merged;
}

/** Required counters that a campaign left at zero. */
export function missingCounters(report: CampaignReport): string[] {
  const counters = new Counters();
  counters.add(report.counters);
  return counters.zeros();
}

/** The summary for people, plain text. */
export function renderReport(report: CampaignReport): string {
  const { seeds, events, elapsedMs, virtualUs, operations, counters, failures } = report;
  const lines = [
    `${seeds} seeds, ${events} events, ${Math.round((events / Math.max(1, elapsedMs)) * 1000)} events/s, ${(virtualUs / 3_600_000_000).toFixed(2)} virtual hours, ${operations} client operations, ${(elapsedMs / 1000).toFixed(1)} s`,
    'What happened:',
    ...Object.entries(counters).map(([name, count]) => `  ${name} ${count}`),
    `Not yet counted (later features): ${NOT_YET_COUNTED.join(', ')}`,
    `Not yet checked: ${NOT_YET_CHECKED.join(', ')}`,
  ];
  const zeros = missingCounters(report);
  if (zeros.length > 0) lines.push(`NEVER HAPPENED, so not tested: ${zeros.join(', ')}`);
  for (const { seed, violations } of failures) {
    const [first] = violations;
    lines.push(`VIOLATION seed ${seed}: ${first?.rule} at ${first?.node}: ${first?.message}`, `  replay: node scripts/sim.mjs replay ${seed}`, `  shrink: node scripts/sim.mjs shrink ${seed}`);
  }
  lines.push(failures.length === 0 ? 'No violation.' : `${failures.length} seeds with violations.`);
  return `${lines.join('\n')}\n`;
}
