import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { BootstrapReport } from '../../src/commands/recover/bootstrap.ts';
import { planText } from '../../src/engine/model/plan-schema.ts';
import { readerFor } from '../../src/engine/readers/index.ts';
import { CORPUS } from '../helpers/corpus.ts';
import { BIN, ensureBuilt, type Ran, runNode } from '../helpers/run-cli.ts';
import { treeFingerprint } from '../helpers/tree-fingerprint.ts';

describe('recover bootstrap', function () {
  this.timeout(180_000);
  before(ensureBuilt);
  let work: string;
  beforeEach(() => {
    work = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-bootstrap-')));
    execFileSync('tar', ['-xzf', path.join(CORPUS, 'etcd/acked-beyond-commit-34/n1.tar.gz'), '-C', work]);
  });
  afterEach(() => fs.rmSync(work, { recursive: true }));

  function bootstrap(words: string[]): Ran {
    return runNode([BIN, 'recover', 'bootstrap', ...words], { cwd: work, env: { COLUMNS: '100', TZ: 'UTC' } });
  }

  it('shows plan and preview and writes nothing, until it is told and confirmed', () => {
    const before = treeFingerprint(work, 'bytes');
    const preview = bootstrap(['n1', '--in-doubt', 'drop']);
    assert.equal(preview.code, 0, preview.stderr);
    assert.match(preview.stdout, /^PLAN [0-9a-f]{6} {2}make n1 a cluster of one/);
    assert.match(preview.stdout, /\nPREVIEW {2}plan [0-9a-f]{6} on \S+\/n1, nothing changed/);
    assert.equal(preview.stderr, 'Next: raft-inspector recover bootstrap n1 --in-doubt drop --execute --confirm 8c6d8b45\n');
    const unconfirmed = bootstrap(['n1', '--execute']);
    assert.deepEqual([unconfirmed.code, /--confirm 8c6d8b45/.test(unconfirmed.stderr)], [2, true]);
    const other = bootstrap(['n1', '--execute', '--confirm', 'ffffffff']);
    assert.deepEqual([other.code, /confirm-mismatch/.test(other.stderr)], [4, true]);
    const certain = bootstrap(['n1', '--seen-revision', '900', '--execute', '--confirm', '8c6d8b45']);
    assert.deepEqual([certain.code, /certain-loss/.test(certain.stderr)], [4, true]);
    assert.deepEqual(treeFingerprint(work, 'bytes'), before);
  });

  it('carries out the very plan that it showed, ids and places alike, and goes on with it after a cut', () => {
    const shown = JSON.parse(bootstrap(['n1', '--new-cluster-id', 'new', '--json']).stdout) as { data: BootstrapReport };
    const other = JSON.parse(bootstrap(['n1', '--json']).stdout) as { data: BootstrapReport };
    assert.notEqual(other.data.plan.planId, shown.data.plan.planId, 'another decision is another plan');
    const copied = path.join(work, 'elsewhere');
    execFileSync('cp', ['-a', path.join(work, 'n1'), copied]);
    const copy = JSON.parse(bootstrap([copied, '--new-cluster-id', 'new', '--json']).stdout) as { data: BootstrapReport };
    assert.ok(copy.data.plan.planId !== shown.data.plan.planId && copy.data.plan.newClusterId !== shown.data.plan.newClusterId, 'a copy is another disk');
    // What a run leaves that is cut off between the plan and the backup.
    const again = JSON.parse(bootstrap(['n1', '--new-cluster-id', 'new', '--json']).stdout) as { data: BootstrapReport };
    assert.deepEqual({ ...again.data.plan, createdAt: '', digest: '', evidence: [], doubt: null }, { ...shown.data.plan, createdAt: '', digest: '', evidence: [], doubt: null });
    fs.mkdirSync(path.join(work, 'case-8c6d8b45'));
    fs.writeFileSync(path.join(work, 'case-8c6d8b45/plan.json'), planText(shown.data.plan));
    const ran = bootstrap(['n1', '--new-cluster-id', 'new', '--execute', '--confirm', '8c6d8b45', '--json']);
    assert.equal(ran.code, 0, ran.stderr);
    const { data } = JSON.parse(ran.stdout) as { data: BootstrapReport };
    assert.deepEqual([data.plan, data.planFile, data.apply.backup?.path], [shown.data.plan, 'case-8c6d8b45/plan.json', path.join(work, 'n1.ri', shown.data.plan.planId.slice(0, 6))]);
    assert.deepEqual(fs.readdirSync(path.join(work, 'case-8c6d8b45')).filter((name) => name.startsWith('plan')), ['plan.json']);
  });

  it('does it in one go, keeps the case, and has nothing to do the second time', () => {
    const ran = bootstrap(['n1', '--execute', '--confirm', '8c6d8b45', '--json']);
    assert.equal(ran.code, 0, ran.stderr);
    const { data, next } = JSON.parse(ran.stdout) as { data: BootstrapReport; next: string[] };
    assert.deepEqual([data.apply.state, data.planFile, next], ['applied', 'case-8c6d8b45/plan.json', ['raft-inspector recover verify --endpoint http://127.0.0.1:2379']]);
    assert.deepEqual(fs.readdirSync(path.join(work, 'case-8c6d8b45')).sort(), ['evidence', 'journal.ndjson', 'plan.json', 'transcript.ndjson']);
    const { report } = readerFor(path.join(work, 'n1'), 'n1').read(path.join(work, 'n1'), {});
    assert.deepEqual([report.confState?.voters, report.lastEntry, report.hardState.commitIndex, report.health], [[report.memberId], { term: 2, index: 557 }, 557, 'ok']);
    const again = bootstrap(['n1', '--execute', '--confirm', '8c6d8b45']);
    assert.equal(again.code, 4);
    assert.match(again.stderr, /quorum-present: n1 is the only voter, and whole/);
  });

  it('takes a directory of this machine only', () => {
    fs.copyFileSync(path.join(CORPUS, 'etcd/acked-beyond-commit-34/n1.tar.gz'), path.join(work, 'copy.tar.gz'));
    const ran = bootstrap(['copy.tar.gz']);
    assert.deepEqual([ran.code, /is no directory of this machine/.test(ran.stderr)], [2, true]);
  });
});
