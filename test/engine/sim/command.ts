import { fork } from 'node:child_process';
import fs from 'node:fs';
import process from 'node:process';
import { mergeReports, missingCounters, renderReport, runCampaign, type CampaignReport } from '../../../src/engine/sim/campaign.ts';
import { parseHistory, renderHistory } from '../../../src/engine/sim/history.ts';
import { checkLogOrder } from '../../../src/engine/sim/log-order-check.ts';
import { checkBySearch } from '../../../src/engine/sim/search-check.ts';
import { renderShrunk, shrink } from '../../../src/engine/sim/shrink.ts';
import { runSeed } from '../../../src/engine/sim/simulation.ts';
import { judgeRecovery } from './recovery-judge.ts';

/** Below this many seeds a counter at zero is chance, not a hole in the simulator. */
const SEEDS_FOR_COUNTERS = 400;

interface Part {
  readonly from: number;
  readonly seeds: number;
  readonly mutants: readonly string[];
  readonly withRecovery: boolean;
}

function option(name: string, fallback: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : (process.argv[at + 1] ?? fallback);
}

function mutants(): Set<string> {
  return new Set(option('mutant', '').split(',').filter((one) => one !== ''));
}

async function runPart(part: Part): Promise<CampaignReport> {
  return runCampaign({
    from: part.from,
    seeds: part.seeds,
    mutants: new Set(part.mutants),
    nowMs: () => performance.now(),
    onSeed: async (result) => {
      if (!part.withRecovery || !result.plan.endsInQuorumLoss || result.violations.length > 0) return [];
      const verdict = await judgeRecovery(result);
      return (verdict?.complaints ?? []).map((message) => ({ rule: 'recovery', node: verdict?.report.source ?? 'none', message, atUs: result.virtualUs, event: result.events }));
    },
  });
}

async function inChild(part: Part): Promise<CampaignReport> {
  const child = fork(import.meta.filename, ['part', JSON.stringify(part)], { execArgv: ['--import', 'tsx'] });
  return new Promise((resolve, reject) => {
    child.once('message', (report) => resolve(report as CampaignReport));
    child.once('exit', (code) => reject(new Error(`a worker for seeds from ${part.from} ended with ${code}`)));
  });
}

async function campaign(): Promise<number> {
  const [seeds, from, jobs] = [Number(option('seeds', '400')), Number(option('from', '1')), Number(option('jobs', '2'))];
  const size = Math.ceil(seeds / jobs);
  const parts = Array.from({ length: jobs }, (_, at) => ({ from: from + at * size, seeds: Math.max(0, Math.min(size, seeds - at * size)), mutants: [...mutants()], withRecovery: process.argv.includes('--recovery') }));
  const report = mergeReports(await Promise.all(parts.map(inChild)));
  process.stdout.write(renderReport(report));
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

async function main(): Promise<number> {
  const [verb, argument] = process.argv.slice(2);
  switch (verb) {
    case 'campaign':
      return campaign();
    case 'part':
      process.send?.(await runPart(JSON.parse(argument ?? '{}') as Part));
      process.disconnect?.();
      return 0;
    case 'replay':
      return replay(argument ?? '1', Number(process.argv[4] ?? 200) || 200);
    case 'shrink':
      process.stdout.write(renderShrunk(await shrink({ seed: argument ?? '1', mutants: mutants() })));
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
