// The long variants of the tests: every corpus case byte for byte, 20,000 damaged inputs per reader, 20,000 simulated clusters,
// hundreds of kill -9 and failovers on real processes, drills, more live rounds.
// `node scripts/long.mjs [fuzz seed]`; takes two to three hours on two cores and is no part of `npm test`.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const seed = process.argv[2] ?? String(Date.now() % 2 ** 31);
const runs = [
  { title: 'read-only, all cases, bytes compared', files: ['test/read-only/corpus.test.ts'], env: { RAFT_INSPECTOR_LONG: '1' } },
  { title: `fuzz, 20000 inputs per reader, seed ${seed}`, files: ['test/fuzz/campaign.test.ts'], env: { RAFT_INSPECTOR_FUZZ_COUNT: '20000', RAFT_INSPECTOR_FUZZ_SEED: seed } },
  { title: 'lab: kill -9 at random moments, 300 times', files: ['test/lab/kill-loop.test.ts'], env: { RAFT_INSPECTOR_KILLS: '300' } },
  { title: 'lab: failover, 100 runs, each under a second', files: ['test/lab/failover.test.ts'], env: { RAFT_INSPECTOR_FAILOVERS: '100', RAFT_INSPECTOR_FAILOVER_LIMIT_MS: '1000' } },
  { title: 'lab: parted 3 | 2 for ten seconds, 5 runs of each kind', files: ['test/lab/partition.test.ts'], env: { RAFT_INSPECTOR_PARTITIONS: '5', RAFT_INSPECTOR_PARTITION_MS: '10000', RAFT_INSPECTOR_JUDGE_TIME: '1' } },
  { title: 'drills: each loss of a majority 20 times, every other scenario once', files: ['test/lab/drills.test.ts'], env: { RAFT_INSPECTOR_DRILLS: '20', RAFT_INSPECTOR_DRILL_SCENARIOS: 'all', RAFT_INSPECTOR_JUDGE_TIME: '1' } },
  { title: 'apply, undo, restore: stopped at every call, twice deep', files: ['test/crash/apply-recorded.test.ts', 'test/crash/apply-killed.test.ts', 'test/crash/corpus-killed.test.ts'], env: { RAFT_INSPECTOR_CRASH: 'long' } },
  { title: `simulator, 20000 seeds from ${Number(seed) * 100_000}`, files: ['test/engine/sim/campaign.test.ts'], env: { RAFT_INSPECTOR_SIM_SEEDS: '20000', RAFT_INSPECTOR_SIM_FROM: String(Number(seed) * 100_000) } },
  { title: 'live: real etcd loses its majority 10 times, the survivor is recovered', files: ['test/live/etcd-recovery.test.ts'], env: { RAFT_INSPECTOR_RECOVERY_ROUNDS: '10' } },
  { title: 'live, 60 rounds', files: ['test/live/etcd.test.ts'], env: { RAFT_INSPECTOR_LIVE_ROUNDS: '60' } },
];

let failed = 0;
for (const { title, files, env } of runs) {
  console.log(`\n== ${title}`);
  const done = spawnSync(process.execPath, ['scripts/test.mjs', ...files], { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  if (done.status !== 0) failed += 1;
}
console.log(`${runs.length - failed} long runs passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
