import type { FaultClass } from './faults.ts';
import type { Plan } from './plan.ts';
import { runSeed, type SimulationOptions, type SimulationResult } from './simulation.ts';
import type { Violation } from './world.ts';

/** A run that still fails in the same way, with as little as could be found. */
export interface Shrunk {
  readonly seed: string;
  readonly plan: Plan;
  readonly keep: readonly string[];
  readonly violation: Violation;
  readonly runs: number;
  readonly result: SimulationResult;
}

interface Candidate {
  readonly plan: Partial<Plan>;
  readonly keep: readonly string[] | null;
}

const MAX_RUNS = 400;

/**
 * Makes a failing seed small (C.10): cuts the time after the failure, drops whole fault classes, learners, clients and members, then
 * single faults by delta debugging (Zeller and Hildebrandt 2002) over the list of those that fired. A candidate counts when the same
 * rule is broken. @throws {RangeError} When the seed does not fail.
 */
export async function shrink(base: SimulationOptions, maxRuns = MAX_RUNS, onRun: (runs: number, faults: number) => void = () => undefined): Promise<Shrunk> {
  let runs = 0;
  /** Nothing behind the failure is run: most candidates fail no more, and would go on for long. */
  let stopAtUs: number | undefined;
  const attempt = async (candidate: Candidate, keepLines = 0): Promise<SimulationResult> => {
    runs += 1;
    onRun(runs, candidate.keep?.length ?? 0);
    return runSeed({ ...base, ...(stopAtUs === undefined ? {} : { stopAtUs }), plan: { ...base.plan, ...candidate.plan }, keepLines, ...(candidate.keep === null ? {} : { keep: new Set(candidate.keep) }) });
  };
  const first = await attempt({ plan: {}, keep: base.keep === undefined ? null : [...base.keep] });
  const rule = first.violations[0]?.rule;
  const cutAfter = ({ violations, plan }: SimulationResult): void => {
    const atUs = violations.find((one) => one.rule === rule)?.atUs ?? Number.POSITIVE_INFINITY;
    if (atUs < plan.troubleUs) stopAtUs = atUs + 1;
  };
  if (rule === undefined) throw new RangeError(`seed ${base.seed} breaks no rule`);
  let best: Candidate = { plan: { ...first.plan }, keep: first.fired };
  cutAfter(first);
  const fails = async (candidate: Candidate): Promise<SimulationResult | null> => {
    if (runs >= maxRuns) return null;
    const result = await attempt(candidate);
    return result.violations.some((one) => one.rule === rule) ? result : null;
  };
  const improve = async (candidate: Candidate): Promise<boolean> => {
    const result = await fails(candidate);
    if (result === null) return false;
    cutAfter(result);
    // What did not fire in this run cannot be needed by it.
    const fired = new Set(result.fired);
    best = { plan: candidate.plan, keep: (candidate.keep ?? result.fired).filter((one) => fired.has(one)) };
    return true;
  };
  await improve(best);
  for (const fault of first.plan.faults) await improve({ ...best, plan: { ...best.plan, faults: (best.plan.faults ?? []).filter((one): one is FaultClass => one !== fault) } });
  await improve({ ...best, plan: { ...best.plan, learners: 0 } });
  for (let clients = Math.floor(first.plan.clients / 2); clients >= 1; clients = Math.floor(clients / 2)) await improve({ ...best, plan: { ...best.plan, clients } });
  for (let voters = first.plan.voters - 1; voters >= 1; voters -= 1) await improve({ ...best, plan: { ...best.plan, voters } });
  await reduceFaults();
  stopAtUs = undefined; // as anybody would replay it
  const result = await attempt(best, 100_000);
  const violation = result.violations.find((one) => one.rule === rule);
  if (violation === undefined) throw new RangeError(`seed ${base.seed} fails, but its smallest run does not: a run depends on more than its seed`);
  return { seed: base.seed, plan: result.plan, keep: best.keep ?? [], violation, runs, result };

  async function reduceFaults(): Promise<void> {
    let parts = 2;
    for (;;) {
      const keep = best.keep ?? [];
      if (keep.length < 2 || runs >= maxRuns) return;
      const size = Math.ceil(keep.length / parts);
      let isReduced = false;
      for (let from = 0; from < keep.length && !isReduced; from += size) {
        isReduced = await improve({ ...best, keep: [...keep.slice(0, from), ...keep.slice(from + size)] });
      }
      if (isReduced) parts = Math.max(2, parts - 1);
      else if (size === 1) return;
      else parts = Math.min(keep.length, parts * 2);
    }
  }
}

/** The choices that are left, and what they led to, as a chart of messages. */
export function renderShrunk({ seed, plan, keep, violation, runs, result }: Shrunk, lastLines = 200): string {
  const rows = result.lines.filter((line) => !/^commit-|^heartbeat/.test(line.text)).slice(-lastLines);
  return [
    `seed ${seed} breaks ${violation.rule} at ${violation.node}, ${(violation.atUs / 1000).toFixed(1)} ms: ${violation.message}`,
    `${runs} runs; ${plan.voters} voters, ${plan.learners} learners, ${plan.clients} clients; fault classes: ${plan.faults.join(', ') || 'none'}`,
    `${keep.length} faults are needed:`,
    ...keep.map((one) => `  ${one}`),
    'Chart (ms, member, what):',
    ...rows.map((line) => `${(line.atUs / 1000).toFixed(2).padStart(12)}  ${line.node.padEnd(8)} ${line.text}`),
    '',
  ].join('\n');
}
