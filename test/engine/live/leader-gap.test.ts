import assert from 'node:assert/strict';
import { RefusedError } from '../../../src/engine/errors.ts';
import { OutcomeUnknownError } from '../../../src/engine/live/failures.ts';
import { chooseTarget, longestGap, stepDown } from '../../../src/engine/live/leader-gap.ts';
import { down, FakeCluster, listOf, member } from '../../helpers/fake-live-cluster.ts';

function ruleOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof RefusedError) return error.rule;
    throw error;
  }
  return 'none';
}

describe('handing over the leadership', () => {
  const list = listOf([member('n1'), member('n2', { lag: 40 }), member('n3', { lag: 2 }), down('n4'), member('n5', { role: 'learner', lag: 0 })]);

  it('takes the voter that is furthest, never a learner or one that is down', () => {
    assert.equal(chooseTarget(list, null, 1000, new Set()).target, 'n3');
    assert.equal(ruleOf(() => chooseTarget(list, 'n5', 1000, new Set())), 'transfer-target');
    assert.equal(ruleOf(() => chooseTarget(list, 'n4', 1000, new Set())), 'transfer-target');
    assert.equal(ruleOf(() => chooseTarget(list, 'n9', 1000, new Set())), 'unknown-member');
    assert.equal(ruleOf(() => chooseTarget({ ...list, leader: null }, null, 1000, new Set())), 'no-leader');
    assert.equal(ruleOf(() => chooseTarget(listOf([member('n1'), down('n2')]), null, 1000, new Set())), 'transfer-target');
  });

  it('refuses a target that lags, and lifts that rule alone', () => {
    assert.equal(ruleOf(() => chooseTarget(list, 'n2', 10, new Set())), 'target-lagging');
    assert.equal(chooseTarget(list, 'n2', 10, new Set(['target-lagging'])).target, 'n2');
    assert.equal(chooseTarget(list, 'n2', 40, new Set()).target, 'n2');
  });

  it('finds the longest silence around the change and nothing else', () => {
    const answers = [0, 400, 410, 420, 650, 655, 5000];
    assert.equal(longestGap(answers, 425, 500), 230);
    assert.equal(longestGap([0, 10, 20], 12, 15), 10);
    assert.equal(longestGap([], 0, 1), 0);
    assert.equal(longestGap([100, 107, 300, 304], 110, 120), 193);
  });

  it('measures the gap with requests that go on all the time', async () => {
    const cluster = new FakeCluster(list);
    let silentUntil = 0;
    cluster.onProbe = async () => {
      await Promise.resolve();
      cluster.nowMs += 1;
      if (cluster.nowMs < silentUntil) throw new Error('no leader');
    };
    cluster.onTransfer = (to) => {
      silentUntil = cluster.nowMs + 180;
      cluster.leaderView = { leader: to, term: 8, since: null };
    };
    const report = await stepDown(cluster, { leader: 'n1', term: 7 }, 'n3', { timeoutMs: 5000, ...cluster.time });
    assert.deepEqual([report.before, report.after], [{ leader: 'n1', term: 7 }, { leader: 'n3', term: 8 }]);
    assert.ok(report.gapMs >= 170 && report.gapMs <= 230, `${report.gapMs}`);
    assert.ok(report.probes > 5);
  });

  it('asks again when the target did not take over in time, and ends as the cluster says when it never does', async () => {
    const cluster = new FakeCluster(list);
    cluster.onProbe = () => cluster.time.pause(1);
    let asked = 0;
    cluster.onTransfer = (to) => {
      asked += 1;
      if (asked === 1) throw new OutcomeUnknownError('n3 did not take over in time', '');
      if (asked === 2) throw new RefusedError('transfer-timeout', 'n3 did not take over in time', '');
      cluster.leaderView = { leader: to, term: 8, since: null };
    };
    const report = await stepDown(cluster, { leader: 'n1', term: 7 }, 'n3', { timeoutMs: 5000, ...cluster.time });
    assert.deepEqual([report.after, asked], [{ leader: 'n3', term: 8 }, 3]);
    cluster.onTransfer = () => {
      throw new RefusedError('transfer-timeout', 'n1 did not take over in time', '');
    };
    await assert.rejects(stepDown(cluster, { leader: 'n3', term: 8 }, 'n1', { timeoutMs: 2000, ...cluster.time }), /did not take over in time/);
  });

  it('does not ask again when the answer was lost and another leads', async () => {
    const cluster = new FakeCluster(list);
    cluster.onProbe = () => cluster.time.pause(1);
    let asked = 0;
    cluster.onTransfer = (to) => {
      asked += 1;
      cluster.leaderView = { leader: to, term: 8, since: null };
      throw new OutcomeUnknownError('the answer was lost', '');
    };
    const { after } = await stepDown(cluster, { leader: 'n1', term: 7 }, 'n3', { timeoutMs: 5000, ...cluster.time });
    assert.deepEqual([after.leader, asked], ['n3', 1]);
  });
});
