import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startWords, undoCommand, verifyByHand, verifyCommand } from '../../src/cli/after-apply.ts';
import { toFailure } from '../../src/cli/failure.ts';
import { closing } from '../../src/cli/present.ts';
import { createProgressDisplay } from '../../src/cli/progress.ts';
import { applyLines } from '../../src/cli/render/apply.ts';
import { planScreen } from '../../src/cli/render/plan.ts';
import { displayWidth } from '../../src/cli/render/table.ts';
import { plainStyle } from '../../src/cli/render/terminal-style.ts';
import { UsageError } from '../../src/engine/errors.ts';
import type { ApplyReport } from '../../src/engine/model/apply-report.ts';
import type { RecoveryPlan } from '../../src/engine/model/plan.ts';
import { topicHelp } from '../../src/help/help.ts';
import { planOf } from '../helpers/recover-native.ts';
import { ROOT } from '../helpers/run-cli.ts';
import { samplePlan } from '../helpers/sample-case.ts';

const starting = (...start: string[]): Pick<RecoveryPlan, 'steps'> => ({ steps: [{ id: 'swap', kind: 'swap', target: '/var/lib/etcd', before: null, after: { start } }] });

describe('what to type after an apply', () => {
  it('verify as it can be typed: the plan knows the way, or the environment, or it is the usual port', () => {
    assert.equal(verifyCommand(samplePlan(), [], {}), 'raft-inspector recover verify');
    const plan = samplePlan({ connection: null });
    assert.equal(verifyCommand(plan, ['--case', 'a b'], {}), "raft-inspector recover verify --case 'a b' --endpoint http://10.0.0.11:2379");
    assert.equal(verifyCommand(plan, [], { ETCDCTL_ENDPOINTS: '10.0.0.11:2379' }), 'raft-inspector recover verify');
    assert.equal(verifyCommand(samplePlan({ store: 'native', connection: null }), [], {}), 'raft-inspector recover verify');
  });

  it('verify of a member of our own engine: where it advertises, and places to fill in for certificates that it must have', () => {
    const native = (address: string | null, more: Partial<RecoveryPlan> = {}): RecoveryPlan => samplePlan({ store: 'native', target: 'native', connection: null, parameters: { address }, ...more });
    const places = "--cacert '<CA certificate file>' --cert '<client certificate file>' --key '<its key file>'";
    assert.equal(verifyCommand(native('10.0.0.11:7001'), ['a b.json'], {}), `raft-inspector recover verify 'a b.json' --endpoint 10.0.0.11:7001 ${places}`);
    assert.equal(verifyCommand(native('127.0.0.1:7001'), [], {}), 'raft-inspector recover verify --endpoint 127.0.0.1:7001');
    const known = { endpoints: [], cacert: 'ca.crt', cert: 'me.crt', key: 'my key' };
    assert.equal(verifyCommand(native('n1:7001', { connection: known }), [], {}), "raft-inspector recover verify --endpoint n1:7001 --cacert ca.crt --cert me.crt --key 'my key'");
    assert.equal(verifyCommand(native('n1:7001', { connection: { ...known, endpoints: ['n1:7001'] } }), [], {}), 'raft-inspector recover verify');
    assert.equal(verifyCommand(native('n1:7001'), [], { RAFT_INSPECTOR_ENDPOINTS: 'n1:7001' }), 'raft-inspector recover verify');
    assert.equal(verifyCommand(native(null), [], {}), 'raft-inspector recover verify');
  });

  it('verify of a real directory of our own engine can be typed as it is', async () => {
    const plan = await planOf([path.join(ROOT, 'fixtures/native/v1-healthy/n1')]);
    assert.equal(verifyCommand(plan, ['my plan.json'], {}), "raft-inspector recover verify 'my plan.json' --endpoint 127.0.0.1:7001");
    const moved = await planOf([path.join(ROOT, 'fixtures/native/v1-healthy/n1')], { selfAddress: '10.0.0.21:7001' });
    assert.match(verifyCommand(moved, [], {}) ?? '', /--endpoint 10\.0\.0\.21:7001 --cacert /);
  });

  it('built elsewhere, the server is started on what was built', () => {
    const etcd = samplePlan(starting('Start etcd as always, of the same minor version, WITHOUT --x: left on, it drops members'));
    assert.deepEqual(startWords(etcd, '/srv/out dir'), ["Start etcd with --data-dir '/srv/out dir', of the same minor version, WITHOUT --x"]);
    assert.deepEqual(startWords(etcd, '/srv/out.tgz'), ['unpack /srv/out.tgz into a new directory', 'Start etcd on that directory, of the same minor version, WITHOUT --x']);
    const native = samplePlan({ store: 'native', product: null, ...starting('start it with a configuration that says member: {id: n1-g1}') });
    assert.deepEqual(startWords(native, '/srv/out'), ['start it with a configuration that says member: {id: n1-g1}; with dataDir: /srv/out']);
    assert.deepEqual(startWords(samplePlan({ product: 'consul', ...starting() }), '/srv/$&'), ["start it with -data-dir '/srv/$&'"]);
  });

  it('the way back can be typed: the plan is named, however it was found', () => {
    const plan = samplePlan();
    assert.deepEqual([[], ['--case', 'my case'], ['p 1.json']].map((words) => undoCommand(plan, words)), ['raft-inspector recover undo 5c2e91', "raft-inspector recover undo 5c2e91 --case 'my case'", "raft-inspector recover undo 'p 1.json'"]);
    const lines = [...planScreen(plan, plainStyle({ width: 120 }), new Date('2026-03-14T02:30:00Z'), undoCommand(plan, ['--case', 'my case']))];
    assert.ok(lines.some((line) => line.startsWith("  Undo        raft-inspector recover undo 5c2e91 --case 'my case', until")), lines.join('\n'));
  });

  it('no command where none speaks to such clusters', () => {
    const plan = samplePlan({ store: 'raft-boltdb', product: 'consul' });
    assert.equal(verifyCommand(plan, [], {}), null);
    assert.equal(verifyByHand(plan), 'look with the tools of consul: one leader, n1 alone, a write accepted');
  });

  it('how the server is started: a reason in words is left out, a setting is not', () => {
    assert.deepEqual(startWords(samplePlan(starting('Start etcd WITHOUT --x: left on, it drops members', 'more'))), ['Start etcd WITHOUT --x']);
    assert.deepEqual(startWords(samplePlan(starting('start it with member: {id: n2}, clusterId: abc'))), ['start it with member: {id: n2}, clusterId: abc']);
    assert.deepEqual(startWords(samplePlan(starting('Start it with -bind=127.0.0.1:23420'))), ['Start it with -bind=127.0.0.1:23420']);
  });

  it('a member of a practice cluster is started and reached through it', () => {
    const lab = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-words-'));
    try {
      fs.writeFileSync(path.join(lab, 'lab.json'), '{}');
      const plan = samplePlan({ store: 'native', connection: null, dataDir: path.join(lab, 'n2') });
      const place = path.relative('', lab);
      assert.deepEqual([startWords(plan), verifyCommand(plan, [], {})], [[`raft-inspector lab start n2 --dir ${place}`], `raft-inspector recover verify --lab ${place}`]);
    } finally {
      fs.rmSync(lab, { recursive: true, force: true });
    }
  });
});

