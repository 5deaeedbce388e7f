// npm test: builds what the command line tests run, then all of test/ under mocha. The last line is
// `N passed, N failed`, with `, N skipped` where tests were skipped. Arguments go to mocha (files, --grep ...).
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

// The files are named here and not in .mocharc.json: mocha adds those of its configuration to those it is given.
const files = process.argv.slice(2).some((argument) => argument.endsWith('.test.ts')) ? [] : ['test/**/*.test.ts'];
const root = path.resolve(import.meta.dirname, '..');
const totalsFile = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-totals-')), 'totals.json');

function run(script, args, env = {}) {
  const done = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  return done.status ?? 1;
}

function readTotals() {
  try {
    return JSON.parse(fs.readFileSync(totalsFile, 'utf8'));
  } catch {
    return null; // mocha ended before it could report
  } finally {
    fs.rmSync(path.dirname(totalsFile), { recursive: true, force: true });
  }
}

const built = run('scripts/build.mjs', []);
const code =
  built === 0
    ? run('node_modules/mocha/bin/mocha.js', ['--parallel', '--jobs', '2', '--reporter', './scripts/mocha-summary.cjs', ...process.argv.slice(2), ...files], {
        RAFT_INSPECTOR_TEST_TOTALS: totalsFile,
      })
    : built;
const totals = readTotals();
const passed = totals?.passes ?? 0;
const failed = totals?.failures ?? 0;
const skipped = totals?.pending ?? 0;
if (totals === null) console.error(built === 0 ? 'The test run ended without a report.' : 'The build failed: no test was run.');
else if (passed + failed === 0) console.error('No test was run.');
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = totals === null || passed + failed === 0 ? 1 : failed > 0 || code !== 0 ? 1 : 0;
