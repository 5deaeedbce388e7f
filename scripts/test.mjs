// npm test: builds what the command line tests run, then all of test/ under mocha. The last line is
// `N passed, N failed`, with `, N skipped` where tests were skipped. Arguments go to mocha (files, --grep ...).
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const given = process.argv.slice(2);
// The simulator forbids clocks and timers to its whole process while it runs: what tests of real servers leave behind in a worker must not meet
// it, so its tests are a run of their own. The files are named here and not in .mocharc.json: mocha adds those of its configuration to those it
// is given.
const SIMULATOR = 'test/engine/sim/**/*.test.ts';
const runs = given.some((argument) => argument.endsWith('.test.ts')) ? [[]] : [[SIMULATOR], ['test/**/*.test.ts', '--ignore', SIMULATOR]];
const root = path.resolve(import.meta.dirname, '..');

function run(script, args, env = {}) {
  const done = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  return done.status ?? 1;
}

/** Runs mocha once; `totals` is null when it ended before it could report. */
function mocha(args) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-totals-'));
  const file = path.join(directory, 'totals.json');
  try {
    const code = run('node_modules/mocha/bin/mocha.js', ['--parallel', '--jobs', '2', '--reporter', './scripts/mocha-summary.cjs', ...given, ...args], { RAFT_INSPECTOR_TEST_TOTALS: file });
    return { code, totals: fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : null };
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

const built = run('scripts/build.mjs', []);
const results = built === 0 ? runs.map(mocha) : [];
const sum = (name) => results.reduce((total, { totals }) => total + (totals?.[name] ?? 0), 0);
const [passed, failed, skipped] = [sum('passes'), sum('failures'), sum('pending')];
const isBroken = results.length === 0 || results.some(({ totals }) => totals === null);
if (isBroken) console.error(built === 0 ? 'The test run ended without a report.' : 'The build failed: no test was run.');
else if (passed + failed === 0) console.error('No test was run.');
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = isBroken || passed + failed === 0 || failed > 0 || results.some(({ code }) => code !== 0) ? 1 : 0;
