import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { RestoreReport } from '../../src/engine/recovery/restore/restore.ts';
import { unpackCase } from '../helpers/corpus.ts';
import { BUILT_PROGRAM, ensureBuilt } from '../helpers/run-cli.ts';

describe('snapshot restore, as typed', function () {
  this.timeout(120_000);
  before(ensureBuilt);
  let root: string;
  before(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-restore-'));
    fs.copyFileSync(path.join(unpackCase('etcd/snapshot-files-34'), 'good.snap.db'), path.join(root, 'good.db'));
    fs.copyFileSync(path.join(unpackCase('etcd/snapshot-files-34'), 'flipped.snap.db'), path.join(root, 'flipped.db'));
  });
  after(() => fs.rmSync(root, { recursive: true, force: true }));

  function run(...words: string[]): { code: number | null; stdout: string; stderr: string } {
    const [file, ...args] = BUILT_PROGRAM;
    const done = spawnSync(file, [...args, 'snapshot', 'restore', ...words], { cwd: root, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' }, input: '' });
    return { code: done.status, stdout: done.stdout, stderr: done.stderr };
  }

  it('previews, acts with --execute, and never overwrites', () => {
    const words = ['good.db', '--into', 'new', '--name', 'n1', '--address', 'http://127.0.0.1:2380'];
    const preview = run(...words);
    assert.equal(preview.code, 0, preview.stderr);
    assert.match(preview.stdout, /^PREVIEW {2}.*new, nothing made {2,}etcd-db {2}last entry 1215/);
    assert.match(preview.stdout, /\n {2}member {5}a new id \(n1\), alone, in a new cluster/);
    assert.equal(preview.stderr, 'Next: raft-inspector snapshot restore good.db --into new --name n1 --address http://127.0.0.1:2380 --execute\n');
    assert.ok(!fs.existsSync(path.join(root, 'new')));
    const done = run(...words, '--execute', '--json');
    const { data, next } = JSON.parse(done.stdout) as { data: RestoreReport; next: string[] };
    assert.deepEqual([data.state, data.member.name, next], ['restored', 'n1', ['raft-inspector inspect member new']]);
    const again = run(...words, '--execute');
    assert.equal(again.code, 4);
    assert.match(again.stderr, /^REFUSED {2}not-empty: .* exists already and holds member/);
  });

  it('refuses a damaged file with the reason, and leaves nothing', () => {
    const { code, stderr } = run('flipped.db', '--into', 'other', '--execute');
    assert.equal(code, 4);
    assert.match(stderr, /^REFUSED {2}bad-snapshot: .*\n {2}All that is wrong with it: raft-inspector snapshot verify/);
    assert.deepEqual(fs.readdirSync(root).filter((name) => name.includes('other')), []);
    assert.equal(run('good.db', '--into', 'other', '--override', 'bad-snapshot').code, 2);
  });
});
