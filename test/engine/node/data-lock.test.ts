import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { RefusedError } from '../../../src/engine/errors.ts';
import { encodeLockRecord, type HostFacts, type LockRecord, parseLockRecord } from '../../../src/engine/native/lock-record.ts';
import { keepBallast } from '../../../src/engine/node/ballast.ts';
import { DataLock } from '../../../src/engine/adapters/data-lock.ts';
import { thisHost } from '../../../src/engine/adapters/host-facts.ts';
import { LineLog } from '../../../src/engine/node/line-log.ts';

const facts = (running: Record<number, number>, over: Partial<HostFacts> = {}): HostFacts => ({ host: 'h1', bootId: 'boot-1', startTicksOf: (pid) => running[pid] ?? null, ...over });
const refusal = (rule: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof RefusedError, String(error));
  assert.equal(error.rule, rule);
  assert.match(error.message, message);
  return true;
};

describe('lock of a data directory', () => {
  let directory: string;
  beforeEach(() => (directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-lock-'))));
  afterEach(() => fs.rmSync(directory, { recursive: true }));
  const record = (): LockRecord => parseLockRecord(fs.readFileSync(path.join(directory, 'LOCK')));

  it('is taken once, names its holder, and goes with it', () => {
    const lock = DataLock.take(directory);
    assert.equal(record().pid, process.pid);
    assert.equal(record().startTicks, thisHost.startTicksOf(process.pid));
    assert.throws(() => DataLock.take(directory), refusal('directory-in-use', new RegExp(`in use by process ${process.pid} on `)));
    assert.ok(lock.isHeld());
    lock.release();
    assert.deepEqual(fs.readdirSync(directory), []);
    DataLock.take(directory).release();
  });

  it('is taken over from a process that is gone, from an earlier boot, and from an earlier process of the same number', () => {
    DataLock.take(directory, facts({ 41: 7 }), 41);
    assert.throws(() => DataLock.take(directory, facts({ 41: 7, 42: 9 }), 42), refusal('directory-in-use', /process 41 on h1/));
    DataLock.take(directory, facts({ 42: 9 }), 42);
    assert.equal(record().pid, 42);
    DataLock.take(directory, facts({ 42: 9, 43: 1 }, { bootId: 'boot-2' }), 43);
    assert.equal(record().pid, 43);
    DataLock.take(directory, facts({ 43: 5, 44: 6 }, { bootId: 'boot-2' }), 44);
    assert.equal(record().pid, 44);
    assert.deepEqual(fs.readdirSync(directory), ['LOCK'], 'nothing is left aside');
  });

  it('of another host is never taken over', () => {
    DataLock.take(directory, facts({ 41: 7 }), 41);
    assert.throws(
      () => DataLock.take(directory, facts({ 42: 1 }, { host: 'h2' }), 42),
      (error) => refusal('directory-in-use', /process 41 on h1/)(error) && /remove .*LOCK/.test((error as RefusedError).hint),
    );
    assert.equal(record().pid, 41);
  });

  it('that a crash of the host left torn is taken over', () => {
    fs.writeFileSync(path.join(directory, 'LOCK'), '{"version":1,"pi');
    DataLock.take(directory).release();
  });

  it('whose file was replaced is not released by the old holder', () => {
    const lock = DataLock.take(directory, facts({ 41: 7 }), 41);
    fs.rmSync(path.join(directory, 'LOCK'));
    DataLock.take(directory, facts({ 42: 7 }), 42);
    assert.equal(lock.isHeld(), false);
    lock.release();
    assert.equal(record().pid, 42);
  });

  it('is bounded and strict in what it believes', () => {
    const good: LockRecord = { pid: 1, startTicks: 2, host: 'h', bootId: '', since: 'now' };
    assert.deepEqual(parseLockRecord(Buffer.from(encodeLockRecord(good))), good);
    for (const bad of ['', '{}', 'null', encodeLockRecord({ ...good, pid: 0 }), encodeLockRecord({ ...good, pid: -1 }), ' '.repeat(5000) + encodeLockRecord(good), encodeLockRecord({ ...good, more: 1 } as LockRecord)]) {
      assert.throws(() => parseLockRecord(Buffer.from(bad)), RangeError, bad.slice(0, 40));
    }
  });

  it('of a process that was killed is found stale by the next one', () => {
    const script = `import { DataLock } from ${JSON.stringify(path.resolve('src/engine/adapters/data-lock.ts'))}; DataLock.take(${JSON.stringify(directory)}); process.kill(process.pid, 'SIGKILL');`;
    const done = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { encoding: 'utf8' });
    assert.equal(done.signal, 'SIGKILL', done.stderr);
    assert.notEqual(record().pid, process.pid);
    DataLock.take(directory).release();
  });
});

describe('ballast', () => {
  it('is a file of the size asked for, made once and made anew when the size changes', () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-ballast-'));
    try {
      assert.equal(keepBallast(directory, 0), 'none-wanted');
      assert.equal(keepBallast(directory, 3_000_000), 'kept');
      const first = fs.statSync(path.join(directory, 'ballast'));
      assert.equal(first.size, 3_000_000);
      assert.ok(first.blocks * 512 >= 3_000_000, 'really written, no holes');
      assert.equal(keepBallast(directory, 3_000_000), 'kept');
      assert.equal(fs.statSync(path.join(directory, 'ballast')).ino, first.ino);
      assert.equal(keepBallast(directory, 1000), 'kept');
      assert.equal(fs.statSync(path.join(directory, 'ballast')).size, 1000);
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  });
});

describe('log of a member', () => {
  it('writes one JSON object a line, in order, the last one at once', () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-log-'));
    const file = path.join(directory, 'log');
    const fd = fs.openSync(file, 'a');
    try {
      const log = new LineLog(fd, { member: 'n1' });
      log.write('debug', 'not shown');
      log.last('fatal', 'over', { code: 'X' });
      const [line] = fs.readFileSync(file, 'utf8').trim().split('\n').map((one) => JSON.parse(one) as Record<string, unknown>);
      assert.deepEqual([line?.['level'], line?.['msg'], line?.['member'], line?.['code']], ['fatal', 'over', 'n1', 'X']);
    } finally {
      fs.closeSync(fd);
      fs.rmSync(directory, { recursive: true });
    }
  });

  it('drops and counts lines instead of growing while nobody reads the pipe', async () => {
    const script = `
      import { LineLog } from ${JSON.stringify(path.resolve('src/engine/node/line-log.ts'))};
      const log = new LineLog(2, {});
      const before = performance.now();
      for (let at = 0; at < 20000; at += 1) log.write('info', 'x'.repeat(200), { at });
      process.stdout.write(String(Math.round(performance.now() - before)));
      setTimeout(() => process.exit(0), 300);
    `;
    const { spawn } = await import('node:child_process');
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    let took = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (took += piece));
    await new Promise((resolve) => child.once('spawn', resolve));
    // Nobody reads stderr until the child has written everything it has to say.
    const deadline = Date.now() + 20_000;
    while (took === '' && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    await new Promise((resolve) => child.once('close', resolve));
    assert.ok(Number(took) < 2000, `20,000 lines took ${took} ms of the event loop`);
    const lines = text.trim().split('\n').map((line) => JSON.parse(line) as { msg: string; dropped?: number });
    assert.ok(lines.length < 20_000);
    assert.ok(lines.some((line) => (line.dropped ?? 0) > 0), 'the loss is told');
  });
});