describe('screens of a recovery where a terminal is narrow', () => {
  const long = '/srv/a long directory/with many parts/that no row of a terminal can hold/whatever one does about it';
  const report: ApplyReport = {
    planId: 'x', state: 'preview', dataDir: long, result: long, backup: null, steps: [], refusals: [], neededBytes: 1, freeBytes: 14_000_000_000, durationMs: 1,
    checks: [['in use', 'nobody has the directory open'], ['files', '4 of 4 files as in the evidence'], ['member', 'member n1 of 8c6d8b45601ffaf2'], ['space', ''], ['rehearsed', 'rehearsed 03:24']].map(([name = '', detail = '']) => ({ name, ok: true, detail })),
  };

  it('facts stand one below the other, and no row is broken in its middle', () => {
    const steps: RecoveryPlan['steps'] = [{ id: 'backup', kind: 'backup', target: `${long}.ri/5c2e91`, before: null, after: null }];
    const lines = [...planScreen(samplePlan({ steps, changes: [] }), plainStyle({ width: 80, terminal: true }), new Date('2026-03-14T02:30:00Z'))];
    for (const line of lines) assert.ok(displayWidth(line) <= 80, line);
    assert.deepEqual(lines.slice(0, 6), ['PLAN 5c2e91  make n1 a cluster of one', `  ${lines[1]?.trim()}`, '  voters      n1 n2 n3 -> n1', '  last        2/555 -> 2/557       commit  554 -> 557', '  in doubt    555 -> kept', '  revision    513, no bump (watchers may know more)']);
    assert.match(lines[1] ?? '', /^ {2}LOSS UNKNOWN, accepted \d\d:\d\d \S+ by root on cp-1$/);
    const backup = lines.findIndex((line) => line.startsWith('  1 backup    1 file, '));
    assert.match(lines[backup + 1] ?? '', /^ {14}\S/);
  });

  it('S6: the verdict goes below as a whole; checks stand in columns', () => {
    const wide = [...applyLines({ ...report, dataDir: '/var/lib/etcd', result: '/var/lib/etcd' }, samplePlan(), plainStyle({ width: 100, terminal: true }))];
    const starts = wide.slice(1, 3).map((line) => [...line.matchAll(/(?<= )ok {2}/g)].map((one) => one.index));
    assert.deepEqual(starts, [[2, 41], [2, 41, 75]]);
    const narrow = [...applyLines(report, samplePlan(), plainStyle({ width: 80, terminal: true }))];
    assert.ok(narrow.includes('  LOSS UNKNOWN (best effort)'), narrow.join('\n'));
    for (const line of narrow) assert.ok(displayWidth(line) <= 80, line);
  });
});

