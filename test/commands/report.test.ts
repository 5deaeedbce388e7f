import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { RecoveryPlan } from '../../src/engine/model/plan.ts';
import type { ReportPage } from '../../src/engine/model/report-page.ts';
import { renderRunbook } from '../../src/engine/runbook/render.ts';
import { quote } from '../../src/cli/quote.ts';
import { reportFormat } from '../../src/cli/report-output.ts';
import { CORPUS } from '../helpers/corpus.ts';
import { HOSTILE } from '../helpers/report-samples.ts';
import { BIN, ensureBuilt, type Ran, runNode } from '../helpers/run-cli.ts';
import { goodCase, samplePlan, writeCase } from '../helpers/sample-case.ts';

function run(command: string, cwd: string, ...words: string[]): Ran {
  return runNode([BIN, ...command.split('/'), ...words], { cwd, env: { COLUMNS: '100', TZ: 'UTC' } });
}

describe('recover report', function () {
  this.timeout(120_000);
  before(ensureBuilt);
  let work: string;
  beforeEach(() => (work = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-report-')))));
  afterEach(() => fs.rmSync(work, { recursive: true, force: true }));

  it('Markdown on stdout; a file only where one is named, by its ending; never over another', () => {
    writeCase(path.join(work, 'case-8c6d8b45'), goodCase());
    const text = run('recover/report', work);
    assert.equal(text.code, 0, text.stderr);
    assert.match(text.stdout, /^# RECOVERED: n1 as a cluster of one\n/);
    const stable = (ran: Ran): string => ran.stdout.replace(/transcript\.ndjson, first.*/, ''); // a line longer with each command
    assert.equal(stable(run('recover/report', work, '--format', 'md')), stable(text));
    assert.deepEqual(fs.readdirSync(work), ['case-8c6d8b45']);

    const written = run('recover/report', work, '-o', 'report.html');
    assert.equal(written.code, 0, written.stderr);
    const html = fs.readFileSync(path.join(work, 'report.html'), 'utf8');
    assert.match(html, /^<!doctype html>\n/);
    assert.equal(written.stdout, `RECOVERED  n1 as a cluster of one  report in report.html  ${Math.round(html.length / 1000)} KB\n  sha256 ${crypto.createHash('sha256').update(html).digest('hex')}\n`);

    const again = run('recover/report', work, '-o', 'report.html');
    assert.equal(again.code, 2);
    assert.match(again.stderr, /report\.html exists already/);
    assert.equal(fs.readFileSync(path.join(work, 'report.html'), 'utf8'), html);
  });

  it('HTML on stdout is the same page as in a file, and JSON is the page', () => {
    const directory = path.join(work, 'case-8c6d8b45');
    writeCase(directory, { ...goodCase(), transcript: [] });
    const html = run('recover/report', work, '--format', 'html');
    assert.match(html.stdout, /^<!doctype html>\n[\s\S]*<\/html>\n$/);
    const json = run('recover/report', work, '--json');
    const envelope = JSON.parse(json.stdout) as { schema: string; data: { page: ReportPage; output: null } };
    assert.equal(envelope.schema, 'raft-inspector/recover-report/v1');
    assert.equal(envelope.data.page.verdict, 'NOT RECOVERED', 'without a transcript nobody knows when it was verified');
    assert.equal(run('recover/report', work, '-o', 'page.json').code, 0);
    assert.equal((JSON.parse(fs.readFileSync(path.join(work, 'page.json'), 'utf8')) as ReportPage).kind, 'recovery');
  });

  it('a case that is not finished is reported, and says what comes next', () => {
    writeCase(path.join(work, 'case-8c6d8b45'), { plan: samplePlan() });
    const ran = run('recover/report', work, '-o', 'r.md');
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /^NOT RECOVERED {2}n1 as a cluster of one .*\n {2}The plan has not been applied\.\n/);
    assert.equal(ran.stderr, 'Next: raft-inspector recover status\n');
  });

  it('the way back and what comes next can be typed where the case has a name of its own', () => {
    const native = samplePlan({ store: 'native', product: null, target: 'native', connection: null, parameters: { address: '10.0.0.11:7001' } });
    const { transcript, journal } = goodCase(native);
    writeCase(path.join(work, 'my case'), { plan: native, transcript: transcript.slice(0, 6), journal });
    const applied = run('recover/report', work, '--case', 'my case');
    assert.match(applied.stdout, /The way back: raft-inspector recover undo 5c2e91 --case 'my case', until/);
    assert.match(applied.stderr, /^Next: raft-inspector recover verify --case 'my case' --endpoint 10\.0\.0\.11:7001 --cacert '<CA certificate file>'/);
    assert.match(run('recover/show', work, '--case', 'my case').stdout, /\n {2}Undo +raft-inspector recover undo 5c2e91 --case 'my case',/);

    const undone = ['undo', 'undone'].map((event) => ({ at: '2026-03-14T02:40:00.000Z', plan: native.planId, event, dataDir: '/var/lib/my raft' }));
    writeCase(path.join(work, 'my case'), { plan: native, journal: [...journal, ...undone] });
    const back = run('recover/report', work, '--case', 'my case');
    assert.match(back.stdout, /was applied and taken back/);
    assert.doesNotMatch(back.stdout, /has to be run before traffic|The way back/);
    assert.equal(back.stderr, "Next: raft-inspector recover pick '/var/lib/my raft' --explain\n");
  });

  it('without a case it says what to do', () => {
    const ran = run('recover/report', work);
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /no plan was named.*\n.*recover plan/);
  });

  it('a real survivor: planned, applied, reported', () => {
    execFileSync('tar', ['-xzf', path.join(CORPUS, 'etcd/acked-beyond-commit-34/n1.tar.gz'), '-C', work]);
    assert.equal(run('recover/plan', work, 'n1').code, 0);
    const applied = run('recover/apply', work, '--execute', '--confirm', '8c6d8b45');
    assert.equal(applied.code, 0, applied.stderr);
    const { data } = JSON.parse(run('recover/report', work, '--json').stdout) as { data: { page: ReportPage } };
    assert.equal(data.page.failure?.text, 'The plan was applied; the running result has not been verified.');
    assert.deepEqual(data.page.checks.filter((one) => one.name.startsWith('apply: ')).map((one) => one.name), ['apply: backup', 'apply: build', 'apply: check', 'apply: swap']);
    assert.match(data.page.statement[1] ?? '', /^n1 was made a cluster of one by plan [0-9a-f]{6} in .*, after a verified backup; the cluster id stays the same\.$/);
    const plan = data.page.artefacts.find((one) => one.name === 'plan.json');
    assert.equal(plan?.sha256, crypto.createHash('sha256').update(fs.readFileSync(path.join(work, 'case-8c6d8b45/plan.json'))).digest('hex'));
  });
});

describe('report formats', () => {
  before(ensureBuilt);
  const offered = ['md', 'html', 'json', 'junit'] as const;

  it('the flag decides, else the ending, else Markdown', () => {
    assert.deepEqual([reportFormat(undefined, undefined, offered), reportFormat('html', undefined, offered), reportFormat(undefined, 'a/r.HTML', offered), reportFormat(undefined, 'r.xml', offered), reportFormat(undefined, 'r.txt', offered), reportFormat('json', 'r.txt', offered)], ['md', 'html', 'html', 'junit', 'md', 'json']);
  });

  it('what contradicts itself or is not offered is refused', () => {
    assert.throws(() => reportFormat('md', 'r.html', offered), /two different things/);
    assert.throws(() => reportFormat(undefined, 'r.xml', ['md', 'html', 'json']), /r\.xml would be junit/);
  });
});

describe('runbook render', function () {
  before(ensureBuilt);
  it('the way back names the plan, also where the other commands find it by themselves', () => {
    for (const [plan, typed] of [['', '5c2e91'], ["--case 'my case'", "5c2e91 --case 'my case'"], ['plan.json', 'plan.json']] as const) {
      const text = renderRunbook(samplePlan(), { plan, confirm: '8c6d8b45', connection: null, quote });
      assert.ok(text.includes(`\nraft-inspector recover undo ${typed}\nraft-inspector recover undo ${typed} --execute\n`), text);
    }
  });


  this.timeout(60_000);
  const words = { plan: 'plan.json', confirm: '8c6d8b45', connection: '--endpoint https://10.0.0.11:2379', quote };
  const headings = (text: string): string[] => [...text.matchAll(/^## (.*)$/gm)].map((one) => one[1] ?? '');

  it('is in the order that keeps data safe: gates and fences before anything starts', () => {
    assert.deepEqual(headings(renderRunbook(samplePlan(), words)), [
      'When not to act',
      '1. The majority cannot return',
      '2. Stop write traffic',
      '3. Fence the others first',
      '4. Stop the server of the source',
      '5. Read the plan',
      '6. Rehearse on a copy',
      '7. Preview',
      '8. Apply',
      '9. Start n1',
      '10. Verify',
      '11. Add n2',
      '12. Reopen traffic',
      '13. Write it down',
      'The way back',
      'When a command ends in something else than 0',
      'What the plan changes',
    ]);
  });

  it('exact commands, what they must answer, and lines to record the answers on', () => {
    const text = renderRunbook(samplePlan(), words);
    for (const command of ['raft-inspector recover apply plan.json --execute --confirm 8c6d8b45', 'raft-inspector recover verify plan.json --check ./your-own-check.sh --endpoint https://10.0.0.11:2379', 'raft-inspector member add n2 http://10.0.0.12:2380 --execute --endpoint https://10.0.0.11:2379', 'raft-inspector recover undo plan.json --execute']) {
      assert.ok(text.split('\n').includes(command), command);
    }
    assert.match(text, /\*\*Gate: Is write traffic stopped\? How was it checked\?\*\* Do not go on before this is answered\.\n- Answer _+ at _+ by _+/);
    assert.match(text, /\*\*n2\*\* \(http:\/\/10\.0\.0\.12:2380\): Wipe the data of n2 BEFORE it starts/);
    assert.match(text, /If 2 of the 3 voters \(n1, n2, n3\) can run again, with the disks they had: start them, and do nothing else\./);
    assert.match(text, /1 of 3 voters were read, 1 more would prove that nothing is missing/);
    assert.match(text, /- Start etcd as always, WITHOUT --force-new-cluster/);
    assert.match(text, /--initial-cluster-state existing/);
  });

  it('a new member is announced, waited for and made a voter, with the id that confirms it', () => {
    const lines = renderRunbook(samplePlan(), words).split('\n');
    const at = lines.indexOf('raft-inspector member add n2 http://10.0.0.12:2380 --execute --endpoint https://10.0.0.11:2379');
    assert.deepEqual(lines.slice(at + 1, at + 3), ['raft-inspector member wait n2 --endpoint https://10.0.0.11:2379', 'raft-inspector member promote n2 --execute --confirm 8c6d8b45 --endpoint https://10.0.0.11:2379']);
  });

  it('names no live command where none speaks to such clusters', () => {
    const text = renderRunbook(samplePlan({ store: 'raft-boltdb', product: 'consul' }), { ...words, connection: null });
    assert.doesNotMatch(text, /recover verify|member (add|wait|promote|list)/);
    assert.match(text, /look with the tools of consul/);
    assert.match(text, /the tools of consul show 3 voters, all healthy/);
  });

  it('a plan without loss asks for no agreement to one, and one from a copy says where data has to be named', () => {
    const loss = { ...samplePlan().why.loss, verdict: 'none' as const, proof: 'proven' as const, inDoubt: null };
    const text = renderRunbook(samplePlan({ why: { ...samplePlan().why, loss, quorum: { voters: 3, quorum: 2, surveyed: 2, needed: 0 } }, dataDir: null, checks: ["./smoke.sh 'a b'"] }), words);
    assert.match(text, /Do two people agree to this plan, by which nothing is lost\?/);
    assert.doesNotMatch(text, /If one more disk can be read/);
    assert.match(text, /recover apply plan\.json --data <directory> --execute/);
    assert.ok(text.includes(`--check './smoke.sh '\\''a b'\\'''`), 'the plan\'s own checks, quoted');
  });

  it('names from data are quoted in commands and inert in text', () => {
    const plan: RecoveryPlan = samplePlan({ source: HOSTILE, dead: [HOSTILE], fences: [{ member: HOSTILE, id: null, addresses: [HOSTILE], action: HOSTILE }], joins: [{ member: `x; rm -rf ~ $(id)`, settings: [HOSTILE] }], notes: [HOSTILE] });
    const text = renderRunbook(plan, words);
    assert.ok(text.includes("raft-inspector member add 'x; rm -rf ~ $(id)' <address> --execute"));
    // oxlint-disable-next-line no-control-regex -- none may be left
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    const outside = text.replaceAll(/^(`{3,})\w*\n[\s\S]*?\n\1$/gm, '').replaceAll(/(`+)(?!`).*?(?<!`)\1(?!`)/g, '');
    assert.doesNotMatch(outside, /(?<!\\)<(?!\s)/);
    assert.equal(headings(text).length, 17, 'no heading of its own');
  });

  it('to stdout, or to a new file', () => {
    const work = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-runbook-'));
    try {
      writeCase(path.join(work, 'case-8c6d8b45'), { plan: samplePlan() });
      const text = run('runbook/render', work);
      assert.equal(text.code, 0, text.stderr);
      assert.match(text.stdout, /^# Runbook: make n1 a cluster of one\n/);
      assert.equal(text.stderr, 'Next: raft-inspector recover rehearse\n');
      const file = run('runbook/render', work, 'case-8c6d8b45/plan.json', '-o', 'runbook.md');
      assert.equal(file.stdout, 'WRITTEN  runbook of plan 5c2e91  runbook.md\n');
      assert.ok(fs.readFileSync(path.join(work, 'runbook.md'), 'utf8').includes('raft-inspector recover rehearse case-8c6d8b45/plan.json'));
      assert.equal(run('runbook/render', work, '-o', 'runbook.md').code, 2);
    } finally {
      fs.rmSync(work, { recursive: true, force: true });
    }
  });
});
