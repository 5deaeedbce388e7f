import { fork } from 'node:child_process';
import { mergeReports, runCampaign, type CampaignReport } from '../../../src/engine/sim/campaign.ts';
import { continueAfter, judgeRecovery } from './recovery-judge.ts';

/** What only happens once a disk was recovered. */
const SECOND_LIFE_COUNTERS = ['crash-in-bootstrap', 'old-generation-refused'] as const;

/** A stretch of seeds for one process. */
export interface CampaignPart {
  readonly from: number;
  readonly seeds: number;
  readonly mutants: readonly string[];
}

/** Runs seeds here. Those that end without a quorum are also given to `recover pick`, whose word is held against the truth. */
export async function runPart({ from, seeds, mutants }: CampaignPart): Promise<CampaignReport> {
  const verdicts = new Map<string, number>();
  const count = (name: string, by = 1): void => void verdicts.set(name, (verdicts.get(name) ?? 0) + by);
  const report = await runCampaign({
    from,
    seeds,
    mutants: new Set(mutants),
    nowMs: () => performance.now(),
    onSeed: async (result) => {
      if (!result.plan.endsInQuorumLoss || result.violations.length > 0) return [];
      const verdict = await judgeRecovery(result);
      if (verdict === null) return [];
      const { source, loss } = verdict.report;
      const name = `recovery-${source === null ? 'refused' : loss.proof}${verdict.missing === null ? '' : '-and-something-missing'}`;
      count(name);
      const complaints = verdict.complaints.map((message) => ({ rule: 'recovery', node: source ?? 'none', message, atUs: result.virtualUs, event: result.events }));
      const second = complaints.length > 0 ? null : await continueAfter(result, verdict);
      if (second === null) return complaints;
      count('second-life');
      for (const one of SECOND_LIFE_COUNTERS) count(one, second.counters[one] ?? 0);
      return second.violations.map((one) => ({ ...one, rule: `second-life/${one.rule}` }));
    },
  });
  return { ...report, counters: { ...report.counters, ...Object.fromEntries(verdicts) } };
}

async function runInChild(part: CampaignPart): Promise<CampaignReport> {
  const child = fork(import.meta.filename, [JSON.stringify(part)], { execArgv: ['--import', 'tsx'], env: { ...process.env, SIM_CAMPAIGN_PART: '1' } });
  return new Promise((resolve, reject) => {
    child.once('message', (report) => resolve(report as CampaignReport));
    child.once('exit', (code) => reject(new Error(`the worker for seeds from ${part.from} ended with ${code}`)));
  });
}

/** Runs a campaign in `jobs` processes beside each other. */
export async function runInWorkers({ from, seeds, mutants }: CampaignPart, jobs: number): Promise<CampaignReport> {
  const size = Math.ceil(seeds / jobs);
  const parts = Array.from({ length: jobs }, (_, at) => ({ from: from + at * size, seeds: Math.max(0, Math.min(size, seeds - at * size)), mutants }));
  return mergeReports(await Promise.all(parts.map(runInChild)));
}

if (process.env['SIM_CAMPAIGN_PART'] === '1' && process.send !== undefined) {
  process.send(await runPart(JSON.parse(process.argv[2] ?? '{}') as CampaignPart));
  process.disconnect();
}