describe('S7: steps while they run', () => {
  function recorded(terminal: boolean): { at: (ms: number) => void; note: ReturnType<ReturnType<typeof createProgressDisplay>['steps']>; report: (done: number) => void; said: string[]; clear: () => void } {
    let time = 0;
    const said: string[] = [];
    const display = createProgressDisplay({ terminal, columns: 80, now: () => time, write: (text) => said.push(text) });
    return { said, note: display.steps(['backup', 'build', 'check', 'swap']), at: (ms) => (time = ms), report: (done) => display.report(done, 100, 'reading'), clear: () => display.clear() };
  }

  it('what is done, what runs with its own bar, and what is to come; painted over, and gone before the answer', () => {
    const { said, note, at, report, clear } = recorded(true);
    note('backup', 'started');
    at(400);
    note('backup', 'done');
    note('build', 'started');
    assert.deepEqual(said, [], 'nothing within the first second');
    at(2400);
    report(50);
    assert.deepEqual(said.join('').replaceAll('\u001b[K', '').split('\n'), ['\r  1 backup    done   0.4 s', '  2 build      50%  [##########..........]  reading, 2.0 s left', '  3 check', '  4 swap']);
    note('build', 'failed');
    assert.deepEqual((said.at(-1) ?? '').replaceAll('\u001b[K', '').split('\n').slice(0, 2), ['\r\u001b[3A  1 backup    done   0.4 s', '  2 build     FAIL   2.0 s']);
    clear();
    assert.equal(said.at(-1), '\r\u001b[3A\u001b[J');
  });

  it('off a terminal a line now and then, with the step it is about', () => {
    const { said, note, at, report } = recorded(false);
    note('backup', 'started');
    at(11_000);
    report(50);
    assert.deepEqual(said, ['  backup   50%  [##########..........]  reading, 11 s left\n']);
  });
});

describe('words around a recovery', () => {
  it('a value that does not parse is told in one line', () => {
    const thrown = new UsageError('Parsing --timeout \n\t"banana" is not a duration\nSee more help with --help', 'Write 5s');
    assert.deepEqual(toFailure(thrown, 'recover show').body, { code: 'USAGE', message: '--timeout: "banana" is not a duration', hint: 'Write 5s' });
  });

  it('S12: says what nothing can lift', () => {
    const manner = { errorStyle: plainStyle(), errorColour: 'plain' as const };
    assert.equal(closing([], 4, manner, 'process-running'), 'exit 4, refused, cannot be overridden\n');
    assert.equal(closing([], 4, manner, 'certain-loss'), 'exit 4, refused\n');
  });

  it('recover --help holds the whole path in order, commands of other topics included', () => {
    const ids = ['recover:undo', 'recover:report', 'recover:verify', 'recover:apply', 'member:add', 'member:list', 'snapshot:verify'];
    const order = topicHelp('recover', new Map(ids.map((id) => [id, id]))).flatMap((line) => /^ +\d+ {2}raft-inspector (\S+ \S+)/.exec(line)?.[1] ?? []);
    assert.deepEqual(order, ['recover apply', 'recover verify', 'member add', 'snapshot verify', 'recover report', 'recover undo']);
  });
});
