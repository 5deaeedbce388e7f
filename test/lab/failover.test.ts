import assert from 'node:assert/strict';
import os from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ensureBuilt } from '../helpers/run-cli.ts';
import { TestLab, until } from '../helpers/lab.ts';
import { Load } from '../helpers/load.ts';

const RUNS = Number(process.env['RAFT_INSPECTOR_FAILOVERS'] ?? 3);
/** Judged by the long script only: a shared machine says nothing about time. */
const LIMIT_MS = process.env['RAFT_INSPECTOR_FAILOVER_LIMIT_MS'] === undefined ? null : Number(process.env['RAFT_INSPECTOR_FAILOVER_LIMIT_MS']);
const MAX_REPEATS = RUNS * 3;
const MIN_WRITES_PER_SECOND = 100;

interface Run {
  /** From the kill to the next acknowledged write. */
  readonly electionMs: number;
  readonly load: number;
  readonly loopDelayMs: number;
  readonly writesPerSecond: number;
}

describe(`lab: kill -9 of the leader to the next acknowledged write, ${RUNS} runs`, function () {
  this.timeout(60_000 + (RUNS + MAX_REPEATS) * 15_000);
  let lab: TestLab;

  before(async () => {
    ensureBuilt();
    lab = await TestLab.up(3);
  });
  after(() => lab?.end());

  /** Writes per second over the last half second. */
  const rate = (load: Load): number => load.ackTimes.filter((at) => at > performance.now() - 500).length * 2;

  async function failover(number: number): Promise<Run> {
    const load = new Load(lab.connection, { writers: 8, prefix: `failover-${number}/`, timeoutMs: 5000 }).start();
    const delay = monitorEventLoopDelay({ resolution: 10 });
    try {
      await until('100 writes a second before the fault', () => rate(load) >= MIN_WRITES_PER_SECOND, 30_000);
      const leader = await lab.leader();
      const writesPerSecond = rate(load);
      const [loadAverage = 0] = os.loadavg();
      delay.enable();
      const killedAt = performance.now();
      await lab.order({ kind: 'kill', ids: [leader], signal: 'SIGKILL' });
      // Acknowledgements that were on their way when the process died count for the old leader: the first one after a gap is the new one's.
      const gone = performance.now();
      const ack = await until('a write acknowledged by a new leader', () => load.ackTimes.find((at) => at > gone), 20_000);
      delay.disable();
      await load.stop();
      await lab.order({ kind: 'start', id: leader });
      await lab.settled();
      await load.verify();
      const status = await lab.status();
      assert.equal(status.members.find((one) => one.id === leader)?.role === 'leader', false, 'the old leader comes back as a follower');
      return { electionMs: ack - killedAt, load: loadAverage, loopDelayMs: delay.max / 1e6, writesPerSecond };
    } finally {
      load.close();
    }
  }

  it(`nothing acknowledged is lost${LIMIT_MS === null ? '; times are printed' : `, and every run takes less than ${LIMIT_MS} ms`}`, async () => {
    const runs: Run[] = [];
    let repeated = 0;
    while (runs.length < RUNS) {
      const [before = 0] = os.loadavg();
      const run = await failover(runs.length + repeated);
      // A run that began on a machine with more work than cores measures that machine: it is done again, and counted.
      if (LIMIT_MS !== null && before > os.availableParallelism() && repeated < MAX_REPEATS) repeated += 1;
      else runs.push(run);
    }
    const sorted = runs.map((one) => one.electionMs).sort((a, b) => a - b);
    const at = (share: number): string => (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(0);
    console.error(`      ${sorted.length} runs, ${repeated} repeated: min ${at(0)}, p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, max ${at(1)} ms`);
    for (const one of RUNS <= 10 ? runs : runs.filter(({ electionMs }) => electionMs > Number(at(0.9)))) {
      console.error(`      ${one.electionMs.toFixed(0)} ms  load average ${one.load.toFixed(2)}  event loop delay ${one.loopDelayMs.toFixed(0)} ms  ${one.writesPerSecond} writes/s before`);
    }
    if (LIMIT_MS !== null) assert.deepEqual(runs.filter((one) => one.electionMs >= LIMIT_MS), []);
  });
});
