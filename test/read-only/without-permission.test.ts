import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { BIN, runCli } from '../helpers/cli.ts';
import { copyMember } from '../helpers/corpus.ts';
import { skipSaying } from '../helpers/skip-without.ts';
import { treeFingerprint } from '../helpers/tree-fingerprint.ts';
import { lookingCommands } from './commands.ts';

/** The user `nobody` on Debian. */
const NOBODY = 65534;

/** Why the test cannot run here; null when it can. */
function obstacle(): string | null {
  if (process.getuid?.() !== 0) return 'only root can run the tool as another user';
  const probe = spawnSync(process.execPath, ['-e', `require('node:fs').accessSync(${JSON.stringify(BIN)})`], { uid: NOBODY, gid: NOBODY, env: {} });
  return probe.status === 0 ? null : 'the user nobody cannot read the checkout';
}

describe('read-only: a tree that may only be read', function () {
  this.timeout(120_000);
  let parent = '';

  before(function () {
    const reason = obstacle();
    if (reason !== null) skipSaying(this, reason);
  });

  afterEach(() => {
    if (parent !== '') fs.rmSync(parent, { recursive: true, force: true });
    parent = '';
  });

  for (const [name, member] of [
    ['etcd/double-trap-3614', 'n1'],
    ['hashicorp-raft/truncated-log-112', 'node-1'],
    ['hashicorp-raft/wal-healthy-173', 'node-1'],
  ] as const) {
    it(`${name}, as the user nobody`, () => {
      const directory = copyMember(name, member);
      parent = path.dirname(directory);
      execFileSync('chmod', ['-R', 'a-w,a+rX', parent]);
      const before = treeFingerprint(parent, 'names');
      for (const args of lookingCommands([directory])) {
        const { code, stderr } = runCli(args, { uid: NOBODY, cwd: '/', env: { HOME: '/nonexistent' } });
        const expected = args[0] === 'snapshot' ? [0, 3, 11] : [0];
        assert.ok(expected.includes(code ?? -1), `${args.join(' ')} ended with ${code}: ${stderr.slice(0, 600)}`);
      }
      assert.deepEqual(treeFingerprint(parent, 'names'), before);
    });
  }

  it('a directory that may not be read is an answer, not a crash', () => {
    const directory = copyMember('hashicorp-raft/truncated-log-112', 'node-1');
    parent = path.dirname(directory);
    fs.chmodSync(parent, 0o755);
    fs.chmodSync(directory, 0o700);
    const { code, stderr } = runCli(['inspect', 'member', directory], { uid: NOBODY, cwd: '/', env: { HOME: '/nonexistent' } });
    assert.equal(code, 3, stderr.slice(0, 600));
  });
});
