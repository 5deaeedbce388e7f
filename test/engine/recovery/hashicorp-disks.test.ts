import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { evidenceText, parseEvidence } from '../../../src/engine/model/evidence.ts';
import { examine, pick } from '../../../src/engine/recovery/pick.ts';
import { raftAppendTarget } from '../../../src/engine/recovery/targets/hashicorp/raft-append.ts';
import { decisionFor, failed, recover, removeAll, sourceAt } from './hashicorp/recover-directory.ts';
import { evidenceAt, evidenceOf, readAt, removeDisks, server, THREE, writeDisk, type MadeDisk } from './made-disks.ts';

describe('picking among the disks of hashicorp/raft', () => {
  afterEach(() => {
    removeDisks();
    removeAll();
  });

  describe("a leader's snapshot over entries of another branch", () => {
    const stale: MadeDisk = { runs: [[1, 1, 1], [2, 2, 50], [2, 51, 60, 'stale']], currentTerm: 4, snapshots: [{ term: 4, index: 56 }] };
    const current: MadeDisk = { runs: [[1, 1, 1], [2, 2, 50], [4, 51, 58]], currentTerm: 4 };

    it('ranks by the snapshot, and proves its entry committed', () => {
      const report = pick([evidenceOf('node-1', stale), evidenceOf('node-2', { runs: [[1, 1, 1], [2, 2, 50], [2, 51, 52, 'stale']], currentTerm: 2 }), evidenceOf('node-3', current)]);
      assert.deepEqual([report.source, report.loss.proof, report.loss.floor, report.quorum.surveyed], ['node-3', 'proven', 56, 3]);
      assert.deepEqual(report.ranking.map((one) => [one.label, one.lastEntry, one.disqualified]), [
        ['node-3', { term: 4, index: 58 }, null],
        ['node-1', { term: 4, index: 56 }, null],
        ['node-2', { term: 2, index: 52 }, null],
      ]);
    });

    it('tells the entries that cannot follow it, which are not in doubt', () => {
      const { report, findings } = readAt(writeDisk('node-1', stale));
      assert.deepEqual([report.lastEntry, report.inDoubt, report.health, report.startable.ok], [{ term: 4, index: 56 }, null, 'ok', true]);
      assert.match(findings.find((one) => one.rule === 'log-contradicts-snapshot')?.message ?? '', /entries 57\.\.60 .*term 2/);
    });

    it('counts no configuration of that branch', () => {
      for (const at of [53, 58]) {
        const { report } = readAt(writeDisk('node-1', { ...stale, servers: { 1: THREE, [at]: [server('node-1')] } }));
        assert.deepEqual(report.confState?.voters, ['node-1', 'node-2', 'node-3'], `at ${at}`);
        const evidence = evidenceOf('node-1', { ...stale, servers: { 1: THREE, [at]: [server('node-1')] } });
        assert.equal(pick([evidence]).loss.proof, 'best-effort', `at ${at}`);
      }
    });

    it('alone it is the source, and the plan cuts them off', async () => {
      const source = sourceAt(writeDisk('node-1', stale));
      const { draft, checks, reading } = await recover(source, decisionFor(source, { serverId: 'node-1' }), raftAppendTarget);
      assert.deepEqual(failed(checks), []);
      assert.match(draft.notes.join('\n'), /57\.\.60 .* never committed, and are cut off/);
      assert.deepEqual([reading.report.lastEntry, reading.report.startable.ok], [{ term: 5, index: 57 }, true]);
      assert.deepEqual([...reading.records({ from: 57 })].map((one) => (one.type === 'entry' ? one.index : 0)), [57]);
    });

    it('two disks with one snapshot do not contradict each other, whatever lies below it', () => {
      const below: MadeDisk = { ...stale, runs: [[1, 1, 1], [2, 2, 50], [2, 51, 56, 'stale'], [4, 57, 58]] };
      const report = pick([evidenceOf('node-1', below), evidenceOf('node-3', { ...current, runs: [[1, 1, 1], [2, 2, 50], [4, 51, 60]], snapshots: [{ term: 4, index: 56 }] })]);
      assert.deepEqual([report.source, report.loss.proof, report.ranking[1]?.disqualified], ['node-3', 'proven', null]);
    });

    it('a snapshot at the index of the last entry, in a later term', () => {
      const { report } = readAt(writeDisk('node-1', { ...stale, snapshots: [{ term: 3, index: 60 }] }));
      assert.deepEqual(report.lastEntry, { term: 3, index: 60 });
    });
  });

  describe('one disk under two names', () => {
    const disk: MadeDisk = { runs: [[1, 1, 1], [2, 2, 40]], currentTerm: 2, vote: '10.0.0.2:8300' };
    const copies = (): string[] => {
      const first = writeDisk('node-1', disk);
      const second = path.join(path.dirname(first), 'node-2');
      fs.cpSync(first, second, { recursive: true });
      return [first, second];
    };

    it('counts once, and that is said', async () => {
      const evidences = copies().map(evidenceAt);
      const files = await Promise.all(evidences.map((one) => parseEvidence(evidenceText(one), 'evidence.json')));
      for (const { report, findings } of [examine(evidences), examine(files)]) {
        assert.deepEqual([report.loss.proof, report.quorum.surveyed], ['best-effort', 1]);
        assert.match(findings.find((one) => one.rule === 'copies-of-one-disk')?.message ?? '', /node-1 and node-2 hold one store/);
      }
    });

    it("unless the operator says whose each is; half of his word is not enough", () => {
      const evidences = copies().map(evidenceAt);
      assert.equal(pick(evidences, { ids: { 'node-1': 'node-1', 'node-2': 'node-2' } }).loss.proof, 'proven');
      const half = examine(evidences, { ids: { 'node-2': 'node-2' } });
      assert.equal(half.report.loss.proof, 'best-effort');
      assert.equal(half.surveys.find((one) => one.member.serverId !== null)?.member.label, 'node-2');
    });

    it('servers that wrote the same entries each in its own store are two', () => {
      assert.equal(pick([evidenceOf('node-1', disk), evidenceOf('node-2', { ...disk, vote: '10.0.0.3:8300' })]).loss.proof, 'proven');
    });
  });

  describe('ids that are addresses', () => {
    const servers = ['10.0.0.1:8300', '10.0.0.2:8300', '10.0.0.3:8300'].map((address) => server(address, 0, address));
    const consul = (name: number): MadeDisk => ({ runs: [[1, 1, 1], [2, 2, 20 + name]], currentTerm: 2, servers: { 1: servers }, consul: { nodeId: `2bf25ea7-5d28-4aa1-87c6-51ca5621d3c${name}` } });
    const both = () => [evidenceOf('consul-2', consul(2)), evidenceOf('consul-3', consul(3))];

    it('a node-id that no configuration knows is no proof of removal', () => {
      const { report, findings } = examine(both());
      assert.deepEqual([report.source, report.loss.proof, report.ranking.map((one) => one.disqualified)], ['consul-3', 'best-effort', [null, null]]);
      assert.ok(findings.some((one) => one.rule === 'server-id-unused' && one.fix.includes('--id consul-2=')));
    });

    it("the operator's word comes first", () => {
      const { report, findings } = examine(both(), { ids: { 'consul-2': '10.0.0.2:8300', 'consul-3': '10.0.0.3:8300' } });
      assert.deepEqual([report.source, report.loss.proof], ['consul-3', 'proven']);
      assert.ok(!findings.some((one) => one.rule === 'id-not-used'));
    });

    it('where servers have ids of their own, it still shows that one was removed', () => {
      const removed = evidenceOf('consul-2', { ...consul(2), servers: { 1: THREE } });
      assert.match(pick([removed]).ranking[0]?.disqualified ?? '', /it was removed/);
    });
  });

  describe('a term older than the log', () => {
    const old: MadeDisk = { runs: [[1, 1, 1], [2, 2, 50], [7, 51, 60]], currentTerm: 2 };

    it('is damage, and the disk proves nothing', () => {
      const { report, findings } = readAt(writeDisk('node-1', old));
      assert.deepEqual([report.health, findings.find((one) => one.rule === 'term-behind-log')?.severity], ['damaged', 'error']);
      const picked = pick([evidenceOf('node-1', old), evidenceOf('node-2', { ...old, runs: [[1, 1, 1], [2, 2, 50], [7, 51, 55]], currentTerm: 7 })]);
      assert.deepEqual([picked.source, picked.loss.proof, picked.quorum.surveyed], ['node-1', 'best-effort', 1]);
    });

    it('the plan raises it; a program that recovers by itself would not', async () => {
      const source = sourceAt(writeDisk('node-1', old));
      const { checks, reading } = await recover(source, decisionFor(source, { serverId: 'node-1' }), raftAppendTarget);
      assert.deepEqual([failed(checks), reading.report.hardState.currentTerm, reading.report.health], [[], 8, 'ok']);
      const { startable } = readAt(writeDisk('node-1', { ...old, consul: { nodeId: 'node-1' } })).report;
      assert.match(startable.ok ? '' : startable.reason, /term 2, from an older copy than its log, which ends in term 7/);
    });
  });

  describe("a recovery's snapshot", () => {
    const recovered: MadeDisk = { runs: [], currentTerm: 5, snapshots: [{ term: 3, index: 30, servers: [server('node-1')] }] };

    it('proves nothing while a disk holds entries that the recovery left behind', () => {
      const { loss, source } = pick([evidenceOf('node-1', recovered), evidenceOf('node-2', { runs: [[1, 1, 1], [2, 2, 40]], currentTerm: 2 })]);
      assert.deepEqual([source, loss.proof, loss.verdict], ['node-1', 'best-effort', 'unknown']);
      assert.match(loss.why, /node-2 holds entries behind 30 that the recovery which made node-1 did not have/);
    });

    it('proves it where the others hold what it holds', () => {
      const grown: MadeDisk = { ...recovered, runs: [[6, 31, 50]], currentTerm: 6, servers: { 31: [server('node-1'), server('node-2')] } };
      const joined: MadeDisk = { ...grown, runs: [[6, 31, 45]], vote: 'x:1' };
      assert.equal(pick([evidenceOf('node-1', grown), evidenceOf('node-2', joined)]).loss.proof, 'proven');
    });
  });

  it('a gap between snapshot and log is an error, as one inside the log', () => {
    for (const disk of [{ runs: [[2, 30, 70]], snapshots: [{ term: 2, index: 20 }] }, { runs: [[2, 1, 20], [2, 30, 70]] }] as Pick<MadeDisk, 'runs' | 'snapshots'>[]) {
      const { report, findings } = readAt(writeDisk('node-1', { currentTerm: 2, ...disk }));
      assert.deepEqual([report.health, findings.filter((one) => one.severity === 'error').map((one) => [one.rule, one.message])], ['damaged', [['log-gap', 'the log does not hold entries 21..29, and no usable snapshot covers them']]]);
    }
  });

  it('of equally weak configurations the newest is shown', () => {
    const grown: MadeDisk = { runs: [[1, 1, 1], [2, 2, 60]], currentTerm: 2, servers: { 1: [server('node-1')], 21: THREE.slice(0, 2), 22: THREE } };
    const { loss, quorum } = pick([evidenceOf('node-1', grown), evidenceOf('node-2', grown)]);
    assert.deepEqual([loss.proof, quorum], ['proven', { voters: 3, quorum: 2, surveyed: 2, needed: 0 }]);
  });

  it('a voter that its own last configuration makes a learner is not told that it never counted', () => {
    const disk: MadeDisk = { runs: [[1, 1, 1], [2, 2, 21]], currentTerm: 2, servers: { 1: THREE, 21: [server('node-1', 1), ...THREE.slice(1)] } };
    const { report } = examine([evidenceOf('node-1', disk)]);
    assert.match(report.ranking[0]?.disqualified ?? '', /^is a learner: the configuration at 21 made it one, which may not have been committed/);
    const joining = evidenceOf('node-1', { ...disk, servers: { 1: [server('node-1', 1), ...THREE.slice(1)] } });
    assert.match(pick([joining]).ranking[0]?.disqualified ?? '', /its cluster never counted on it/);
  });
});
