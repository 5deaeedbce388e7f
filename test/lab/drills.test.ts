import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { drillSchema } from '../../src/engine/drill/drill-file.ts';
import { readRecord } from '../../src/engine/drill/record-file.ts';
import { runDrill } from '../../src/engine/drill/run.ts';
import { InterruptedError } from '../../src/engine/drill/world.ts';
import type { DrillRecord } from '../../src/engine/model/drill-record.ts';
import { BIN, ensureBuilt, ROOT } from '../helpers/run-cli.ts';

/** How often each loss of a majority is drilled; the long script says 20. */
const RUNS = Number(process.env['RAFT_INSPECTOR_DRILLS'] ?? 1);
/** The others, one after the other; in between a few cheap ones stand for all. */
const OTHERS = (process.env['RAFT_INSPECTOR_DRILL_SCENARIOS'] ?? 'leader-kill-inflight,backup-only').split(',').filter((name) => name !== '');
const tool = { program: [process.execPath, BIN] as const, supervisor: path.join(ROOT, 'dist/cli/lab-supervisor.js'), version: '0.0.0-test' };
/** A busy machine must not decide: safety is judged here, and times are printed. */
const PATIENT = { rtoMs: 600_000, electionMs: 60_000, failureRatePercent: 100, replicaLag: 1_000_000 };
const LOAD = { rate: 250, clients: 32, timeoutMs: 3000 };
/** A machine that is too busy for a hundred operations a second makes a run void: it is done again. */
const ATTEMPTS = 3;

function tell(record: DrillRecord): void {
  const failed = record.checks.filter((one) => one.ok === false).map((one) => `${one.name}: ${one.detail}`);
  console.error(`      ${record.drillId}  seed ${record.seed}  ${record.verdict}  RTO ${record.rtoMs ?? '-'} ms  election ${record.electionMs ?? '-'} ms  lost ${record.rpo.lost} of ${record.rpo.acknowledged}  ${(record.durationMs / 1000).toFixed(0)} s  load average ${os.loadavg()[0]?.toFixed(1)}`);
  for (const one of failed) console.error(`        ${one}`);
}

const scratchLeft = (): string[] => fs.readdirSync(os.tmpdir()).filter((name) => name.startsWith('raft-inspector-drill-'));

async function run(scenario: string, more: Record<string, unknown> = {}, signal = new AbortController().signal, onPhase?: (name: string) => void): Promise<DrillRecord> {
  const file = drillSchema.parse({ scenario, load: LOAD, objectives: PATIENT, ...more });
  for (let attempt = 1; ; attempt += 1) {
    const record = await runDrill({ file, text: `scenario: ${scenario}\n` }, { tool, signal, onPhase });
    tell(record);
    if (record.verdict !== 'could-not-run' || attempt === ATTEMPTS || file.load.rate < 100) return record;
  }
}

describe(`lab: drills on real processes, each loss of a majority ${RUNS} time${RUNS > 1 ? 's' : ''}`, function () {
  this.timeout(300_000 * Math.max(1, RUNS));
  before(() => ensureBuilt());

  for (const nodes of [3, 5] as const) {
    it(`${nodes} members lose their majority and come back: nothing lost that the survivors held, none done twice, the verdict is the truth`, async () => {
      const left = scratchLeft();
      for (let at = 0; at < RUNS; at += 1) {
        const record = await run(`quorum-loss-${nodes}`);
        assert.deepEqual([record.verdict, record.problem], ['pass', null]);
        assert.deepEqual([record.rpo.lost, record.rpo.duplicated], [0, 0]);
        assert.ok(record.rpo.acknowledged > 200, `${record.rpo.acknowledged} writes`);
        const grown = Array.from({ length: nodes - 1 }, () => 'grow');
        assert.deepEqual(record.phases.map((one) => one.name.split(' ')[0]), ['prepare', 'load', 'lose', 'stop', 'identify', 'rebuild', 'check', 'reopen', ...grown, 'return', 'verify']);
        for (const name of ['the verdict on the loss agrees with the truth', 'the rebuilt cluster is verified', 'an old member that returns is refused', `all ${nodes} members hold the same state`, 'every acknowledged write is read back', 'the order of the log is the order clients saw']) {
          assert.equal(record.checks.find((one) => one.name === name)?.ok, true, name);
        }
        assert.ok(record.rtoMs !== null && record.rtoMs > 0);
        assert.ok(record.timeline.brackets.some((one) => one.name === 'no service') && record.timeline.brackets.some((one) => one.name === 'no redundancy'));
        assert.ok(record.steps.some((one) => one.command.startsWith('raft-inspector recover apply')), 'steps name the commands that do the same by hand');
      }
      assert.deepEqual(scratchLeft(), left, 'nothing is left behind');
    });
  }

  for (const scenario of OTHERS) {
    it(scenario, async () => {
      const record = await run(scenario);
      assert.deepEqual([record.verdict, record.problem], ['pass', null]);
      assert.equal(record.rpo.duplicated, 0);
      // Its record can be read again, as written.
      const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'drill-record-')), 'record.json');
      try {
        fs.writeFileSync(file, JSON.stringify(record));
        assert.deepEqual(readRecord(file), JSON.parse(JSON.stringify(record)));
      } finally {
        fs.rmSync(path.dirname(file), { recursive: true });
      }
    });
  }

  it('a check of the operator that fails fails the drill; one that looks at the cluster can', async () => {
    const probe = `${process.execPath} ${BIN} kv get drill/0/1 --lab "$RAFT_INSPECTOR_LAB" --json > /dev/null`;
    const record = await run('faults', { faults: [{ kind: 'pause', target: 'follower', forMs: 500 }], checks: [probe, 'echo out of bounds; exit 7'], load: { ...LOAD, warmupMs: 1200 } });
    assert.equal(record.checks.find((one) => one.name.includes('kv get'))?.ok, true);
    assert.equal(record.verdict, 'fail');
    assert.match(record.problem ?? '', /out of bounds/);
  });

  it('too little traffic before the fault makes a run void', async () => {
    const record = await run('leader-killed', { load: { clients: 1, rate: 20, warmupMs: 300 } });
    assert.equal(record.verdict, 'could-not-run');
    assert.match(record.problem ?? '', /below 100/);
  });

  it('an interrupt ends every process and removes everything', async () => {
    const left = scratchLeft();
    const stop = new AbortController();
    await assert.rejects(
      run('quorum-loss-3', {}, stop.signal, (name) => (name === 'lose the majority' ? stop.abort() : undefined)),
      InterruptedError,
    );
    assert.deepEqual(scratchLeft(), left);
  });
});
