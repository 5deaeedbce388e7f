import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { LmdbKvStore } from '../../../src/engine/adapters/lmdb-kv-store.ts';
import { LogStorage } from '../../../src/engine/storage/log-storage.ts';
import { ROOT } from '../../helpers/run-cli.ts';
import { programMissing, skipSaying, skipWithout } from '../../helpers/skip-without.ts';
import { roundPayload } from '../../helpers/storage-child.ts';
import { scratch } from './beds.ts';
import { newStorage } from './storage-fixtures.ts';

const CHILD = ['--import', 'tsx', path.join(ROOT, 'test/helpers/storage-child.ts')];

/** A container may forbid to trace, in CI as well; a missing tracer is another matter. */
function skipWithoutTrace(test: Mocha.Context): void {
  skipWithout(test, programMissing('strace', '-V'));
  if (programMissing('strace', '-o', '/dev/null', 'true') !== null) skipSaying(test, 'this machine forbids to trace processes');
}

async function prepared(directory: string): Promise<void> {
  const storage = await newStorage(await LmdbKvStore.open(directory));
  await storage.close();
}

/** Runs a child that commits, kills it after `lines` reports and a little, and gives the last report that came out. */
async function killedAfter(directory: string, lines: number, delayMs: number): Promise<{ last: number; round: number }> {
  const child = spawn(process.execPath, [...CHILD, 'commit', directory], { stdio: ['ignore', 'pipe', 'inherit'], cwd: ROOT });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let [seen, report] = [0, ''];
  for await (const line of createInterface({ input: child.stdout })) {
    report = line;
    if (++seen === lines) setTimeout(() => child.kill('SIGKILL'), delayMs);
  }
  await exited;
  const [last = NaN, round = NaN] = report.split(' ').map(Number);
  return { last, round };
}

describe('LMDB on a real disk', () => {
  it('I10: nothing reported is missing after SIGKILL, ten times', async function () {
    this.timeout(120_000);
    const directory = await scratch('kill');
    try {
      await prepared(directory);
      for (let n = 0; n < 10; n++) {
        const report = await killedAfter(directory, 20 + n * 13, n % 4);
        const storage = new LogStorage(await LmdbKvStore.open(directory));
        const { log, hardState } = await storage.open();
        const last = log.sizes.length;
        assert.equal(hardState.term, report.round);
        // Of what was not reported at most one commit may be there; it may have taken one entry back and brought others.
        assert.ok(last >= report.last && last <= report.last + 5, `reported ${report.last}, found ${last}`);
        const newest = storage.entries(Math.max(2, report.last - 30), last + 1, Number.MAX_SAFE_INTEGER);
        for (const one of newest) assert.equal(Buffer.from(one.payload).toString(), roundPayload(one.index, one.term));
        await storage.close();
      }
    } finally {
      await fs.rm(directory, { recursive: true });
    }
  });

  it('B22: pages, fdatasync, then the synchronous meta page, before a commit is reported', async function () {
    this.timeout(60_000);
    skipWithoutTrace(this);
    const directory = await scratch('trace');
    try {
      await prepared(directory);
      const trace = path.join(directory, 'trace');
      const traced = ['-f', '-y', '-e', 'trace=write,pwrite64,pwritev,fdatasync', '-o', trace, process.execPath, ...CHILD, 'three', directory];
      assert.equal(spawnSync('strace', traced, { cwd: ROOT, encoding: 'utf8' }).status, 0);
      const calls = (await fs.readFile(trace, 'utf8')).split('\n').flatMap((line) => {
        if (/write\(1<.*"\d+ \d+\\n"/.test(line)) return ['report'];
        const call = /(pwrite64|pwritev|fdatasync)\(\d+<[^>]*data\.mdb>/.exec(line)?.[1];
        if (call === undefined) return [];
        // Only the meta page is written in part: 128 bytes within the first two pages.
        return [call === 'fdatasync' ? 'sync' : line.endsWith(' = 128') ? 'meta' : 'pages'];
      });
      const commits = calls.join(' ').split('report').slice(0, 3);
      for (const commit of commits) assert.match(commit.trim(), /(pages )+sync meta$/);
      assert.equal(calls.filter((one) => one === 'report').length, 3);
    } finally {
      await fs.rm(directory, { recursive: true });
    }
  });

  it('B1: a slow fsync never holds up the event loop, and with it heartbeats: not even where a new segment begins', async function () {
    this.timeout(60_000);
    skipWithoutTrace(this);
    const directory = await scratch('slow');
    try {
      const slow = ['-f', '-qq', '-e', 'trace=fdatasync,fsync', '-e', 'inject=fdatasync,fsync:delay_enter=800000', '-o', '/dev/null', process.execPath, ...CHILD, 'tables', directory];
      const { stdout, stderr, status } = spawnSync('strace', slow, { cwd: ROOT, encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      const { stallMs, commitMs } = JSON.parse(stdout) as { stallMs: number; commitMs: number };
      assert.ok(commitMs >= 800, `a commit took ${commitMs} ms`);
      assert.ok(stallMs < 780, `the event loop stood still for ${stallMs} ms`);
    } finally {
      await fs.rm(directory, { recursive: true });
    }
  });

  /** What the child tells once its commits fail. */
  function filled(command: string, args: readonly string[]): { last: number; told: string[] } {
    const child = spawnSync(command, args, { encoding: 'utf8', cwd: ROOT });
    assert.equal(child.status, 0, child.stderr);
    return JSON.parse(child.stdout) as { last: number; told: string[] };
  }

  async function lastEntry(directory: string): Promise<number> {
    const storage = new LogStorage(await LmdbKvStore.open(directory));
    const { log } = await storage.open();
    await storage.close();
    return log.sizes.length;
  }

  it('B22, I21: a file that may not grow fails the commit and all after it; what was reported is there', async function () {
    this.timeout(60_000);
    const directory = await scratch('limit');
    try {
      await prepared(directory);
      const { last, told } = filled('bash', ['-c', 'trap "" XFSZ; ulimit -f 2000; exec "$0" "$@"', process.execPath, ...CHILD, 'fill', directory]);
      assert.deepEqual(told, ['commit: failed io', 'again: failed io', 'read: failed io']);
      assert.ok(last > 10);
      assert.equal(await lastEntry(directory), last);
    } finally {
      await fs.rm(directory, { recursive: true });
    }
  });

  it('B22, I21: a full file system says so', async function () {
    this.timeout(60_000);
    const directory = await scratch('full');
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', directory]).status !== 0) {
      await fs.rm(directory, { recursive: true });
      skipSaying(this, 'only root may mount a file system');
    }
    try {
      await prepared(path.join(directory, 'raft'));
      const { last, told } = filled(process.execPath, [...CHILD, 'fill', path.join(directory, 'raft')]);
      assert.deepEqual(told, ['commit: failed full', 'again: failed full', 'read: failed full']);
      spawnSync('mount', ['-o', 'remount,size=6m', directory]);
      assert.equal(await lastEntry(path.join(directory, 'raft')), last);
    } finally {
      spawnSync('umount', [directory]);
      await fs.rm(directory, { recursive: true });
    }
  });
});
