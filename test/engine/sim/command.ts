import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import process from 'node:process';
import { missingCounters, renderReport } from '../../../src/engine/sim/campaign.ts';
import { parseHistory, renderHistory } from '../../../src/engine/sim/history.ts';
import { checkLogOrder } from '../../../src/engine/sim/log-order-check.ts';
import { checkBySearch } from '../../../src/engine/sim/search-check.ts';
import { renderShrunk, shrink } from '../../../src/engine/sim/shrink.ts';
import { runSeed } from '../../../src/engine/sim/simulation.ts';
import { runInWorkers } from './campaign-workers.ts';

/** Below this many seeds a counter at zero is chance, not a hole in the simulator. */
const SEEDS_FOR_COUNTERS = 400;

function option(name: string, fallback: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : (process.argv[at + 1] ?? fallback);
}

function mutants(): Set<string> {
  return new Set(option('mutant', '').split(',').filter((one) => one !== ''));
}

/** Of the sources, so that a failure can be run again later as it was. */
function commit(): string {
  const asked = spawnSync('git', ['describe', '--always', '--dirty'], { cwd: import.meta.dirname, encoding: 'utf8' });
  return asked.status === 0 ? asked.stdout.trim() : 'unknown';
}

async function campaign(): Promise<number> {
  const [seeds, from, jobs] = [Number(option('seeds', '400')), Number(option('from', '1')), Number(option('jobs', '2'))];
  const report = await runInWorkers({ from, seeds, mutants: [...mutants()] }, jobs);
  process.stdout.write(renderReport(report));
  if (report.failures.length > 0) process.stdout.write(`commit ${commit()}\n`);
  return report.failures.length > 0 || (seeds >= SEEDS_FOR_COUNTERS && missingCounters(report).length > 0) ? 1 : 0;
}

async function replay(seed: string, lines: number): Promise<number> {
  const result = await runSeed({ seed, keepLines: lines, mutants: mutants() });
  for (const line of result.lines.slice(-lines)) process.stdout.write(`${(line.atUs / 1000).toFixed(3).padStart(12)}  ${line.node.padEnd(9)} ${line.text}\n`);
  process.stdout.write(`${result.events} events, ${(result.virtualUs / 1e6).toFixed(3)} virtual seconds, trace ${result.traceHash}\n${JSON.stringify(result.plan)}\n`);
  for (const violation of result.violations) process.stdout.write(`VIOLATION ${violation.rule} at ${violation.node}, event ${violation.event}: ${violation.message}\n`);
  return result.violations.length > 0 ? 1 : 0;
}

function check(file: string): number {
  const history = parseHistory(fs.readFileSync(file, 'utf8'));
  const [byLog, bySearch] = [checkLogOrder(history), checkBySearch(history)];
  for (const [name, complaints] of [['log order', byLog], ['search', bySearch]] as const) {
    process.stdout.write(complaints.length === 0 ? `${name}: fine\n` : `${name}: ${complaints.length} complaints\n${complaints.map((one) => `  ${one}\n`).join('')}`);
  }
  return byLog.length + bySearch.length > 0 ? 1 : 0;
}

/** A line now and then: shrinking can take minutes. */
function tellRuns(): (runs: number, faults: number) => void {
  let toldAt = performance.now();
  return (runs, faults) => {
    if (performance.now() - toldAt < 5000) return;
    toldAt = performance.now();
    process.stderr.write(`${runs} runs, ${faults} faults left\n`);
  };
}

async function main(): Promise<number> {
  const [verb, argument] = process.argv.slice(2);
  switch (verb) {
    case 'campaign':
      return campaign();
    case 'replay':
      return replay(argument ?? '1', Number(process.argv[4] ?? 200) || 200);
    case 'shrink':
      process.stdout.write(renderShrunk(await shrink({ seed: argument ?? '1', mutants: mutants() }, undefined, tellRuns())));
      return 0;
    case 'history':
      process.stdout.write(renderHistory((await runSeed({ seed: argument ?? '1' })).history));
      return 0;
    case 'check':
      return check(argument ?? '');
    default:
      process.stderr.write('sim: campaign | replay <seed> | shrink <seed> | history <seed> | check <file>\n');
      return 2;
  }
}

process.exitCode = await main();
