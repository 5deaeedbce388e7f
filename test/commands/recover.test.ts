import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { unpackCase } from '../helpers/corpus.ts';
import { BIN, ensureBuilt, runNode } from '../helpers/run-cli.ts';
import type { Ran } from '../helpers/run-cli.ts';

/** Runs a recover command from its source inside a case's directory. */
function recover(verb: 'pick' | 'plan' | 'compare' | 'collect', cwd: string, words: string[], columns = 100): Ran {
  return runNode([BIN, 'recover', verb, ...words], { cwd, env: { COLUMNS: String(columns) } });
}

function dataOf(ran: Ran): { data: any; exit: { code: number }; findings: any[]; next: string[] } {
  return JSON.parse(ran.stdout);
}

describe('recover pick', function () {
  this.timeout(30_000);
  before(ensureBuilt);
  const trap = unpackCase('etcd/double-trap-3516');
  const alone = unpackCase('etcd/acked-beyond-commit-34');

  it('shows a proven source against the member with both traps', () => {
    const ran = recover('pick', trap, ['n1', 'n2', '--explain']);
    assert.deepEqual([ran.code, ran.stdout.split('\n').slice(0, 10)], [
      0,
      [
        'SOURCE n1  LOSS NONE (proven)                 etcd 3.5  cluster 55c00990150d08f5  3 voters, quorum 2',
        '     MEMBER  LAST ENTRY  ENTRIES  COMMIT  CURRENT TERM  HEALTH   WHY',
        '  *  n1           3/488    1-488     488             3  ok       newest last entry',
        '  2  n2           2/665    1-665     465            62  ok       longer, higher term: neither counts',
        '  -  n3               -        -       -             -  no data',
        '  n1  1 ======== term 2 ======== 465 | 466 == term 3 == 488',
        '  n2  1 ======== term 2 ======== 465 | 466 ------- term 2, never committed ------- 665',
        '                                       ^ the logs part here',
        '  Proof     2 of 3 voters read, both whole: no committed entry can be missing from the newer of them',
        "  Drops     n2's 466-665: 200 puts under /lostwrite/, provably never committed",
      ],
    ]);
    assert.equal(ran.stderr, 'Next: raft-inspector recover plan n1 n2\n');
  });

  it('shows what one survivor of three can and cannot tell', () => {
    const lines = recover('pick', alone, ['n1', '--explain']).stdout.split('\n');
    assert.deepEqual(lines.slice(0, 3), [
      'SOURCE n1  LOSS UNKNOWN (best effort)         etcd 3.4  cluster 8c6d8b45601ffaf2  3 voters, quorum 2',
      '  n1  1 ============ safe ============ 554 | 555 ~ in doubt | 556 ? ? ? only n2, n3 could tell ? ? ?',
      '  Safe      1-554, revision 512: n1 itself knows them committed',
    ]);
    assert.match(lines.join('\n'), /In doubt {2}555: put \/seq\/00334, 256 B\. A client may have been told it succeeded, so it is kept/);
    assert.match(lines.join(' '), /Unknown {3}what n2 and n3 agreed on without n1: 1 of 3 voters read/);
    assert.match(lines.join('\n'), /Better {4}Read the dead members' disks too/);
    assert.match(lines.join('\n'), /--seen-revision <n>/);
  });

  it('turns a revision seen elsewhere into a certain loss, in words and numbers', () => {
    const ran = recover('pick', alone, ['n1', '--seen-revision', '520', '--max-loss', 'possible']);
    assert.deepEqual([ran.code, ran.stdout.split('\n').slice(0, 3)], [
      10,
      [
        'SOURCE n1  LOSS CERTAIN (7 revisions or more)  etcd 3.4  cluster 8c6d8b45601ffaf2  3 voters, quorum 2',
        '  n1  1 ============ safe ============ 554 | 555 ~ in doubt | 556 xxxxx lost xxxxx | ? ? ?',
        "  Lost      revisions 514-520: you saw 520, n1's log ends at 513. Another disk may still hold them.",
      ],
    ]);
  });

  for (const columns of [80, 140]) {
    it(`fits ${columns} columns`, () => {
      for (const [directory, words] of [[trap, ['n1', 'n2', 'n3', '--explain']], [alone, ['n1', '--explain']]] as const) {
        for (const line of recover('pick', directory, [...words], columns).stdout.split('\n')) assert.ok(line.length <= columns, line);
      }
    });
  }

  it('answers in JSON with the fields of the contract, and hashes keys under --redact all', () => {
    const { data, exit, next } = dataOf(recover('pick', alone, ['n1', '--json', '--redact', 'all']));
    assert.deepEqual(Object.keys(data), ['ranking', 'source', 'decidedBy', 'quorum', 'loss', 'preliminary', 'advice', 'divergence']);
    assert.deepEqual(Object.keys(data.loss), ['verdict', 'proof', 'statement', 'why', 'floor', 'safeTo', 'inDoubt', 'missing']);
    assert.deepEqual([exit.code, data.loss.floor, data.loss.safeTo, data.loss.inDoubt], [0, 554, 554, { from: 555, to: 555, entries: 1 }]);
    assert.ok(!JSON.stringify(data).includes('/seq/00334'));
    assert.equal(next.at(-1), 'raft-inspector recover plan n1');
  });

  it('ends with 9 and the ranking when the disks are of two clusters', () => {
    const foreign = unpackCase('etcd/foreign-member-3516');
    const ran = recover('pick', foreign, ['n1', 'n3', '--json']);
    const { data, findings } = dataOf(ran);
    assert.deepEqual([ran.code, data.source, data.ranking.length], [9, null, 2]);
    assert.ok(findings.some((one) => one.rule === 'cluster-conflict' && one.severity === 'error'));
    assert.match(recover('pick', foreign, ['n1', 'n3']).stdout, /^NO SOURCE/);
    const three = dataOf(recover('pick', foreign, ['n1', 'n2', 'n3', '--json']));
    assert.deepEqual([three.exit.code, three.data.source], [0, 'n1']);
  });

  it('of two clusters neither says anything of the other, and the command to type names one', () => {
    const foreign = unpackCase('etcd/foreign-member-3516');
    const ran = recover('pick', foreign, ['n1', 'n3', '--json']);
    const { data, next } = dataOf(ran);
    assert.deepEqual([ran.code, data.loss.floor, data.divergence, data.quorum.voters], [9, 0, [], 0]);
    assert.ok(data.ranking.every((one: { disqualified: string | null }) => one.disqualified === null));
    assert.deepEqual(next, ['b3972a96dea087c4', 'f7dd214aed49dfef'].map((id) => `raft-inspector recover pick n1 n3 --cluster-id ${id}`));
    for (const more of [[], ['--explain']]) {
      const { stdout } = recover('pick', foreign, ['n1', 'n3', ...more], 140);
      assert.match(stdout, /^NO SOURCE +etcd 3\.5 {2}2 clusters\n/);
      assert.match(stdout, /Say which cluster is meant: --cluster-id b3972a96dea087c4 \(n1\) or --cluster-id f7dd214aed49dfef \(n3\)/);
      assert.doesNotMatch(stdout, /seen-commit|known committed|no data/);
    }
    const planned = recover('plan', foreign, ['n1', 'n3']);
    assert.deepEqual([planned.code, /--cluster-id b3972a96dea087c4 \(n1\)/.test(planned.stderr)], [9, true]);
    const meant = dataOf(recover('pick', foreign, ['n1', 'n3', '--cluster-id', 'b3972a96', '--json'])).data;
    assert.deepEqual([meant.source, meant.loss.floor, meant.divergence], ['n1', 515, []]);
    const neither = recover('pick', foreign, ['n1', '--cluster-id', 'f7dd214aed49dfef', '--json']);
    assert.deepEqual([neither.code, dataOf(neither).data.loss.floor, dataOf(neither).next], [9, 0, ['raft-inspector recover pick n1 --cluster-id b3972a96dea087c4']]);
  });

  it('what the operator said and the disks do not take up is told, and plan is offered only what it takes', () => {
    const words = ['n1', '--voters', '5', '--dead', 'nosuch', '--id', 'n1=abc'];
    const { exit, findings, next } = dataOf(recover('pick', alone, [...words, '--explain', '--json']));
    assert.deepEqual([exit.code, findings.filter((one) => one.severity === 'warn').map((one) => one.rule)], [0, ['id-not-used', 'voters-not-used', 'dead-mismatch']]);
    assert.equal(findings.find((one) => one.rule === 'dead-mismatch').message, '--dead nosuch: nosuch is no member of this cluster');
    assert.deepEqual(next, ['raft-inspector recover pick n1 --voters 5 --dead n2,n3 --id n1=abc']);
    assert.match(recover('pick', alone, words, 200).stdout, /\n {2}You said {2}--id n1=abc is not used: the data of n1 says that it is member \w+\. [^-]+\n {12}--voters 5 is not used: the configuration in n1 names 3/);
    const right = dataOf(recover('pick', alone, ['n1', '--voters', '3', '--dead', 'n2,n3', '--explain', '--json']));
    assert.deepEqual([right.findings.filter((one) => one.severity === 'warn'), right.next], [[], ['raft-inspector recover plan n1 --voters 3 --dead n2,n3']]);
    const forgotten = dataOf(recover('pick', alone, ['n1', '--dead', 'n2', '--explain', '--json']));
    assert.deepEqual(forgotten.next, ['raft-inspector recover pick n1 --dead n2,n3']);
  });

  it('an id that no configuration names, and a dead member where there is no source, are told as well', () => {
    const raft = unpackCase('hashicorp-raft/quorum-loss-112');
    const rules = (cwd: string, words: string[]): string[] => dataOf(recover('pick', cwd, [...words, '--json'])).findings.filter((one) => one.severity === 'warn').map((one) => one.rule);
    assert.deepEqual(rules(raft, ['node-2', 'node-3', '--id', 'node-2=zz']), ['id-unknown']);
    assert.deepEqual(rules(raft, ['node-2', 'node-3', '--id', 'node-2=node-2', '--dead', 'node-1']), []);
    assert.ok(rules(unpackCase('etcd/foreign-member-3516'), ['n1', 'n3', '--dead', 'nosuch']).includes('dead-mismatch'));
  });

  it('refuses facts about labels that are not there', () => {
    const ran = recover('pick', alone, ['n1', '--restored', 'n9']);
    assert.deepEqual([ran.code, /no place has that label/.test(ran.stderr)], [2, true]);
  });
});

describe('recover collect and compare', function () {
  this.timeout(30_000);
  before(ensureBuilt);
  let directory: string;
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-recover-'));
  });
  afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

  it('writes evidence into the case directory, never twice, and picks from it as from the disks', () => {
    const trap = unpackCase('etcd/double-trap-3516');
    const places = ['n1', 'n2'].map((label) => path.join(trap, label));
    const collected = recover('collect', directory, [...places, '--json']);
    const files: { path: string; bytes: number }[] = dataOf(collected).data.files;
    assert.deepEqual(files.map((one) => one.path), ['case-55c00990/evidence/n1.json', 'case-55c00990/evidence/n2.json']);
    for (const { path: file, bytes } of files) assert.ok(bytes < 40_000 && fs.statSync(path.join(directory, file)).size === bytes);

    const again = recover('collect', directory, places);
    assert.deepEqual([again.code, /exists already/.test(again.stderr)], [2, true]);

    const fromFiles = dataOf(recover('pick', directory, [...files.map((one) => one.path), '--json'])).data;
    const fromDisks = dataOf(recover('pick', directory, [...places, '--json'])).data;
    assert.deepEqual(fromFiles, fromDisks);
    assert.equal(fromFiles.source, 'n1');
  });

  it('compares logs pair by pair', () => {
    const ran = recover('compare', unpackCase('etcd/double-trap-3516'), ['n1', 'n2', 'n3', '--json']);
    const { data } = dataOf(ran);
    assert.equal(ran.code, 0);
    assert.deepEqual(data.pairs[0], { a: 'n1', b: 'n2', commonPrefixEnd: 465, divergesAt: 466, aTerm: 3, bTerm: 2, onlyInA: { from: 466, to: 488 }, onlyInB: { from: 466, to: 665 } });
    assert.deepEqual([data.pairs[1].divergesAt, data.pairs[1].commonPrefixEnd], [null, 488]);
    assert.ok(data.invariants.every((one: { holds: boolean | null }) => one.holds !== false));
  });
});
