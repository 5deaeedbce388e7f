import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import readline from 'node:readline';
import type { Failure } from './campaign.ts';

/** `npm test` damages 500 inputs per reader; scripts/long.mjs asks for more through the environment. */
const COUNT = Number(process.env['RAFT_INSPECTOR_FUZZ_COUNT'] ?? 500);
const SEED = Number(process.env['RAFT_INSPECTOR_FUZZ_SEED'] ?? 20261121);
/** No single input may hold a reader up for this long. */
const SILENCE_MS = 30_000;
/** Small members need little; a length taken on trust would need gigabytes. */
const MEMORY_MIB = 512;

interface Line {
  round?: number;
  failure?: Failure;
  done?: number;
  maxRssMiB?: number;
  openFiles?: number;
}

interface CampaignResult {
  failures: Failure[];
  done: Line | null;
  lastRound: string;
  ended: string;
  stderr: string;
}

/** Runs a campaign in a process of its own, with little heap, and ends it when it falls silent. */
async function campaign(reader: string): Promise<CampaignResult> {
  const child = spawn(process.execPath, ['--max-old-space-size=256', '--import', 'tsx', path.join(import.meta.dirname, 'campaign.ts'), reader, String(SEED), String(COUNT)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const result: CampaignResult = { failures: [], done: null, lastRound: '', ended: '', stderr: '' };
  let watchdog = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS * 2);
  child.stderr.on('data', (text: Buffer) => (result.stderr = (result.stderr + text.toString()).slice(-2000)));
  const closed = new Promise<string>((resolve) => child.once('close', (code, signal) => resolve(`exit ${code}, signal ${signal}`)));
  for await (const text of readline.createInterface({ input: child.stdout })) {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS);
    const line = JSON.parse(text) as Line;
    if (line.failure !== undefined) result.failures.push(line.failure);
    if (line.done !== undefined) result.done = line;
    if (line.round !== undefined) result.lastRound = text;
  }
  clearTimeout(watchdog);
  result.ended = await closed;
  return result;
}

describe(`fuzz: ${COUNT} damaged inputs per reader, seed ${SEED}`, function () {
  this.timeout(Math.max(180_000, COUNT * 200));
  for (const reader of ['etcd', 'raft-boltdb', 'raft-wal', 'native', 'snapshots']) {
    it(`${reader}: no crash, hang, swollen memory, left-open file or silently changed answer`, async () => {
      const { failures, done, lastRound, ended, stderr } = await campaign(reader);
      assert.deepEqual(failures.slice(0, 10), [], `${failures.length} failures`);
      assert.ok(done !== null, `ended early (${ended}) at ${lastRound}\n${stderr}`);
      assert.equal(done.done, COUNT);
      assert.ok((done.maxRssMiB ?? Infinity) < MEMORY_MIB, `${done.maxRssMiB} MiB resident`);
      assert.ok((done.openFiles ?? Infinity) < 40, `${done.openFiles} files left open`);
    });
  }
});
