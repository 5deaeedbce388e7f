// Start-up times against bare Node: medians of alternating runs, so that a busy machine disturbs all alike.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';

const RUNS = Number(process.argv[2] ?? 15);
const bin = path.resolve(import.meta.dirname, '../bin/run.js');
const cases = { 'node -e 0': ['-e', '0'], '--version': [bin, '--version'], version: [bin, 'version'], help: [bin, '--help'], 'inspect stores': [bin, 'inspect', 'stores'] };
const times = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
for (let run = 0; run < RUNS; run += 1) {
  for (const [name, argv] of Object.entries(cases)) {
    const startedAt = process.hrtime.bigint();
    spawnSync(process.execPath, argv, { stdio: 'ignore' });
    times[name].push(Number(process.hrtime.bigint() - startedAt) / 1e6);
  }
}
const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
const bare = median(times['node -e 0']);
for (const [name, list] of Object.entries(times)) {
  const value = median(list);
  process.stdout.write(`${name.padEnd(16)}${value.toFixed(0).padStart(6)} ms  x${(value / bare).toFixed(2)}\n`);
}
