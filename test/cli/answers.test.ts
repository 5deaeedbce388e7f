import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Ran, ROOT, runNode } from '../helpers/run-cli.ts';

const FAKE = ['--import=tsx', path.join(ROOT, 'test/helpers/fake-command.ts'), '--end'];
const ESC = '\u001b';

function fake(end: string, argv: string[] = [], env: Record<string, string> = {}): Ran {
  return runNode([...FAKE, end, ...argv], { env });
}

describe('answers', function () {
  this.timeout(20_000);

  it('prints the envelope with every promised field, in order', () => {
    const ran = fake('ok', ['--json']);
    const envelope = JSON.parse(ran.stdout);
    assert.deepEqual(Object.keys(envelope), ['schema', 'command', 'version', 'startedAt', 'durationMs', 'exit', 'data', 'findings', 'next']);
    assert.equal(envelope.schema, 'raft-inspector/inspect-fake/v1');
    assert.equal(envelope.command, 'inspect fake');
    assert.deepEqual(envelope.exit, { code: 0, name: 'ok' });
    assert.equal(new Date(envelope.startedAt).toISOString(), envelope.startedAt);
    assert.equal(ran.code, 0);
  });

  it('never rounds a 64-bit integer and prints no raw control characters in JSON', () => {
    const ran = fake('ok', ['--json']);
    assert.deepEqual(JSON.parse(ran.stdout).data, { big: (2n ** 60n).toString(), small: 7, text: `a${ESC}[2Jb\u009b\u202e` });
    assert.doesNotMatch(ran.stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  const codes: [string, number, string][] = [
    ['ok', 0, ''],
    ['warning', 0, ''],
    ['undecided', 0, ''],
    ['damage', 3, 'exit 3, findings'],
    ['both', 9, 'exit 9, no-candidate'],
    ['refused', 4, 'exit 4, refused, cannot be overridden'], // process-running: nobody lifts that
    ['corrupt', 3, 'exit 3, findings'],
    ['bug', 1, 'exit 1, bug'],
  ];
  for (const [end, code, line] of codes) {
    it(`ends "${end}" with ${code}, with and without --json`, () => {
      const plain = fake(end);
      const json = fake(end, ['--json']);
      assert.equal(plain.code, code);
      assert.equal(json.code, code);
      assert.equal(JSON.parse(json.stdout).exit.code, code);
      assert.equal(/exit \d+, \S.*$/m.exec(plain.stderr)?.[0] ?? '', line);
    });
  }

  it('gives errors under --json as the envelope without data', () => {
    const refused = JSON.parse(fake('refused', ['--json']).stdout);
    assert.equal(refused.data, null);
    assert.deepEqual(refused.error, { code: 'REFUSED', message: 'process-running: etcd has it open', hint: 'stop etcd', rule: 'process-running' });
    const corrupt = JSON.parse(fake('corrupt', ['--format', 'json']).stdout);
    assert.equal(corrupt.error.file, 'member/wal/0.wal');
    assert.equal(corrupt.error.byteOffset, 4096);
  });

  it('shows a stack only with --verbose', () => {
    assert.doesNotMatch(fake('bug').stderr, /^\s+at /m);
    assert.doesNotMatch(fake('bug', ['--json']).stdout, /fake-command/);
    assert.match(fake('bug', ['--verbose']).stderr, /^\s*at .*fake-command/m);
  });

  it('keeps talk off stdout, and quiet keeps it off stderr', () => {
    const ran = fake('damage');
    assert.match(ran.stderr, /^Next: raft-inspector inspect log 'a b' +exit 3, findings$/m);
    assert.doesNotMatch(ran.stdout, /Next:|exit 3/);
    assert.equal(fake('damage', ['--quiet']).stderr, '');
  });

  it('spells out control characters from data, also when colours are on', () => {
    assert.equal(fake('ok').stdout, 'ok key \\x1b[2Jraw\n');
    assert.equal(fake('ok', [], { FORCE_COLOR: '1' }).stdout, `${ESC}[32mok${ESC}[39m key \\x1b[2Jraw\n`);
  });

  it('has no colour with NO_COLOR, --no-color, or in JSON', () => {
    for (const ran of [fake('ok', [], { NO_COLOR: '1', FORCE_COLOR: '1' }), fake('ok', ['--no-color'], { FORCE_COLOR: '1' }), fake('damage', ['--json'], { FORCE_COLOR: '1', NO_COLOR: '1' })]) {
      assert.ok(!`${ran.stdout}${ran.stderr}`.includes(ESC));
    }
  });

  it('writes ndjson rows, yaml and markdown', () => {
    assert.equal(fake('rows', ['--format', 'ndjson']).stdout, '{"index":1}\n{"index":2}\n');
    assert.equal(fake('ok', ['--format', 'ndjson']).stdout.split('\n').length, 2);
    assert.match(fake('damage', ['--format', 'yaml']).stdout, /^schema: raft-inspector\/inspect-fake\/v1$/m);
    assert.match(fake('damage', ['--format', 'md']).stdout, /^\| error \| torn \| - \| x\.wal \| 12 \| cut short \|$/m);
  });

  it('refuses --json together with another format', () => {
    const ran = fake('ok', ['--json', '--format', 'yaml']);
    assert.equal(ran.code, 2);
    assert.equal(JSON.parse(ran.stdout).error.code, 'USAGE');
  });

  it('streams lists inside data and stays one document when they break', () => {
    const whole = JSON.parse(fake('lazy', ['--json']).stdout);
    assert.deepEqual(whole.data, { before: 1, entries: [{ index: 1 }, { index: 2 }, { index: 3 }], after: 2 });
    const ran = fake('lazy-broken', ['--json']);
    const broken = JSON.parse(ran.stdout);
    assert.deepEqual(broken.data.entries, [{ index: 1 }]);
    assert.equal(broken.error.byteOffset, 8192);
    assert.deepEqual(broken.exit, { code: 3, name: 'findings' });
    assert.equal(ran.code, 3);
  });

  it('ends quietly when the reader of a pipe goes away', () => {
    const command = `"${process.execPath}" ${FAKE.map((word) => `"${word}"`).join(' ')} endless | head -n 1; exit \${PIPESTATUS[0]}`;
    const ran = spawnSync('bash', ['-c', command], { encoding: 'utf8', cwd: ROOT, timeout: 20_000 });
    assert.equal(ran.stderr.replace(/^(Next:.*\n)?$/, ''), '');
    assert.equal(ran.status, 0);
  });

  it('gives up after --timeout with exit 6', () => {
    const ran = fake('timeout', ['--timeout', '20ms', '--json']);
    assert.equal(ran.code, 6);
    assert.equal(JSON.parse(ran.stdout).error.code, 'UNREACHABLE');
  });

  it('answers Ctrl-C with exit 5 and says that nothing was changed', async () => {
    const child = spawn(process.execPath, [...FAKE, 'slow'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    const code = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      if (stderr.startsWith('waiting')) child.kill('SIGINT');
    });
    assert.equal(await code, 5);
    assert.match(stderr, /nothing was changed/);
  });

  it('appends to --log-file and never truncates it', () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-log-'));
    const file = path.join(directory, 'run.log');
    fs.writeFileSync(file, '{"kept":true}\n');
    fake('corrupt', ['--log-file', file]);
    const lines = fs.readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(lines[0], { kept: true });
    assert.deepEqual(lines.slice(1).map((line) => line.event), ['started', 'failed', 'ended']);
    fs.rmSync(directory, { recursive: true });
  });
});
