import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { unpackCase } from '../helpers/corpus.ts';
import { ensureBuilt, runCli } from '../helpers/run-cli.ts';

const COMMANDS = ['inspect member', 'inspect log', 'inspect membership', 'inspect timeline', 'inspect fsck', 'inspect evidence', 'recover collect', 'recover pick', 'snapshot list', 'snapshot verify'];

describe('places that are none', function () {
  this.timeout(120_000);
  let root = '';
  before(() => {
    ensureBuilt();
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-bad-'));
    fs.mkdirSync(path.join(root, 'empty'));
    fs.writeFileSync(path.join(root, 'zero'), '');
    fs.writeFileSync(path.join(root, 'junk'), 'no store at all\n'.repeat(200));
    fs.symlinkSync('loop', path.join(root, 'loop'));
    spawnSync('mkfifo', [path.join(root, 'fifo')]);
  });
  after(() => fs.rmSync(root, { recursive: true, force: true }));

  for (const command of COMMANDS) {
    it(`${command} answers each with one document, the reason and the right code`, () => {
      const none = runCli([...command.split(' '), '--json']);
      assert.equal(none.code, 2);
      assert.match(none.stderr, /no (place|file|snapshot) was named/);
      for (const name of ['nope', 'empty', 'zero', 'junk', 'loop', 'fifo']) {
        const ran = runCli([...command.split(' '), path.join(root, name), '--json']);
        const envelope = JSON.parse(ran.stdout) as { schema: string; exit: { code: number }; findings: unknown[]; error?: { message: string } };
        assert.equal(envelope.schema, `raft-inspector/${command.replace(' ', '-')}/v1`);
        assert.equal(ran.code, command === 'recover pick' ? 9 : 3, `${command} ${name}`);
        assert.equal(envelope.exit.code, ran.code);
        assert.ok(envelope.error !== undefined || envelope.findings.length > 0, `${command} ${name} gives no reason`);
      }
    });
  }

  it('says on every screen why a place could not be read', () => {
    for (const command of ['inspect member', 'inspect timeline', 'inspect fsck', 'inspect evidence', 'recover pick']) {
      assert.match(runCli([...command.split(' '), path.join(root, 'nope')]).stdout.replaceAll(/\s+/g, ' '), /no such file or directory/, command);
    }
  });
});

describe('evidence on stdout', function () {
  this.timeout(60_000);
  before(ensureBuilt);
  const trap = unpackCase('etcd/double-trap-3516');

  it('is what -o - prints: whole, a place again, and no file called -', () => {
    const home = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-stdout-'));
    const ran = spawnSync(process.execPath, [path.join(import.meta.dirname, '../../bin/run.js'), 'recover', 'collect', '--quiet', '-o', '-', '--', path.join(trap, 'n1')], { cwd: home, encoding: 'utf8' });
    assert.equal(ran.status, 0);
    assert.deepEqual(fs.readdirSync(home), []);
    const file = path.join(home, 'n1.json');
    fs.writeFileSync(file, ran.stdout);
    assert.equal(runCli(['inspect', 'evidence', file]).code, 0);
    assert.equal((JSON.parse(runCli(['recover', 'pick', file, path.join(trap, 'n2'), '--json']).stdout) as { data: { source: string } }).data.source, 'n1');
    fs.rmSync(home, { recursive: true });
  });

  it('refuses -o - for several places and beside --json', () => {
    assert.equal(runCli(['recover', 'collect', '-o', '-', path.join(trap, 'n1'), path.join(trap, 'n2')]).code, 2);
    assert.equal(runCli(['recover', 'collect', '-o', '-', '--json', path.join(trap, 'n1')]).code, 2);
  });
});

describe('disks of servers that nobody named', function () {
  this.timeout(60_000);
  before(ensureBuilt);
  const consul = unpackCase('consul/quorum-loss-187');
  const places = ['consul-2', 'consul-3'].map((name) => path.join(consul, name));
  const pick = (words: string[]): { data: { source: string; loss: { verdict: string }; advice: string[] } } => JSON.parse(runCli(['recover', 'pick', ...places, ...words, '--json']).stdout) as never;

  it('do not count until --id says whose they are; the advice lists the ids', () => {
    const before = pick([]).data;
    assert.equal(before.loss.verdict, 'unknown');
    const ids = [...before.advice.join(' ').matchAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g)].map((one) => one[0]);
    assert.equal(ids.length, 3);
    assert.match(before.advice[0] ?? '', /--id consul-2=<server id> --id consul-3=<server id>/);
    const after = pick(['--id', `consul-2=${ids[0]}`, '--id', `consul-3=${ids[1]}`]).data;
    assert.deepEqual([after.source, after.loss.verdict], ['consul-3', 'none']);
  });
});
