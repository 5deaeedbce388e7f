import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { UsageError } from '../../../src/engine/errors.ts';
import { compareDrills } from '../../../src/engine/drill/compare.ts';
import { partOf } from '../../../src/engine/drill/fault-board.ts';
import { daysBetween, keepRecord, medianOf, nextDue, readHistory, regressionsOf, standingsOf } from '../../../src/engine/drill/history.ts';
import { carryFollowUps, exitOf, failureRateOf, type Measured, objectivesOf, verdictOf } from '../../../src/engine/drill/judge.ts';
import { randomOf } from '../../../src/engine/drill/random.ts';
import type { FollowUp } from '../../../src/engine/model/drill-record.ts';
import { drillRecord } from '../../helpers/drill-record.ts';

const measured: Measured = { rtoMs: 3800, rpoLost: 0, rpoDuplicated: 0, electionMs: null, failureRatePercent: 0.2, replicaLag: 7 };
const points = { rto: ['killed', 'acknowledged'], election: ['killed', 'acknowledged'] } as const;

describe('drill: judgement', () => {
  it('misses an objective that is over its limit, or that could not be measured', () => {
    const objectives = objectivesOf({ rtoMs: 3800, electionMs: 1000, replicaLag: 6 }, measured, points, true);
    assert.deepEqual(objectives.map(({ name, ok }) => [name, ok]), [['rtoMs', true], ['electionMs', false], ['replicaLag', false]]);
    assert.match(verdictOf([], objectives).problem ?? '', /electionMs missed: not measured/);
  });

  it('lets a failed check count before a missed objective, and what was not looked at for nothing', () => {
    const ok = objectivesOf({ rtoMs: 60_000 }, measured, points, false);
    assert.equal(verdictOf([{ name: 'a', ok: null, detail: 'not run' }], ok).verdict, 'pass');
    const failed = [{ name: 'a', ok: false, detail: 'wrong' }];
    assert.deepEqual(verdictOf(failed, ok), { verdict: 'fail', problem: 'check failed: a: wrong' });
    assert.equal(exitOf({ verdict: 'fail', checks: failed, objectives: ok, problem: '' }), 3);
    assert.equal(exitOf({ verdict: 'fail', checks: [], objectives: [], problem: '' }), 10);
    assert.equal(exitOf({ verdict: 'could-not-run', checks: failed, objectives: [], problem: '' }), 11);
    assert.equal(exitOf({ verdict: 'pass', checks: [], objectives: ok, problem: null }), 0);
  });

  it('leaves outages that were caused on purpose out of the failure rate', () => {
    const at = (atMs: number, ok: boolean) => ({ atMs, ok, isWrite: true });
    assert.equal(failureRateOf([at(1, true), at(2, true), at(3, true), at(10, false), at(20, false)], [{ fromMs: 5, toMs: 15 }]), 25);
    assert.equal(failureRateOf([at(10, false)], [{ fromMs: 5, toMs: 15 }]), null);
  });

  it('carries open action items over, and takes the word of the file for those it names', () => {
    const item = (id: string, state: FollowUp['state']): FollowUp => ({ id, text: id, owner: null, openedAt: '2026-01-01', due: null, state });
    assert.deepEqual(carryFollowUps({ followUps: [item('A', 'closed')] }, [item('A', 'open'), item('B', 'open'), item('C', 'closed')]).map(({ id, state }) => [id, state]), [['A', 'closed'], ['B', 'open']]);
  });

  it('splits members into parts of the sizes asked for, the targets in the last', () => {
    const members = ['n1', 'n2', 'n3', 'n4', 'n5'];
    assert.deepEqual(members.map((id) => partOf([2, 2, 1], id, ['n2'], members)), [0, 2, 0, 1, 1]);
  });

  it('draws the same members for the same seed', () => {
    const draw = (seed: string): number[] => Array.from({ length: 5 }, randomOf(seed));
    assert.deepEqual(draw('4711'), draw('4711'));
    assert.notDeepEqual(draw('4711'), draw('4712'));
    assert.ok(draw('x').every((one) => one >= 0 && one < 1));
  });
});

