import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ApplyReport, RecoveryStatus, UndoReport } from '../../src/engine/model/apply-report.ts';
import type { RecoveryPlan } from '../../src/engine/model/plan.ts';
import { unpackMember } from '../helpers/corpus.ts';
import { treeFingerprint } from '../helpers/tree-fingerprint.ts';
import { BUILT_PROGRAM, ensureBuilt } from '../helpers/run-cli.ts';

interface Envelope<T> {
  exit: { code: number };
  data: T;
  next: string[];
  findings: { rule: string }[];
  error?: { code: string };
}

/** One survivor of three, as in screens S5 to S7 and S12. */
describe('recover apply, status, undo', function () {
  this.timeout(240_000);
  before(ensureBuilt);
  let root: string;
  let plan: RecoveryPlan;
  let name: string;

  function run(...words: string[]): { code: number | null; stdout: string; stderr: string } {
    const [file, ...args] = BUILT_PROGRAM;
    const done = spawnSync(file, [...args, ...words], { cwd: root, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' }, timeout: 120_000, input: '' });
    // Plan ids are drawn, times and free space are those of the day.
    return { code: done.status, stdout: masked(done.stdout), stderr: masked(done.stderr) };
  }
  function masked(text: string): string {
    return text.replaceAll(name ?? '------', '5c2e91').replaceAll(fs.realpathSync(root), '/var/lib').replaceAll(/\d+(?:\.\d)? (?:[KMGT]B) free/g, '14 GB free').replaceAll(/\d+\.\d s {2}/g, '0.4 s  ').replaceAll(/in \d+(?:\.\d)? m?s:/g, 'in 1.9 s:').replaceAll(/about [\d.]+ s/g, 'about 2 s').replaceAll(/(?<=\S) {3,}(?=\S)/g, '  ');
  }
  function json<T>(...words: string[]): Envelope<T> {
    const { stdout, stderr } = run(...words, '--json');
    assert.notEqual(stdout, '', stderr);
    return JSON.parse(stdout) as Envelope<T>;
  }
  const timeless = (): string[] => treeFingerprint(path.join(root, 'etcd'), 'bytes').map((line) => line.replace(/ctime=\d+/, ''));

  before(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-recover-'));
    execFileSync('cp', ['-a', '--sparse=always', unpackMember('etcd/acked-beyond-commit-34', 'n1'), path.join(root, 'etcd')]);
    assert.equal(run('recover', 'plan', 'n1=etcd').code, 0);
    plan = JSON.parse(fs.readFileSync(path.join(root, 'case-8c6d8b45', 'plan.json'), 'utf8')) as RecoveryPlan;
    name = plan.planId.slice(0, 6);
  });
  after(() => fs.rmSync(root, { recursive: true, force: true }));

  it('S6: shows every check and what it would do, and changes nothing', () => {
    const before = treeFingerprint(root, 'bytes').filter((line) => !line.includes('case-') && !line.startsWith('. '));
    const { code, stdout, stderr } = run('recover', 'apply');
    assert.equal(code, 0, stderr);
    assert.equal(
      stdout,
      `PREVIEW  plan 5c2e91 on /var/lib/etcd, nothing changed  LOSS UNKNOWN (best effort)
  ok  nobody has the directory open  ok  4 of 4 files as in the evidence
  ok  member n1 of 8c6d8b45601ffaf2  ok  14 GB free, 1 MB needed  -  not rehearsed
  Would back up, build, check, swap: about 2 s; interrupt and resume at any point
`,
    );
    assert.equal(stderr, 'Next: raft-inspector recover apply --execute --confirm 8c6d8b45\n');
    assert.deepEqual(treeFingerprint(root, 'bytes').filter((line) => !line.includes('case-') && !line.startsWith('. ')), before);
    assert.equal(json<RecoveryStatus>('recover', 'status').data.state, 'planned');
  });

  it('says when it was rehearsed', () => {
    fs.writeFileSync(path.join(root, 'case-8c6d8b45', 'rehearsal.json'), JSON.stringify({ planId: plan.planId, verdict: 'pass' }));
    assert.match(run('recover', 'apply').stdout, /ok {2}rehearsed \d\d:\d\d\n/);
  });

  it('has to be confirmed with the id of the cluster', () => {
    const without = run('recover', 'apply', '--execute');
    assert.equal(without.code, 2);
    assert.match(without.stderr, /--confirm 8c6d8b45/);
    assert.equal(run('recover', 'apply', '--execute', '--yes').code, 2);
    assert.equal(run('recover', 'apply', '--execute', '--confirm', 'ffffffff').code, 4);
    assert.equal(run('recover', 'apply', '--execute', '--confirm', '8c6d8b45', '--override', 'process-running').code, 2);
    assert.ok(!fs.existsSync(path.join(root, 'etcd.ri')));
  });

  it('S12: refuses while a process has the directory open', async () => {
    const fd = fs.openSync(path.join(root, 'etcd/member/snap/db'), 'r');
    const holder = spawn('sleep', ['60'], { stdio: [fd, 'ignore', 'ignore'] });
    fs.closeSync(fd);
    try {
      const { code, stdout, stderr } = run('recover', 'apply', '--execute', '--confirm', '8c6d8b45');
      assert.equal(code, 4);
      assert.equal(stdout, '');
      assert.match(stderr, /^REFUSED {2}process-running: sleep \(pid \d+\) has \/var\/lib\/etcd\/member\/snap\/db open.* Nothing changed\.\n {2}\S.*:\n {2}\S.*\nexit 4, refused, cannot be overridden\n$/);
      assert.ok(!fs.existsSync(path.join(root, 'etcd.ri')));
    } finally {
      holder.kill('SIGKILL');
      await new Promise((resolve) => holder.once('close', resolve));
    }
  });

  it('S7: applies, each step with its time, and says how to go on', () => {
    const original = timeless();
    const { code, stdout, stderr } = run('recover', 'apply', '--execute', '--confirm', '8c6d8b45');
    assert.equal(code, 0, stderr);
    assert.equal(
      stdout,
      `  1 backup  done  0.4 s  4 files, sha256 equal
  2 build  done  0.4 s  1 of 4 files differ
  3 check  done  0.4 s  6 of 6 as planned
  4 swap  done  0.4 s  1 file exchanged
APPLIED  plan 5c2e91 in 1.9 s: n1 is a cluster of one  back: recover undo 5c2e91
`,
    );
    // The plan does not say how to reach the result: the usual port of etcd on its host does, so that the line can be typed as it is.
    const verify = 'raft-inspector recover verify --endpoint http://127.0.0.1:2379';
    assert.match(stderr, /^Next: 1 Start etcd as always, .*WITHOUT --force-new-cluster\n/);
    assert.ok(stderr.endsWith(`\n      2 ${verify}\n      3 keep n2 and n3 off until their data is wiped\n`), stderr);
    const again = json<ApplyReport>('recover', 'apply', '--execute', '--confirm', '8c6d8b45');
    assert.deepEqual([again.exit.code, again.data.state, again.next], [0, 'already-applied', [verify]]);
    assert.match(run('recover', 'apply').stdout, /^ALREADY APPLIED {2}plan 5c2e91/);
    const status = run('recover', 'status');
    assert.match(status.stdout, /^APPLIED {2}plan 5c2e91 on \/var\/lib\/etcd {2,}LOSS UNKNOWN/);
    const journal = fs.readFileSync(path.join(root, 'case-8c6d8b45', 'journal.ndjson'), 'utf8').trimEnd().split('\n').map((line) => (JSON.parse(line) as { event: string }).event);
    assert.deepEqual(journal, ['begin', 'started', 'done', 'started', 'done', 'started', 'done', 'started', 'done', 'applied']);
    assert.match(run('recover', 'undo').stdout, /PLAN +STATE +SINCE +DATA.*\n +5c2e91 +applied/);
    assert.equal(run('recover', 'undo', name).stderr, 'Next: raft-inspector recover undo 5c2e91 --execute\n');
    const undone = run('recover', 'undo', '--execute'); // the case holds one plan
    assert.equal(undone.code, 0, undone.stderr);
    assert.match(undone.stdout, /UNDONE {2}plan 5c2e91 in 1\.9 s: \/var\/lib\/etcd is as it was before, 4 files verified\n$/);
    assert.deepEqual(timeless(), original);
  });

  it('exits 7 with every file named when the data is another one, and 8 with the way on when cut off', async () => {
    const db = path.join(root, 'etcd/member/snap/db');
    fs.copyFileSync(db, path.join(root, 'db'));
    fs.appendFileSync(db, 'x');
    const drift = json<ApplyReport>('recover', 'apply');
    assert.deepEqual([drift.exit.code, drift.data.refusals.map((one) => one.rule), drift.findings.map((one) => one.rule)], [7, ['drift'], ['drift']]);
    const pick = `raft-inspector recover pick n1=/var/lib/etcd`;
    assert.deepEqual(drift.next, [pick]);
    const acted = json<ApplyReport>('recover', 'apply', '--execute', '--confirm', '8c6d8b45');
    assert.deepEqual([acted.exit.code, acted.error?.code, acted.data.refusals.map((one) => one.rule), acted.next], [7, 'DRIFT', ['drift'], [pick]]);
    fs.copyFileSync(path.join(root, 'db'), db);
    const [file, ...args] = BUILT_PROGRAM;
    const cut = spawn(file, [...args, 'recover', 'apply', '--execute', '--confirm', '8c6d8b45'], { cwd: root, stdio: 'ignore' });
    const journal = path.join(root, 'etcd.ri/journal.ndjson');
    const lines = (): number => fs.readFileSync(journal, 'utf8').split('\n').length;
    const had = lines();
    while (cut.exitCode === null && lines() === had) await new Promise((resolve) => setTimeout(resolve, 2));
    cut.kill('SIGKILL');
    await new Promise((resolve) => cut.once('close', resolve));
    const status = json<RecoveryStatus>('recover', 'status');
    if (status.data.state === 'applying') {
      assert.equal(status.exit.code, 8);
      assert.match(status.next[0] ?? '', /recover apply --execute/);
    }
    const resumed = json<ApplyReport>('recover', 'apply', '--execute', '--confirm', '8c6d8b45');
    assert.ok(resumed.data.state === 'resumed' || resumed.data.state === 'already-applied');
    assert.equal(json<UndoReport>('recover', 'undo', '--data', 'etcd', '--execute').data.state, 'undone');
  });

  describe('cut off before the exchange', () => {
    const place = (): string => path.join(root, 'etcd.ri', plan.planId.slice(0, 6));
    const db = (): string => path.join(root, 'etcd/member/snap/db');

    before(() => {
      fs.rmSync(path.join(root, 'etcd.ri'), { recursive: true, force: true });
      // Something of that name stands in the way of one file of the backup.
      fs.mkdirSync(path.join(place(), plan.files.at(-1)?.sha256 ?? '', 'x'), { recursive: true });
    });

    it('exit 8 brings the state so far and the command that goes on; the preview says that it goes on', () => {
      const again = 'raft-inspector recover apply --execute --confirm 8c6d8b45';
      const cut = json<ApplyReport>('recover', 'apply', '--execute', '--confirm', '8c6d8b45');
      assert.deepEqual([cut.exit.code, cut.error?.code, cut.data.state, cut.next], [8, 'PARTIAL', 'partial', [again]]);
      assert.deepEqual(cut.data.steps.map((one) => [one.id, one.status]), [['backup', 'failed'], ['build', 'not-started'], ['check', 'not-started'], ['swap', 'not-started']]);
      assert.equal(cut.data.refusals[0]?.exit, 8);
      assert.match(run('recover', 'apply').stdout, /was begun and cut off: goes on with the backup[^]*\n {2}Would go on with backup, build, check, swap:/);
    });

    it('undo does not call a directory untouched that somebody wrote to', () => {
      const original = fs.readFileSync(db());
      fs.writeFileSync(db(), Buffer.concat([original.subarray(0, 100), Buffer.from('X'), original.subarray(101)]));
      const moved = fs.readFileSync(db());
      const drift = json<UndoReport>('recover', 'undo', name, '--execute');
      assert.deepEqual([drift.exit.code, drift.data.refusals[0]?.rule, drift.next], [7, 'data-moved-on', ['raft-inspector recover undo 5c2e91 --override data-moved-on']]);
      const look = run('recover', 'undo', name, '--override', 'data-moved-on');
      assert.match(look.stdout, /what differs stays[^]*\n {2}Would let go of the plan: nothing of it was exchanged in/);
      assert.equal(look.stderr, 'Next: raft-inspector recover undo 5c2e91 --override data-moved-on --execute --confirm 8c6d8b45\n');
      const letGo = run('recover', 'undo', name, '--override', 'data-moved-on', '--execute', '--confirm', '8c6d8b45');
      assert.match(letGo.stdout, /^LET GO {2}plan 5c2e91 .*was not touched, and is not as it was before\n/);
      assert.doesNotMatch(letGo.stdout, /UNDONE|verified/);
      assert.ok(fs.readFileSync(db()).equals(moved));
      fs.writeFileSync(db(), original);
    });
  });

  it('--into asks for the same confirmation, and its preview carries it', () => {
    const preview = run('recover', 'apply', '--into', 'elsewhere');
    assert.equal(preview.stderr, 'Next: raft-inspector recover apply --into elsewhere --execute --confirm 8c6d8b45\n');
    const without = run('recover', 'apply', '--into', 'elsewhere', '--execute');
    assert.deepEqual([without.code, fs.existsSync(path.join(root, 'elsewhere'))], [2, false]);
    assert.match(without.stderr, /has to be confirmed: the loss is unknown[^]*--confirm 8c6d8b45/);
    const built = json<ApplyReport>('recover', 'apply', '--into', 'elsewhere', '--execute', '--confirm', '8c6d8b45');
    assert.deepEqual([built.exit.code, built.data.state, built.data.steps.map((one) => one.id)], [0, 'applied', ['build', 'check', 'swap']]);
  });

  it('status does not take a mistyped directory for one on which nothing was begun', () => {
    const none = run('recover', 'status', '--data', 'nowhere');
    assert.deepEqual([none.code, none.stdout], [2, '']);
    assert.equal(run('recover', 'status', '--data', 'etcd').code, 0);
  });
});
