import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { RecoveryPlan } from '../../src/engine/model/plan.ts';
import { CORPUS, unpackCase } from '../helpers/corpus.ts';
import { BIN, ensureBuilt, type Ran, ROOT, runNode } from '../helpers/run-cli.ts';
import { treeFingerprint } from '../helpers/tree-fingerprint.ts';

function recover(verb: string, cwd: string, words: string[]): Ran {
  return runNode([BIN, 'recover', verb, ...words], { cwd, env: { COLUMNS: '100', TZ: 'UTC' } });
}

function dataOf(ran: Ran): { data: RecoveryPlan; exit: { code: number }; findings: { rule: string }[]; next: string[]; error: { rule?: string; code: string } } {
  return JSON.parse(ran.stdout);
}

describe('recover plan', function () {
  this.timeout(180_000);
  before(ensureBuilt);
  let work: string;
  beforeEach(() => {
    work = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-plan-')));
  });
  afterEach(() => fs.rmSync(work, { recursive: true }));

  /** The lone survivor whose last acknowledged write lies past its commit index, unpacked anew. */
  function survivor(): void {
    execFileSync('tar', ['-xzf', path.join(CORPUS, 'etcd/acked-beyond-commit-34/n1.tar.gz'), '-C', work]);
  }

  it('shows the whole plan on one screen, keeps it in a case, and writes nothing else', () => {
    survivor();
    const before = treeFingerprint(path.join(work, 'n1'), 'bytes');
    const ran = recover('plan', work, ['n1']);
    assert.equal(ran.code, 0, ran.stderr);
    const id = /^PLAN ([0-9a-f]{6}) /.exec(ran.stdout)?.[1] ?? '';
    const lines = ran.stdout.replaceAll(id, '5c2e91').replaceAll(work, '/w').split('\n');
    assert.match(lines[0] ?? '', /^PLAN 5c2e91 {2}make n1 a cluster of one {9}LOSS UNKNOWN, accepted \d\d:\d\d UTC by \S+ on \S+$/);
    assert.match(lines[3] ?? '', /^ {2}1 backup {4}4 files, \d+ KB on disk -> \/w\/n1\.ri\/5c2e91$/);
    assert.deepEqual([...lines.slice(1, 3), ...lines.slice(4)], [
      '  voters      n1 n2 n3 -> n1                  last      2/555 -> 2/557       commit  554 -> 557',
      '  in doubt    555 -> kept                     revision  513, no bump (watchers may know more)',
      '  2 build     beside, in /w/n1.ri/new; 3 files equal, 1 differs:',
      '              ~ member/wal/0000000000000000-0000000000000000.wal, from byte 183000',
      '                + entry 2/556  remove n3 2eb8f3e52eaeab7a',
      '                + entry 2/557  remove n2 b1a6669b84795a1c       + hard state term 2, commit 557',
      '  3 check     read it back as etcd would: one voter, 1-557 without a gap; then 4 swap by rename',
      '  Fences      wipe the data of n2 (127.0.0.1) and n3 (127.0.0.1) BEFORE they start: cluster id stays',
      '              the same',
      '  Undo        raft-inspector recover undo 5c2e91, until etcd has taken new writes',
      '  Written     case-8c6d8b45/plan.json',
      '',
    ]);
    assert.equal(ran.stderr, 'Next: raft-inspector recover rehearse\n      raft-inspector recover apply\n');
    assert.deepEqual(treeFingerprint(path.join(work, 'n1'), 'bytes'), before);
    assert.deepEqual(fs.readdirSync(work).sort(), ['case-8c6d8b45', 'n1']);
    assert.deepEqual(fs.readdirSync(path.join(work, 'case-8c6d8b45')).sort(), ['evidence', 'plan.json', 'transcript.ndjson']);

    // Show, lint and the transcript, with nothing named.
    const shown = recover('show', work, []);
    assert.deepEqual(shown.stdout.split('\n').slice(0, -1), ran.stdout.split('\n').slice(0, -2));
    assert.match(recover('lint', work, []).stdout, /^ok {2}plan [0-9a-f]{6} is whole and makes sense/);
    assert.equal(recover('show', work, [id]).code, 0, 'by its id');
    const plan = JSON.parse(fs.readFileSync(path.join(work, 'case-8c6d8b45/plan.json'), 'utf8')) as RecoveryPlan;
    assert.deepEqual([plan.target, plan.keepTo, plan.dataDir, plan.dead], ['etcd-append', 555, path.join(work, 'n1'), ['n2', 'n3']]);
    assert.deepEqual(plan.why.quorum, { voters: 3, quorum: 2, surveyed: 1, needed: 1 });
    const evidence = JSON.parse(fs.readFileSync(path.join(work, 'case-8c6d8b45/evidence/n1.json'), 'utf8')) as { digest: string };
    assert.deepEqual(plan.evidence, [{ label: 'n1', digest: evidence.digest }]);
    const transcript = fs.readFileSync(path.join(work, 'case-8c6d8b45/transcript.ndjson'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { command: string; exit: number });
    assert.deepEqual(transcript.map((one) => [one.command, one.exit]), [
      ['raft-inspector recover plan n1', 0],
      ['raft-inspector recover show', 0],
      ['raft-inspector recover lint', 0],
      [`raft-inspector recover show ${id}`, 0],
    ]);
  });

  it('numbers a second plan, asks which is meant, and tells them apart', () => {
    survivor();
    assert.equal(recover('plan', work, ['n1']).code, 0);
    const second = recover('plan', work, ['case-8c6d8b45/evidence/n1.json', 'n1b=n1', '--in-doubt', 'drop']);
    // Evidence and the disk it is of are two disks of one member: the files are the source here, since evidence cannot be.
    assert.equal(second.code, 4);
    assert.match(second.stderr, /evidence-only[^]*Leave that evidence out: n1b is of the same member/);
    const dropped = recover('plan', work, ['n1', '--in-doubt', 'drop', '--json']);
    assert.deepEqual([dropped.code, dataOf(dropped).data.keepTo, dataOf(dropped).next], [0, 554, ['raft-inspector recover rehearse case-8c6d8b45/plan-2.json', 'raft-inspector recover apply case-8c6d8b45/plan-2.json']]);
    const which = recover('show', work, []);
    assert.deepEqual([which.code, /holds 2 plans: plan\.json, plan-2\.json/.test(which.stderr)], [2, true]);
    const diff = recover('diff', work, ['case-8c6d8b45/plan.json', 'case-8c6d8b45/plan-2.json']);
    assert.match(diff.stdout, /~ inDoubt {2}keep -> drop\n {2}~ keepTo {2}555 -> 554\n/);
    assert.doesNotMatch(diff.stdout, /planId|createdAt|digest/);
    const taken = recover('plan', work, ['n1', '-o', 'case-8c6d8b45/plan.json']);
    assert.deepEqual([taken.code, /exists already/.test(taken.stderr)], [2, true]);
  });

  it('goes where -o says, alone, or to stdout', () => {
    survivor();
    assert.equal(recover('plan', work, ['n1', '-o', 'out/mine.json']).code, 0);
    assert.deepEqual(fs.readdirSync(work).sort(), ['n1', 'out']);
    const piped = recover('plan', work, ['n1', '-o', '-']);
    fs.writeFileSync(path.join(work, 'piped.json'), piped.stdout);
    assert.equal(recover('lint', work, ['piped.json']).code, 0);
    assert.deepEqual(fs.readdirSync(work).sort(), ['n1', 'out', 'piped.json']);
    const inside = recover('plan', path.join(work, 'n1'), ['.']);
    assert.deepEqual([inside.code, /would lie inside the data/.test(inside.stderr)], [2, true]);
    assert.deepEqual(fs.readdirSync(path.join(work, 'n1')), ['member']);
  });

  it('is made of an archive too, and then leaves open where the data lies', () => {
    fs.copyFileSync(path.join(CORPUS, 'etcd/acked-beyond-commit-34/n1.tar.gz'), path.join(work, 'n1.tar.gz'));
    const ran = recover('plan', work, ['n1.tar.gz', '--json']);
    const { data } = dataOf(ran);
    assert.deepEqual([ran.code, data.dataDir, data.source, data.files.length, dataOf(ran).next], [0, null, 'n1', 4, ['raft-inspector recover show case-8c6d8b45/plan.json']]);
    assert.ok(!ran.stdout.includes(path.join(os.tmpdir(), 'raft-inspector-')), 'the scratch directory is named nowhere');
    assert.match(data.notes.join(), /Made from a copy of n1\.tar\.gz/);
    // The next step ends in one that can be typed once the archive is unpacked.
    const shown = recover('show', work, []);
    assert.equal(shown.stderr, 'Next: raft-inspector recover rehearse --data n1\n      raft-inspector recover apply --data n1 --into n1-recovered\n');
    survivor();
    assert.equal(recover('apply', work, ['--data', 'n1', '--into', 'n1-recovered']).code, 0);
  });

  it('keeps nothing in data: no transcript, no plan, no result, whatever --case and -o name', () => {
    survivor();
    for (const name of ['e', 'd']) execFileSync('cp', ['-a', path.join(work, 'n1'), path.join(work, name)]);
    assert.equal(recover('plan', work, ['n1', '--case', 'cc']).code, 0);
    const before = ['n1', 'd', 'e'].map((name) => treeFingerprint(path.join(work, name), 'bytes'));
    for (const verb of ['show', 'lint', 'status']) assert.equal(recover(verb, work, ['cc/plan.json', '--case', 'e']).code, 0, verb);
    for (const [verb, ...words] of [
      ['plan', 'd', '--case', 'd'],
      ['plan', 'd', '--case', 'd', '-o', 'p.json'],
      ['plan', 'd', '--case', 'e'],
      ['plan', 'd', '-o', 'd/member/p.json'],
      ['collect', 'd', '--case', 'd'],
      ['collect', 'd', '--case', 'd', '-o', 'x.json'],
      ['collect', 'd', '-o', 'd/x.json'],
      ['bootstrap', 'd', '--case', 'd'],
      ['rehearse', 'cc/plan.json', '--case', 'e'],
      ['apply', 'cc/plan.json', '--case', 'e', '--execute', '--confirm', '8c6d8b45'],
    ] as const) {
      const ran = recover(verb, work, [...words]);
      assert.deepEqual([ran.code, /would lie inside the data of|is a member's data, no case directory/.test(ran.stderr)], [2, true], `${verb} ${words.join(' ')}: ${ran.stderr}`);
    }
    assert.deepEqual(['n1', 'd', 'e'].map((name) => treeFingerprint(path.join(work, name), 'bytes')), before);
    assert.deepEqual(fs.readdirSync(work).sort(), ['cc', 'd', 'e', 'n1']);
    // A transcript that lies there already makes it no case.
    fs.writeFileSync(path.join(work, 'e/transcript.ndjson'), '');
    assert.equal(recover('show', work, ['cc/plan.json', '--case', 'e']).code, 0);
    assert.equal(fs.readFileSync(path.join(work, 'e/transcript.ndjson'), 'utf8'), '');
    // Nor does a plan that lies below the data.
    fs.mkdirSync(path.join(work, 'n1/kept'));
    fs.copyFileSync(path.join(work, 'cc/plan.json'), path.join(work, 'n1/kept/plan.json'));
    assert.equal(recover('show', work, ['--case', 'n1/kept']).code, 0);
    assert.deepEqual(fs.readdirSync(path.join(work, 'n1/kept')), ['plan.json']);
  });

  it('gets a case when it was written elsewhere and is rehearsed: the result is found, and undo alone answers', () => {
    survivor();
    const planned = recover('plan', work, ['n1', '-o', 'pl.json']);
    assert.equal(planned.stderr, 'Next: raft-inspector recover rehearse pl.json\n      raft-inspector recover apply pl.json\n');
    assert.match(recover('apply', work, ['pl.json']).stdout, / {2}not rehearsed\n/);
    assert.deepEqual(fs.readdirSync(work).sort(), ['n1', 'pl.json'], 'looking begins no case');
    // Nothing on PATH can start the result: the answer is kept all the same.
    const rehearsed = runNode([BIN, 'recover', 'rehearse', 'pl.json'], { cwd: work, env: { COLUMNS: '100', PATH: '', ETCD_BINARY: '' } });
    assert.equal(rehearsed.code, 11, rehearsed.stderr);
    assert.match(rehearsed.stderr, /^pl\.json is in no case: copied to case-8c6d8b45\/plan\.json, where the recovery is kept$/m);
    assert.deepEqual(fs.readdirSync(path.join(work, 'case-8c6d8b45')).sort(), ['plan.json', 'rehearsal.json', 'transcript.ndjson']);
    assert.equal(fs.readFileSync(path.join(work, 'case-8c6d8b45/plan.json'), 'utf8'), fs.readFileSync(path.join(work, 'pl.json'), 'utf8'));
    const preview = recover('apply', work, ['pl.json']);
    assert.match(preview.stdout, / {2}rehearsed \S+ unverifiable\n/);
    const applied = recover('apply', work, ['pl.json', '--execute', '--confirm', '8c6d8b45']);
    assert.equal(applied.code, 0, applied.stderr);
    assert.doesNotMatch(applied.stderr, /copied to/, 'once is enough');
    const undo = recover('undo', work, ['--json']);
    assert.deepEqual([undo.code, dataOf(undo).next.length], [0, 1]);
    assert.equal(recover('undo', work, ['pl.json', '--execute']).code, 0);
    const commands = fs.readFileSync(path.join(work, 'case-8c6d8b45/transcript.ndjson'), 'utf8').trim().split('\n').map((line) => (JSON.parse(line) as { command: string }).command);
    assert.deepEqual(commands, ['rehearse pl.json', 'apply pl.json', 'apply pl.json --execute --confirm 8c6d8b45', 'undo pl.json --execute'].map((words) => `raft-inspector recover ${words}`));
  });

  it('gets a case when it was written elsewhere and is applied at once; a rehearsal that cannot be kept says so', () => {
    survivor();
    assert.equal(recover('plan', work, ['n1', '-o', 'pl.json']).code, 0);
    fs.writeFileSync(path.join(work, 'case-8c6d8b45'), 'a file in the way');
    const rehearsed = runNode([BIN, 'recover', 'rehearse', 'pl.json'], { cwd: work, env: { COLUMNS: '100', PATH: '', ETCD_BINARY: '' } });
    assert.equal(rehearsed.code, 11, rehearsed.stderr);
    assert.match(rehearsed.stderr, /^The result is not kept: .*case-8c6d8b45/m);
    fs.rmSync(path.join(work, 'case-8c6d8b45'));
    assert.equal(recover('apply', work, ['pl.json', '--execute', '--confirm', '8c6d8b45']).code, 0);
    assert.deepEqual(fs.readdirSync(path.join(work, 'case-8c6d8b45')).sort(), ['journal.ndjson', 'plan.json', 'transcript.ndjson']);
    assert.match(recover('undo', work, []).stdout, /^UNDO +1 plan in case-8c6d8b45\n/);
  });

  it('says to scripts where it was written', () => {
    survivor();
    const ran = recover('plan', work, ['n1', '--json', '--quiet']);
    assert.deepEqual([ran.stderr, dataOf(ran).next], ['', ['raft-inspector recover rehearse case-8c6d8b45/plan.json', 'raft-inspector recover apply case-8c6d8b45/plan.json']]);
    const quiet = recover('plan', work, ['n1', '--quiet']);
    assert.deepEqual([quiet.stderr, /\n {2}Written +case-8c6d8b45\/plan-2\.json\n/.test(quiet.stdout)], ['', true]);
  });

  it('does not stand in the way of a fence on a disk of another cluster', () => {
    survivor();
    assert.equal(recover('plan', work, ['n1']).code, 0);
    execFileSync('cp', ['-a', path.join(ROOT, 'fixtures/native/v1-healthy'), path.join(work, 'nat')]);
    const transcript = (): string => fs.readFileSync(path.join(work, 'case-8c6d8b45/transcript.ndjson'), 'utf8');
    const before = transcript();
    const fenced = recover('fence', work, ['nat/n2', '--execute', '--json']);
    assert.deepEqual([fenced.code, (JSON.parse(fenced.stdout) as { data: { planId: string | null } }).data.planId], [0, null], fenced.stderr);
    assert.match(fs.readFileSync(path.join(work, 'nat/n2/FENCED'), 'utf8'), /fenced by an operator/);
    assert.equal(transcript(), before, 'and its case has nothing to tell of it');
    const again = recover('fence', work, ['nat/n2']);
    assert.match(again.stdout, /^ALREADY FENCED [^]*\/nat\/n2\/FENCED is there: node start refuses; --lift takes it away\n$/);
    const named = recover('fence', work, ['nat/n3', '--plan', 'case-8c6d8b45/plan.json']);
    assert.deepEqual([named.code, /other-cluster/.test(named.stderr)], [4, true]);
    const source = recover('fence', work, ['n1']);
    assert.deepEqual([source.code, /fence-source/.test(source.stderr)], [4, true]);
  });

  it('takes directory, certificates and endpoints from a static pod manifest, and tells when the address moved', () => {
    survivor();
    const words = ['etcd', '--name=n1', '--data-dir=/var/lib/etcd', '--advertise-client-urls=https://10.0.0.11:2379', '--initial-advertise-peer-urls=https://10.0.0.11:2380', '--cert-file=/pki/server.crt', '--key-file=/pki/server.key', '--trusted-ca-file=/pki/ca.crt'];
    const volumes = [{ name: 'd', hostPath: { path: path.join(work, 'n1') } }, { name: 'p', hostPath: { path: '/etc/pki/etcd' } }];
    const mounts = [{ mountPath: '/var/lib/etcd', name: 'd' }, { mountPath: '/pki', name: 'p' }];
    fs.writeFileSync(path.join(work, 'etcd.yaml'), JSON.stringify({ kind: 'Pod', spec: { containers: [{ command: words, volumeMounts: mounts }], volumes } }));
    const ran = recover('plan', work, ['--from', 'etcd.yaml', '--json']);
    const { data, findings } = dataOf(ran);
    assert.deepEqual([ran.code, data.source, data.dataDir], [0, 'n1', path.join(work, 'n1')]);
    assert.deepEqual(data.connection, { endpoints: ['https://10.0.0.11:2379'], cacert: '/etc/pki/etcd/ca.crt', cert: '/etc/pki/etcd/server.crt', key: '/etc/pki/etcd/server.key' });
    assert.ok(findings.some((one) => one.rule === 'address-differs'));
    const moved = dataOf(recover('plan', work, ['--from', 'etcd.yaml', '--self-address', 'https://10.0.0.11:2380', '--endpoint', 'https://n1:2379', '--json']));
    assert.deepEqual([moved.findings.some((one) => one.rule === 'address-differs'), moved.data.connection?.endpoints], [false, ['https://n1:2379']]);
    assert.match(moved.data.changes[0]?.lines.join('\n') ?? '', /new address of n1/);
  });

  it('refuses with its rule, and says what to do', () => {
    survivor();
    const certain = recover('plan', work, ['n1', '--seen-revision', '520', '--json']);
    assert.deepEqual([certain.code, dataOf(certain).error.rule], [4, 'certain-loss']);
    const accepted = recover('plan', work, ['n1', '--seen-revision', '520', '--override', 'certain-loss', '--json']);
    assert.deepEqual([accepted.code, dataOf(accepted).data.overrides.map((one) => one.rule), dataOf(accepted).data.facts], [0, ['certain-loss'], ['--seen-revision', '520']]);
    assert.deepEqual([recover('plan', work, ['n1', '--override', 'process-running']).code, recover('plan', work, []).code], [2, 2]);
    const dead = recover('plan', work, ['n1', '--dead', 'n2', '--json']);
    assert.deepEqual([dead.code, dataOf(dead).error.rule], [4, 'dead-mismatch']);
    // Two of three are there and whole.
    const trap = unpackCase('etcd/double-trap-3516');
    const quorum = recover('plan', trap, ['n1', 'n2', '--case', path.join(work, 'case-q')]);
    assert.equal(quorum.code, 4);
    assert.match(quorum.stderr, /quorum-present: n1, n2 are whole and a majority of the 3 voters/);
    assert.match(quorum.stderr, /--override quorum-present/);
    // Nobody qualifies.
    fs.rmSync(path.join(work, 'n1/member/snap/db'));
    const none = recover('plan', work, ['n1', '--json']);
    assert.deepEqual([none.code, dataOf(none).error.code], [9, 'NO_CANDIDATE']);
  });

  it('is refused when it was edited, cut short or no plan', () => {
    survivor();
    assert.equal(recover('plan', work, ['n1']).code, 0);
    const file = path.join(work, 'case-8c6d8b45/plan.json');
    const text = fs.readFileSync(file, 'utf8');
    fs.writeFileSync(file, text.replace('"keepTo": 555', '"keepTo": 554'));
    for (const verb of ['show', 'lint']) {
      const ran = recover(verb, work, ['--json']);
      assert.deepEqual([ran.code, dataOf(ran).error.rule], [4, 'plan-edited'], verb);
    }
    fs.writeFileSync(file, text.slice(0, 2000));
    const cut = recover('lint', work, ['--json']);
    assert.deepEqual([cut.code, dataOf(cut).error.code], [3, 'CORRUPT_DATA']);
    assert.equal(recover('show', work, ['n1']).code, 2, 'a directory is no plan');
  });
});
