import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { dump } from 'js-yaml';
import { catalogue, scenarioOf } from '../../src/engine/drill/scenarios/index.ts';
import type { DrillRecord } from '../../src/engine/model/drill-record.ts';
import { BIN, type Envelope } from '../helpers/cli.ts';
import { pause } from '../helpers/pause.ts';
import { ensureBuilt } from '../helpers/run-cli.ts';
import { programMissing, skipWithout } from '../helpers/skip-without.ts';

/** How often each loss of a majority is drilled; the long script says 20. */
const RUNS = Number(process.env['RAFT_INSPECTOR_DRILLS'] ?? 1);
/** The others, one after the other, or `all` that need no list of faults; in CI a few stand for them. */
const ASKED = process.env['RAFT_INSPECTOR_DRILL_SCENARIOS'] ?? 'leader-kill-inflight,backup-only,conf-change-kill';
const OTHERS = ASKED === 'all' ? catalogue().map((one) => one.name).filter((name) => name !== 'faults' && !name.startsWith('quorum-loss')) : ASKED.split(',').filter((name) => name !== '');
/** A busy machine must not decide: safety is judged here, and times are printed. The long script judges times as well. */
const PATIENT: Record<string, number> = process.env['RAFT_INSPECTOR_JUDGE_TIME'] === '1' ? {} : { rtoMs: 600_000, electionMs: 60_000, failureRatePercent: 100, replicaLag: 1_000_000 };
const LOAD = { rate: 200, clients: 32, timeoutMs: 3000 };
/** A machine that is too busy for a hundred operations a second makes a run void: it is done again. */
const ATTEMPTS = 3;

function tell(record: DrillRecord): void {
  console.error(`      ${record.drillId}  seed ${record.seed}  ${record.verdict}  RTO ${record.rtoMs ?? '-'} ms  election ${record.electionMs ?? '-'} ms  lost ${record.rpo.lost} of ${record.rpo.acknowledged}  ${(record.durationMs / 1000).toFixed(0)} s  load average ${os.loadavg()[0]?.toFixed(1)}`);
  for (const one of record.checks.filter(({ ok }) => ok === false)) console.error(`        ${one.name}: ${one.detail}`);
}

