import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePorts } from '../../src/engine/adapters/free-ports.ts';
import { BIN } from '../helpers/cli.ts';
import { cli, until } from '../helpers/lab.ts';
import { ensureBuilt, ROOT } from '../helpers/run-cli.ts';
import { programMissing, skipWithout } from '../helpers/skip-without.ts';

/** The nth block of a language in the guide. */
function blockOf(text: string, language: string, at: number): string {
  const block = [...text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))][at]?.[1];
  assert.ok(block !== undefined, `docs/certificates.md has no ${language} block ${at}`);
  return block;
}

describe('docs/certificates.md, carried out as it stands', function () {
  this.timeout(60_000);
  const guide = fs.readFileSync(path.join(ROOT, 'docs/certificates.md'), 'utf8');
  let directory: string;
  let member: ChildProcess | null = null;

  before(function () {
    ensureBuilt();
    skipWithout(this, programMissing('openssl', 'version'));
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-guide-'));
  });
  after(async () => {
    if (member?.exitCode === null) {
      member.kill('SIGKILL');
      await once(member, 'exit');
    }
    if (directory !== undefined) fs.rmSync(directory, { recursive: true, force: true });
  });

  it('makes certificates that members and operators are known by, and a member that takes writes', async () => {
    const made = spawnSync('bash', ['-euc', blockOf(guide, 'sh', 0)], { cwd: directory, encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    const [port = 0] = await freePorts(1);
    const config = path.join(directory, 'n1.yaml');
    fs.writeFileSync(config, blockOf(guide, 'yaml', 0).replaceAll('7311', String(port)));
    assert.equal((await cli('node', 'init', '--config', config)).code, 0);
    member = spawn(process.execPath, [BIN, 'node', 'start', '--config', config], { stdio: 'ignore' });
    const file = (name: string): string => path.join(directory, name);
    const live = ['--endpoint', `127.0.0.1:${port}`, '--cacert', file('ca.crt'), '--cert', file('ops.crt'), '--key', file('ops.key')];
    await until('the member leads', async () => (await cli('leader', 'show', ...live, '--timeout', '1s', '--json')).code === 0, 20_000);
    assert.equal((await cli('kv', 'put', 'a', '1', ...live)).code, 0);
    assert.equal((await cli('kv', 'get', 'a', ...live)).stdout, '1\n');
    const exited = once(member, 'exit');
    member.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null], 'ends well when it is asked to');
  });
});
