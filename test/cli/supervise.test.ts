import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { looksOnly } from '../../src/cli/supervise.ts';
import { ROOT, runNode } from '../helpers/run-cli.ts';

/** Takes the place of `inspect log` in a private copy of the tree: it never comes back by itself. */
const HANGING = `
import { BaseCommand } from '../../cli/base-command.ts';
export default class Hanging extends BaseCommand<unknown> {
  static override strict = false;
  static override summary = 'Hangs';
  async execute() {
    const { argv } = await this.parse(Hanging);
    if (argv[0] === 'memory') for (const held = []; ; ) held.push(new Array(1e6).fill(Math.random()));
    if (argv[0] === 'loop') for (;;) ;
    function* screen() { for (;;) yield 'x'.repeat(200); }
    return { data: { tmp: process.env['TMPDIR'] }, findings: [], next: [], exits: argv[0] === 'nine' ? [9] : [], screen: argv[0] === 'nine' ? () => [String(process.env['TMPDIR'])] : screen };
  }
}
`;

interface Ended {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  ms: number;
}

describe('a command that only reads', function () {
  this.timeout(60_000);
  let tree = '';
  let bin = '';
  let scratch = '';

  before(() => {
    tree = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-tree-'));
    for (const part of ['src', 'bin', 'scripts', 'package.json']) fs.cpSync(path.join(ROOT, part), path.join(tree, part), { recursive: true });
    fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(tree, 'node_modules'));
    fs.rmSync(path.join(tree, 'src/commands'), { recursive: true });
    fs.mkdirSync(path.join(tree, 'src/commands/inspect'), { recursive: true });
    fs.writeFileSync(path.join(tree, 'src/commands/inspect/log.ts'), HANGING);
    const built = runNode([path.join(tree, 'scripts/build.mjs')]);
    assert.equal(built.code, 0, built.stderr);
    bin = path.join(tree, 'bin/run.js');
    scratch = path.join(tree, 'scratch');
    fs.mkdirSync(scratch);
  });
  after(() => fs.rmSync(tree, { recursive: true, force: true }));

  /** Runs it, sends the signal once its thread is busy, and keeps stdout unread where that is asked for. */
  function interrupt(argv: string[], signal: NodeJS.Signals, reading: 'reads' | 'sleeps' = 'reads'): Promise<Ended> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, [bin, 'inspect', 'log', ...argv], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TMPDIR: scratch } });
      let [stdout, stderr, sentAt] = ['', '', 0];
      if (reading === 'reads') child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const poll = setInterval(() => {
        if (threadsBusy(child.pid ?? 0) < 20) return; // 0.2 s of processor time: past start-up, inside the command
        clearInterval(poll);
        sentAt = Date.now();
        child.kill(signal);
      }, 20);
      child.once('exit', (code, by) => {
        clearInterval(poll);
        resolve({ code, signal: by, stdout, stderr, ms: Date.now() - sentAt });
      });
    });
  }

  it('answers Ctrl-C at once, though its reading never yields', async () => {
    const ended = await interrupt(['loop'], 'SIGINT');
    assert.equal(ended.code, 5);
    assert.match(ended.stderr, /no member's data was changed/);
    assert.ok(ended.ms < 2000, `${ended.ms} ms`);
  });

  it('answers it with an envelope under --json', async () => {
    const ended = await interrupt(['loop', '--json'], 'SIGINT');
    const envelope = JSON.parse(ended.stdout);
    assert.deepEqual([envelope.schema, envelope.exit.code, envelope.error.code], ['raft-inspector/inspect-log/v1', 5, 'DECLINED']);
  });

  it('answers it though the reader of its pipe sleeps', async () => {
    const ended = await interrupt([], 'SIGINT', 'sleeps');
    assert.equal(ended.code, 5);
  });

  it('dies of SIGTERM as any program does, and leaves no scratch directory', async () => {
    const ended = await interrupt(['loop'], 'SIGTERM');
    assert.equal(ended.signal, 'SIGTERM');
    assert.deepEqual(fs.readdirSync(scratch), []);
  });

  it('keeps --timeout', () => {
    const ran = runNode([bin, 'inspect', 'log', 'loop', '--timeout', '300ms', '--json']);
    assert.equal(ran.code, 6);
    assert.equal(JSON.parse(ran.stdout).error.code, 'UNREACHABLE');
  });

  it('passes the exit code on and cleans up its scratch directory', () => {
    const ran = runNode([bin, 'inspect', 'log', 'nine']);
    assert.equal(ran.code, 9);
    assert.match(ran.stdout, /raft-inspector-run-/);
    assert.equal(fs.existsSync(ran.stdout.trim()), false);
  });

  it('ends with a message when memory runs out', () => {
    const ran = runNode(['--max-old-space-size=64', bin, 'inspect', 'log', 'memory']);
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /memory/);
    assert.doesNotMatch(ran.stderr, /^\s+at /m);
  });

  it('is told apart by its words', () => {
    const looks = [['inspect', 'log', 'x'], ['--json', 'recover', 'pick', 'a'], ['--format', 'yaml', 'inspect', 'log', 'x'], ['./n1'], ['snapshot', 'verify', 'x']];
    const others = [['inspect', 'log', '--help'], ['recover', 'apply', 'x'], ['snapshot', 'save'], ['version'], [], ['inspect']];
    assert.deepEqual(looks.map(looksOnly), looks.map(() => true));
    assert.deepEqual(others.map(looksOnly), others.map(() => false));
  });
});

/** Processor time of a process in hundredths of a second. */
function threadsBusy(pid: number): number {
  try {
    const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return 0;
  }
}
