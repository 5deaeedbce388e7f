import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { missingCounters, renderReport } from '../../../src/engine/sim/campaign.ts';
import { runSeed } from '../../../src/engine/sim/simulation.ts';
import { ROOT } from '../../helpers/run-cli.ts';
import { runInWorkers } from './campaign-workers.ts';

const SEEDS = Number(process.env['RAFT_INSPECTOR_SIM_SEEDS'] ?? '400');
const FROM = Number(process.env['RAFT_INSPECTOR_SIM_FROM'] ?? '1');
/** At least so many events in the 400 seeds of a push. */
const EVENTS_PER_SEED = 5_000_000 / 400;

interface CorpusEntry {
  readonly seed: string;
  /** What it once broke, or the rare path it walks. */
  readonly why: string;
}

describe('simulator campaign', () => {
  const corpus = JSON.parse(fs.readFileSync(path.join(ROOT, 'test/testdata/sim/seeds.json'), 'utf8')) as CorpusEntry[];

  for (const { seed, why } of corpus) {
    it(`seed ${seed} of the corpus: ${why}`, async () => assert.deepEqual((await runSeed({ seed })).violations, []));
  }

  it(`${SEEDS} seeds keep I1-I13, I15-I22 and I24, meet every fault, and recovery tells the truth`, async function () {
    this.timeout(Math.max(600_000, SEEDS * 3_000));
    const report = await runInWorkers({ from: FROM, seeds: SEEDS, mutants: [] }, 2);
    const text = renderReport(report);
    assert.deepEqual(report.failures, [], text);
    assert.ok(report.events >= SEEDS * EVENTS_PER_SEED, text);
    if (SEEDS >= 400) assert.deepEqual(missingCounters(report), [], text);
    console.log(`      ${text.split('\n')[0]}`);
  });
});
