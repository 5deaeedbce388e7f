import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { DrillRecord } from '../../src/engine/model/drill-record.ts';
import type { DrillComparison } from '../../src/engine/drill/compare.ts';
import type { ScenarioStanding } from '../../src/engine/drill/history.ts';
import { drillRecord } from '../helpers/drill-record.ts';
import { type Envelope, runCli, runJson } from '../helpers/cli.ts';
import { BIN, ensureBuilt, runNode } from '../helpers/run-cli.ts';

const DAY_MS = 86_400_000;
const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();

describe('drill commands', function () {
  this.timeout(60_000);
  let root: string;

  before(() => {
    ensureBuilt();
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-drills-'));
  });
  after(() => fs.rmSync(root, { recursive: true, force: true }));

  function history(name: string, ...records: DrillRecord[]): string {
    const directory = path.join(root, name);
    fs.mkdirSync(directory);
    for (const one of records) fs.writeFileSync(path.join(directory, `${one.drillId}.json`), JSON.stringify(one));
    return directory;
  }

  describe('history', () => {
    type Data = { standings: ScenarioStanding[]; due: string[] };

    it('--due is exit 10 when the last good run is older than 90 days, exit 0 when it is not', () => {
      const fresh = history('fresh', drillRecord({ startedAt: daysAgo(89) }));
      const old = history('old', drillRecord({ startedAt: daysAgo(91) }), drillRecord({ startedAt: daysAgo(1), verdict: 'fail', problem: 'check failed' }));
      assert.equal(runCli(['drill', 'history', '--history', fresh, '--due']).code, 0);
      const due = runJson<Data>(['drill', 'history', '--history', old, '--due']);
      assert.deepEqual([due.code, due.envelope.exit.name, due.envelope.data.due], [10, 'objective-missed', ['quorum-loss-3']]);
      assert.equal(runCli(['drill', 'history', '--history', old]).code, 0, 'without --due it only tells');
      assert.equal(runCli(['drill', 'history', '--history', fresh, '--due', '--max-age', '30d']).code, 10);
    });

    it('is due where nothing ever ran, and where the scenario that was asked for did not', () => {
      assert.equal(runCli(['drill', 'history', '--history', path.join(root, 'nothing'), '--due']).code, 10);
      const other = history('other', drillRecord({ startedAt: daysAgo(1), scenario: 'partition-3-2' }));
      assert.equal(runCli(['drill', 'history', '--history', other, '--due', '--scenario', 'quorum-loss-3']).code, 10);
      assert.equal(runCli(['drill', 'history', '--history', other, '--due', '--scenario', 'partition-3-2']).code, 0);
    });

    it('flags a time that is far above the median of the runs before, and shows the row of heights', () => {
      const directory = history('trend', ...[4000, 4200, 3900, 9000].map((rtoMs, at) => drillRecord({ startedAt: daysAgo(40 - at * 10), rtoMs })));
      const { envelope } = runJson<Data>(['drill', 'history', '--history', directory]);
      assert.deepEqual(envelope.data.standings[0]?.regressions.map(({ measure, measured, median }) => [measure, measured, median]), [['rtoMs', 9000, 4000]]);
      assert.equal(envelope.findings[0]?.rule, 'drill-regression');
      assert.match(runCli(['drill', 'history', '--history', directory]).stdout, /REGRESSION {2}quorum-loss-3: RTO 9\.0 s, 125 % above the median 4\.0 s/);
    });

    it('what is typed next names the history, and the run to compare with', () => {
      const records = [4000, 4200, 3900, 9000].map((rtoMs, at) => drillRecord({ startedAt: daysAgo(400 - at * 10), rtoMs }));
      const directory = history('h i', ...records);
      const { code, stdout } = runNode([BIN, 'drill', 'history', '--history', 'h i', '--due', '--json'], { cwd: path.dirname(directory) });
      const { findings, next } = JSON.parse(stdout) as Envelope<Data>;
      const [earlier, last] = records.slice(-2).map((one) => one.drillId);
      assert.deepEqual([code, next], [10, ["raft-inspector drill run quorum-loss-3 --history 'h i'"]]);
      assert.equal(findings[0]?.fix, `raft-inspector drill compare ${earlier} ${last} --history 'h i'`);
    });

    it('a file that is no record is a warning, and hides nothing', () => {
      const directory = history('broken', drillRecord({ startedAt: daysAgo(2) }));
      fs.writeFileSync(path.join(directory, '2026-01-01-dead.json'), '{"drillId": 1');
      fs.writeFileSync(path.join(directory, '2026-01-02-beef.json'), '{"version": 1}');
      fs.writeFileSync(path.join(directory, 'notes.txt'), 'not a record');
      const { code, envelope } = runJson<Data>(['drill', 'history', '--history', directory, '--due']);
      assert.deepEqual([code, envelope.data.standings.length, envelope.findings.map((one) => one.rule)], [0, 1, ['drill-record-unreadable', 'drill-record-unreadable']]);
      assert.match(runCli(['drill', 'history', '--history', directory]).stdout, /2026-01-01-dead\.json/, 'on the screen as well');
    });

    it('a good run from the future puts off no drill, and is told', () => {
      const directory = history('future', drillRecord({ startedAt: daysAgo(100) }), drillRecord({ startedAt: daysAgo(-30) }));
      const { code, envelope } = runJson<Data>(['drill', 'history', '--history', directory, '--due']);
      assert.deepEqual([code, envelope.findings.map((one) => one.rule)], [10, ['drill-from-the-future']]);
    });
  });

  describe('report', () => {
    it('is made in every form from a record, a directory or a file of the history, and never over another file', () => {
      const directory = history('reported', drillRecord({ startedAt: daysAgo(1) }));
      const [name = ''] = fs.readdirSync(directory);
      const file = path.join(directory, name);
      const results = path.join(root, 'results-of-a-run');
      fs.mkdirSync(results);
      fs.copyFileSync(file, path.join(results, 'record.json'));
      const html = runCli(['drill', 'report', results, '--format', 'html']).stdout;
      assert.match(html, /^<!doctype html>/i);
      assert.match(html, /Content-Security-Policy/);
      assert.doesNotMatch(html, /<script/i);
      assert.match(runCli(['drill', 'report', file, '--format', 'junit']).stdout, /^<\?xml[\s\S]*<testsuite/);
      assert.match(runCli(['drill', 'report', file, '--format', 'md']).stdout, /^# /);
      assert.equal(runJson<DrillRecord>(['drill', 'report', file]).envelope.data.scenario, 'quorum-loss-3');
      assert.deepEqual(runCli(['drill', 'report', file]).stdout.split('\n').slice(1, 10), [
        '               MEASURED  LIMIT',
        '  RTO             3.8 s   60 s  2nd member killed -> first acknowledged write',
        '  RPO lost            0      0  of 18204 acknowledged, all read back',
        '  RPO doubled         0      0  2 in doubt: 2 took effect, 0 did not',
        '  election       412 ms    1 s',
        '  failed          0.2 %      -',
        `  service      ${'='.repeat(11)}#####${'='.repeat(26)}  down 3.8 s: stop, identify, rebuild, check`,
        `  redundancy   ${'='.repeat(11)}${'#'.repeat(28)}===  none 27 s: grow n1-g2`,
        `  checks 2 of 2 (1 not run)    follow-ups 1 (DR-12, ${Math.floor((Date.parse(daysAgo(1)) - Date.parse('2025-12-16')) / DAY_MS)} days old, no owner)     next drill due ${new Date(Date.now() + 89 * DAY_MS).toISOString().slice(0, 10)}`,
      ]);
      const out = path.join(root, 'report.html');
      assert.equal(runCli(['drill', 'report', file, '--format', 'html', '-o', out]).code, 0);
      assert.equal(fs.readFileSync(out, 'utf8').trim(), html.trim());
      assert.equal(runCli(['drill', 'report', file, '--format', 'html', '-o', out]).code, 2, 'nothing is overwritten');
      const named = runJson(['drill', 'report', file, '-o', path.join(root, 'by its ending.html')]).envelope;
      assert.deepEqual(named.next, [`open '${path.join(root, 'by its ending.html')}'`]);
      assert.equal(fs.readFileSync(path.join(root, 'by its ending.html'), 'utf8').trim(), html.trim());
      assert.equal(runCli(['drill', 'report', file, '--format', 'yaml', '-o', path.join(root, 'r.txt')]).code, 2);
    });

    it('says what is wrong with something else', () => {
      const file = path.join(root, 'newer.json');
      fs.writeFileSync(file, '{"version": 2}');
      assert.match(runCli(['drill', 'report', file]).stderr, /version 2/);
      assert.equal(runCli(['drill', 'report', path.join(root, 'missing.json')]).code, 3);
    });
  });

  it('compare puts two runs side by side and tells what became worse', () => {
    const [a, b] = [drillRecord({ startedAt: daysAgo(9), rtoMs: 4000 }), drillRecord({ startedAt: daysAgo(1), rtoMs: 8000 })];
    const directory = history('pair', a, b);
    const { code, envelope } = runJson<DrillComparison>(['drill', 'compare', a.drillId, b.drillId, '--history', directory]);
    assert.equal(code, 0);
    assert.deepEqual(envelope.data.measures.filter((one) => one.isWorse).map((one) => [one.measure, one.change]), [['rtoMs', 4000]]);
    assert.match(runCli(['drill', 'compare', a.drillId, b.drillId, '--history', directory]).stdout, /rtoMs +4\.0 s +8\.0 s +\+4\.0 s +WORSE/);
  });

  it('init lists the drills there are, and writes a file that run takes', () => {
    assert.match(runCli(['drill', 'init']).stdout, /quorum-loss-3 +loss of the majority/);
    const file = path.join(root, 'mine.yaml');
    assert.equal(runCli(['drill', 'init', 'quorum-loss-5', '-o', file]).code, 0);
    assert.match(fs.readFileSync(file, 'utf8'), /scenario: quorum-loss-5/);
    assert.equal(runCli(['drill', 'init', 'quorum-loss-5', '-o', file]).code, 2);
    assert.equal(runCli(['drill', 'init', 'meteor']).code, 2);
  });

  it('run refuses what cannot be before anything starts', () => {
    const write = (name: string, text: string): string => {
      fs.writeFileSync(path.join(root, name), text);
      return path.join(root, name);
    };
    const taken = path.join(root, 'taken');
    fs.mkdirSync(taken);
    fs.writeFileSync(path.join(taken, 'record.json'), '{}');
    const cases: [string[], RegExp][] = [
      [['meteor'], /no drill is called meteor/],
      [[path.join(root, 'none.yaml')], /cannot be read/],
      [[write('a.yaml', 'scenario: [')], /is no YAML/],
      [[write('b.yaml', 'scenario: quorum-loss-3\nfaults: [{preset: loss-30}]\n')], /takes no faults/],
      [[write('c.yaml', 'scenario: faults\n')], /needs a list of faults/],
      [[write('d.yaml', 'scenario: partition-3-2\nbackup: /x\n')], /does not start from a backup/],
      [[write('e.yaml', 'scenario: partition-3-2\nnodes: 3\n')], /partition-3-2 needs 5 members, nodes says 3/],
      [[write('e7.yaml', 'scenario: partition-3-2\nnodes: 7\n')], /partition-3-2 is about 5 members, nodes says 7/],
      [[write('f.yaml', 'scenario: faults\nfaults: [{kind: kill, target: n9}]\n')], /no member is called n9/],
      [['quorum-loss-3', '--out', taken], /holds the results of an earlier drill/],
    ];
    for (const [args, words] of cases) {
      const ran = runCli(['drill', 'run', ...args, '--history', path.join(root, 'unused')]);
      assert.ok(ran.code === 2 || ran.code === 3, `${args.join(' ')}: ${ran.code} ${ran.stderr}`);
      assert.match(ran.stderr, words);
    }
  });
});