describe('drill: history', () => {
  const on = (day: string, rtoMs: number, more = {}) => drillRecord({ startedAt: `${day}T01:00:00.000Z`, rtoMs, ...more });

  it('is due the day after ninety days, and when it never passed', () => {
    assert.equal(nextDue({ startedAt: '2026-03-14T01:10:00.000Z' }), '2026-06-12');
    const standing = (now: string) => standingsOf([on('2026-03-14', 4000), on('2026-03-20', 4000, { verdict: 'fail' })], new Date(now))[0];
    assert.deepEqual([standing('2026-06-12T00:59:00Z')?.isDue, standing('2026-06-12T01:01:00Z')?.isDue], [false, true]);
    assert.deepEqual([standing('2026-04-01T00:00:00Z')?.lastVerdict, standing('2026-04-01T00:00:00Z')?.lastGoodAt], ['fail', '2026-03-14T01:00:00.000Z']);
    assert.equal(standingsOf([on('2026-03-14', 1, { verdict: 'could-not-run' })], new Date('2026-03-15'))[0]?.isDue, true);
  });

  it('believes no good run from the future, and a clock that differs by hours', () => {
    const standing = (now: string) => standingsOf([on('2026-03-14', 4000), on('2099-01-01', 4000)], new Date(now))[0];
    assert.deepEqual([standing('2026-07-01')?.isDue, standing('2026-07-01')?.lastGoodAt], [true, '2026-03-14T01:00:00.000Z']);
    assert.equal(standingsOf([on('2026-03-14', 4000)], new Date('2026-03-13T20:00:00Z'))[0]?.isDue, false);
    assert.deepEqual([standingsOf([on('2099-01-01', 1)], new Date('2026-07-01'))[0]?.isDue, standingsOf([], new Date())], [true, []]);
  });

  it('flags what is more than half above the median of the runs before, of the same drill alone', () => {
    const before = [on('2026-01-01', 4000), on('2026-01-02', 5000), on('2026-01-03', 4000), on('2026-01-04', 100_000, { nodes: 5 }), on('2026-01-05', 1, { verdict: 'could-not-run' })];
    assert.deepEqual(regressionsOf(on('2026-02-01', 6000), before), []);
    assert.deepEqual(regressionsOf(on('2026-02-01', 6200), before).map(({ measure, median, percent }) => [measure, median, percent]), [['rtoMs', 4000, 55]]);
    assert.deepEqual(regressionsOf(on('2026-02-01', 60_000), before.slice(0, 1)), [], 'one run makes no median');
    assert.deepEqual([medianOf([3, 1, 2]), medianOf([4, 1, 2, 3]), medianOf([])], [2, 2.5, 0]);
    assert.equal(daysBetween('2025-12-16', new Date('2026-03-14')), 88);
  });

  it('keeps a run under its own name, and never over another', () => {
    const directory = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'drill-history-')), 'history');
    try {
      const record = on('2026-03-14', 4000);
      keepRecord(directory, record);
      assert.throws(() => keepRecord(directory, record), UsageError);
      assert.deepEqual(readHistory(directory), { records: [record], findings: [] });
      assert.deepEqual(readHistory(path.join(directory, 'none')), { records: [], findings: [] });
    } finally {
      fs.rmSync(path.dirname(directory), { recursive: true });
    }
  });

  it('compares runs of one drill, and concludes nothing from two', () => {
    const [a, b] = [on('2026-01-01', 4000), on('2026-01-02', 9000)];
    assert.deepEqual(compareDrills(a, b).measures.filter((one) => one.isWorse).map((one) => one.measure), ['rtoMs']);
    assert.deepEqual(compareDrills(a, { ...b, scenario: 'partition-3-2' }).measures.filter((one) => one.isWorse), []);
  });
});
