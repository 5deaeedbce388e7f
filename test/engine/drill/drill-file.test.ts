import assert from 'node:assert/strict';
import { UsageError } from '../../../src/engine/errors.ts';
import { MAX_DRILL_FILE_BYTES, parseDrill } from '../../../src/engine/drill/drill-file.ts';
import { checkTargets, faultsOf, PRESETS } from '../../../src/engine/drill/presets.ts';
import { catalogue, scenarioOf } from '../../../src/engine/drill/scenarios/index.ts';
import { drillTemplate } from '../../../src/engine/drill/template.ts';

const refused = (text: string): UsageError => {
  try {
    parseDrill(text, 'drill.yaml');
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error;
  }
  throw new Error(`accepted: ${text}`);
};

describe('drill file', () => {
  it('takes a scenario alone and fills in the rest', () => {
    const file = parseDrill('scenario: quorum-loss-3\n', 'drill.yaml');
    assert.deepEqual([file.engine, file.load.clients, file.load.rate, file.kill, file.reopen, file.faults, file.checks], ['native', 8, 300, 'one-by-one', 'after-check', [], []]);
    assert.deepEqual([file.nodes, file.seed, file.timing, file.objectives], [undefined, undefined, undefined, undefined], 'what the scenario decides stays open');
    const slow = parseDrill('scenario: delay-100-500\nload: {rate: 200}\n', 'drill.yaml', (name) => scenarioOf(name).load);
    assert.deepEqual([slow.load.clients, slow.load.timeoutMs, slow.load.rate, slow.load.keys], [64, 10_000, 200, 256], 'the scenario brings a load of its own');
  });

  it('takes numbers as seeds, and dates that YAML reads as dates', () => {
    const file = parseDrill('scenario: faults\nseed: 4711\nfollowUps:\n- {id: DR-12, text: night shift, openedAt: 2025-12-16}\n', 'drill.yaml');
    assert.equal(file.seed, '4711');
    assert.deepEqual(file.followUps, [{ id: 'DR-12', text: 'night shift', owner: null, openedAt: '2025-12-16', due: null, state: 'open' }]);
  });

  it('names the field that is wrong', () => {
    for (const [text, words] of [
      ['scenario: [', /is no YAML/],
      ['- 1', /expected object/i],
      ['scenario: x\nunknown: 1\n', /unknown/i],
      ['scenario: x\nload: {rate: 0}\n', /load\.rate/],
      ['scenario: x\nload: {rate: .nan}\n', /load\.rate/],
      ['scenario: x\nnodes: 4\n', /nodes: the size of a cluster: 3, 5 or 7/],
      ['scenario: x\nnodes: 1\n', /nodes/],
      ['scenario: "../x"\n', /scenario/],
      ['scenario: x\nversion: 2\n', /version/],
      ['scenario: faults\nfaults: [{kind: delay, delayMs: -1}]\n', /faults\.0/],
      ['scenario: faults\nfaults: [{kind: explode}]\n', /faults\.0/],
      ['scenario: x\nobjectives: {rtoMs: -1}\n', /objectives\.rtoMs/],
    ] as const) assert.match(refused(text).message, words, text);
  });

  it('is bounded', () => {
    assert.match(refused(`# ${'x'.repeat(MAX_DRILL_FILE_BYTES)}`).message, /larger than/);
    assert.match(refused(`scenario: faults\nfaults: [${Array.from({ length: 65 }, () => '{kind: kill}').join(',')}]`).message, /faults/);
  });

  it('replaces names of faults by what they stand for, moved and aimed', () => {
    const file = parseDrill('scenario: faults\nfaults: [{preset: delay-then-stop, atMs: 100, target: n2}]\n', 'drill.yaml');
    assert.deepEqual(faultsOf(file).map(({ kind, atMs, target }) => [kind, atMs, target]), [['delay', 100, 'n2'], ['stop', 10_100, 'n2']]);
    assert.throws(() => faultsOf(parseDrill('scenario: faults\nfaults: [{preset: meteor}]\n', 'drill.yaml')), UsageError);
  });

  it('knows whom a fault can hit: nobody else is hit in his place', () => {
    const check = (text: string, nodes: number): void => checkTargets(faultsOf(parseDrill(`scenario: faults\nfaults: ${text}\n`, 'drill.yaml')), nodes);
    assert.throws(() => check('[{kind: kill, target: n9}]', 3), /no member is called n9/);
    assert.throws(() => check('[{preset: cluster-split}]', 3), /2 \| 2 \| 1 is one of 5 members, and the cluster has 3/);
    check('[{kind: kill, target: n5}, {preset: cluster-split}, {kind: stop, target: followers}]', 5);
    for (const { faults, nodes } of PRESETS) checkTargets(faults, nodes);
  });

  it('has a template for every drill of the catalogue, and each is one that can be read again', () => {
    const all = catalogue();
    assert.ok(all.length >= 14 + PRESETS.length - 1, `${all.length}`);
    assert.equal(new Set(all.map((one) => one.name)).size, all.length, 'names are unique');
    for (const { name, nodes, timing } of all) {
      const file = parseDrill(drillTemplate(name), name);
      assert.deepEqual([file.scenario, file.nodes, file.timing], [name, nodes, timing]);
    }
  });

  it('covers every topic that a drill is asked for (requirement row 2-001)', () => {
    const wanted = ['quorum-loss-3', 'quorum-loss-5', 'leader-kill-inflight', 'partition-3-2', 'conf-change-kill', 'conf-change-partition', 'stale-snapshot', 'torn-wal', 'term-trap', 'log-divergence', 'restart-storm', 'backup-only', 'rolling-restart', 'faults'];
    for (const name of wanted) assert.equal(scenarioOf(name).name, name);
    assert.throws(() => scenarioOf('meteor'), /no drill is called meteor/);
  });
});