describe(`lab: drills on real processes, each loss of a majority ${RUNS} time${RUNS > 1 ? 's' : ''}`, function () {
  this.timeout(300_000 * Math.max(1, RUNS));
  let root: string;
  let files = 0;

  before(() => {
    ensureBuilt();
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-test-drills-'));
    fs.mkdirSync(path.join(root, 'tmp'));
  });
  after(() => fs.rmSync(root, { recursive: true, force: true }));

  /** The tool in a process of its own, its scratch where the test can see it; `interruptAt` is a phase at whose beginning Ctrl-C is pressed. */
  async function start(args: readonly string[], interruptAt?: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const child = spawn(process.execPath, [BIN, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1', TMPDIR: path.join(root, 'tmp') } });
    const out = { stdout: '', stderr: '' };
    let isInterrupted = false;
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (out.stdout += piece));
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      out.stderr += piece;
      if (interruptAt === undefined || isInterrupted || !out.stderr.includes(interruptAt)) return;
      isInterrupted = child.kill('SIGINT');
    });
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, ...out };
  }

  async function run(scenario: string, more: Record<string, unknown> = {}): Promise<{ code: number | null; record: DrillRecord }> {
    const file = path.join(root, `drill-${(files += 1)}.yaml`);
    // Only what the scenario itself measures: an objective that cannot be measured is missed.
    const objectives = Object.fromEntries(Object.entries(scenarioOf(scenario).limits).map(([name, limit]) => [name, PATIENT[name] ?? limit]));
    fs.writeFileSync(file, dump({ scenario, load: { ...LOAD, ...scenarioOf(scenario).load }, objectives, ...more }));
    for (let attempt = 1; ; attempt += 1) {
      const { code, stdout, stderr } = await start(['drill', 'run', file, '--json', '--out', path.join(root, `results-${files}-${attempt}`)]);
      assert.notEqual(stdout, '', stderr);
      const { data: record } = JSON.parse(stdout) as Envelope<DrillRecord>;
      assert.ok(record !== null, stdout + stderr);
      tell(record);
      if (record.verdict !== 'could-not-run' || attempt === ATTEMPTS || more['load'] !== undefined) return { code, record };
    }
  }

  /** Processes and directories that a run left behind. */
  const left = (): string[] => [...fs.readdirSync(path.join(root, 'tmp')).filter((name) => name.startsWith('raft-inspector-')), ...spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).stdout.split('\n').filter((line) => line.includes(path.join(root, 'tmp')))];

  for (const nodes of [3, 5] as const) {
    it(`${nodes} members lose their majority and come back: nothing lost that the survivors held, none done twice, the verdict is the truth`, async () => {
      for (let at = 0; at < RUNS; at += 1) {
        const { code, record } = await run(`quorum-loss-${nodes}`);
        assert.deepEqual([code, record.verdict, record.problem], [0, 'pass', null]);
        assert.deepEqual([record.rpo.lost, record.rpo.duplicated], [0, 0]);
        assert.ok(record.rpo.acknowledged > 200, `${record.rpo.acknowledged} writes`);
        const grown = Array.from({ length: nodes - 1 }, () => 'grow');
        assert.deepEqual(record.phases.map((one) => one.name.split(' ')[0]), ['prepare', 'load', 'lose', 'stop', 'identify', 'rebuild', 'check', 'reopen', ...grown, 'return', 'verify']);
        for (const name of ['the verdict on the loss agrees with the truth', 'the rebuilt cluster is verified', 'an old member that returns is refused', `all ${nodes} members hold the same state`, 'every acknowledged write is read back', 'the order of the log is the order clients saw', 'the history is linearizable']) {
          assert.equal(record.checks.find((one) => one.name === name)?.ok, true, name);
        }
        assert.ok(record.rtoMs !== null && record.rtoMs > 0);
        assert.ok(record.timeline.brackets.some((one) => one.name === 'no service') && record.timeline.brackets.some((one) => one.name === 'no redundancy'));
        assert.ok(record.steps.some((one) => one.command.startsWith('raft-inspector recover apply')), 'steps name the commands that do the same by hand');
      }
      assert.deepEqual(left(), [], 'nothing is left behind');
    });
  }

  it('real etcd: three members lose their majority, the survivor is recovered in place and grown back, with equal hashes', async function () {
    skipWithout(this, programMissing('etcd', '--version'));
    const { code, record } = await run('quorum-loss-3', { engine: 'etcd' });
    assert.deepEqual([code, record.verdict, record.problem], [0, 'pass', null]);
    assert.deepEqual([record.rpo.lost, record.rpo.duplicated], [0, 0]);
    assert.equal(record.checks.find((one) => one.name === 'all 3 members hold the same state')?.ok, true);
    assert.deepEqual(left(), []);
  });

  for (const scenario of OTHERS) {
    it(scenario, async () => {
      const { code, record } = await run(scenario);
      assert.deepEqual([code, record.verdict, record.problem], [0, 'pass', null]);
      assert.equal(record.rpo.duplicated, 0);
    });
  }

  it('leaves record, client history and the report in every form, and the artefacts have the hashes that the record names', async () => {
    const results = path.join(root, 'results-1-1');
    assert.deepEqual(fs.readdirSync(results).sort(), ['drill.yaml', 'history.ndjson', 'junit.xml', 'record.json', 'report.html', 'report.md']);
    const { artefacts } = JSON.parse(fs.readFileSync(path.join(results, 'record.json'), 'utf8')) as DrillRecord;
    const sums = artefacts.map(({ sha256, name }) => `${sha256}  ${name}\n`).join('');
    const checked = spawnSync('sha256sum', ['-c', '-'], { cwd: results, input: sums, encoding: 'utf8' });
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
    assert.ok(fs.statSync(path.join(results, 'report.html')).size < 300 * 1024);
    const again = await start(['drill', 'report', results, '--format', 'html']);
    assert.equal(again.stdout.trim(), fs.readFileSync(path.join(results, 'report.html'), 'utf8').trim());
  });

  it('a check of the operator that fails fails the drill with exit 3; one that looks at the cluster can', async () => {
    const probe = `${process.execPath} ${BIN} kv get drill/0/1 --lab "$RAFT_INSPECTOR_LAB" --json > /dev/null`;
    const { code, record } = await run('faults', { faults: [{ kind: 'pause', target: 'follower', forMs: 500 }], checks: [probe, 'echo out of bounds; exit 7'] });
    assert.equal(record.checks.find((one) => one.name.includes('kv get'))?.ok, true);
    assert.deepEqual([code, record.verdict], [3, 'fail']);
    assert.match(record.problem ?? '', /out of bounds/);
  });

  it('an objective that is missed is exit 10', async () => {
    const { code, record } = await run('leader-killed', { objectives: { electionMs: 1 } });
    assert.deepEqual([code, record.verdict], [10, 'fail']);
    assert.match(record.problem ?? '', /objective electionMs missed/);
  });

  it('too little traffic before the fault makes a run void: exit 11', async () => {
    const { code, record } = await run('leader-killed', { load: { clients: 1, rate: 20, warmupMs: 300 } });
    assert.deepEqual([code, record.verdict], [11, 'could-not-run']);
    assert.match(record.problem ?? '', /below 100/);
    assert.deepEqual([record.rpo.lost, record.rpo.duplicated], [null, null], 'nothing was counted');
  });

  for (const phase of ['load', 'grow']) {
    it(`Ctrl-C (in ${phase}) ends every process and removes everything: exit 5`, async () => {
      const { code, stderr } = await start(['drill', 'run', 'quorum-loss-3'], `  ${phase}`);
      await pause(200);
      assert.equal(code, 5, stderr);
      assert.match(stderr, /interrupted; everything that the drill had started was ended/);
      assert.deepEqual(left(), []);
    });
  }
});
