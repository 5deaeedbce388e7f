import assert from 'node:assert/strict';
import { pageOfDrill } from '../../../src/engine/report/drill-page.ts';
import { fitPage } from '../../../src/engine/report/fit.ts';
import { linear, niceCeiling, niceMoments } from '../../../src/engine/report/scale.ts';
import { changeWords, objectiveValue, offsetWords } from '../../../src/engine/report/words.ts';
import { enlarged, pastDrills, samplePage, sampleRecord } from '../../helpers/report-samples.ts';

describe('report: the page of a drill', () => {
  it('the four figures with limit, part used and change since the last run of the same scenario', () => {
    assert.deepEqual(samplePage('drill').tiles, [
      { name: 'RTO', measured: '3.8 s', limit: '60 s', ratio: 3800 / 60_000, ok: true, change: '-0.6 s' },
      { name: 'RPO lost', measured: '0', limit: '0', ratio: 0, ok: true, change: '±0' },
      { name: 'Election', measured: '412 ms', limit: '1 s', ratio: 0.412, ok: true, change: '+14 ms' },
      { name: 'Lag at end', measured: '2', limit: '100', ratio: 0.02, ok: true, change: '±0' },
    ]);
  });

  it('without history there is no change, and the trend is this one run', () => {
    const page = pageOfDrill(sampleRecord('drill'), []);
    assert.deepEqual(page.tiles.map((one) => one.change), [null, null, null, null]);
    assert.deepEqual(page.trend?.points, [{ id: '2026-03-14-7f21', date: '2026-03-14', rtoMs: 3800, limitMs: 60_000, verdict: 'pass' }]);
    assert.deepEqual(page.followUps.map((one) => [one.id, one.fate]), [['DR-12', 'new']]);
  });

  it('the last eight runs, oldest first; later ones and other scenarios do not count', () => {
    const later = { ...sampleRecord('drill'), drillId: '2026-06-01-aaaa', startedAt: '2026-06-01T00:00:00.000Z' };
    const page = pageOfDrill(sampleRecord('drill'), [later, ...pastDrills().toReversed()]);
    assert.deepEqual(page.trend?.points.map((one) => [one.date, one.rtoMs, one.verdict]), [
      ['2024-06-11', 9100, 'pass'],
      ['2024-09-17', 64_200, 'fail'],
      ['2024-12-10', 7600, 'pass'],
      ['2025-03-18', 6100, 'pass'],
      ['2025-06-17', null, 'could-not-run'],
      ['2025-09-16', 5200, 'pass'],
      ['2025-12-16', 4400, 'pass'],
      ['2026-03-14', 3800, 'pass'],
    ]);
  });

  it('the grid: this scenario first, one verdict a quarter, what was never drilled is empty', () => {
    const { trend } = samplePage('drill');
    assert.deepEqual(trend?.quarters, ['2024 Q4', '2025 Q1', '2025 Q2', '2025 Q3', '2025 Q4', '2026 Q1']);
    assert.deepEqual(trend?.scenarios, ['quorum-loss-3', 'backup-only', 'leader-kill-inflight', 'partition-3-2', 'torn-wal']);
    const cell = (scenario: string, quarter: string) => trend?.cells.find((one) => one.scenario === scenario && one.quarter === quarter)?.verdict;
    assert.deepEqual(trend?.quarters.map((one) => cell('leader-kill-inflight', one)), [undefined, undefined, undefined, 'pass', undefined, 'fail']);
  });

  it('a quarter counts by its last run', () => {
    const [first, again] = [{ ...sampleRecord('drill-fail'), drillId: '2026-01-10-0001', startedAt: '2026-01-10T00:00:00.000Z' }, sampleRecord('drill')];
    assert.deepEqual(pageOfDrill(again, [first]).trend?.cells.map((one) => one.verdict), ['pass']);
  });

  it('follow-ups of the last drill are told again: carried over, closed, or gone unnoticed', () => {
    const record = sampleRecord('drill');
    record.followUps = [{ ...record.followUps[0]!, state: 'closed' }];
    const rows = pageOfDrill(record, pastDrills()).followUps;
    assert.deepEqual(rows.map((one) => [one.id, one.state, one.ageDays, one.fate]), [
      ['DR-12', 'closed', 88, 'closed since the last drill'],
      ['DR-11', 'open', 179, 'open in the last drill, not listed in this one'],
    ]);
  });

  it('a failure without a recorded reason names its check, else its objective', () => {
    const record = { ...sampleRecord('drill-fail'), problem: null };
    assert.equal(pageOfDrill(record, []).failure?.text, 'Check failed: old members refused, n3 with its old data was answered; rule other-generation expected.');
    assert.equal(pageOfDrill({ ...record, checks: [] }, []).failure?.text, 'RTO 71 s, the limit is 60 s.');
  });
});

describe('report: measures and scales', () => {
  it('values in the units people say them in', () => {
    assert.deepEqual([412, 1000, 3800, 60_000, 71_300, 119_000, 130_000].map((ms) => objectiveValue('rtoMs', ms)), ['412 ms', '1 s', '3.8 s', '60 s', '71 s', '119 s', '2 min 10 s']);
    assert.equal(objectiveValue('failureRatePercent', 0.417), '0.42 %');
    assert.deepEqual([changeWords('rtoMs', 3800, 4400), changeWords('electionMs', 412, 398), changeWords('rpoLost', 0, 0), changeWords('rtoMs', 71_300, 4400)], ['-0.6 s', '+14 ms', '±0', '+67 s']);
    assert.deepEqual([-9000, -20, 0, 99, 3800, 599_000, 660_000].map(offsetWords), ['−9.0 s', '−20 ms', '0 s', '+99 ms', '+3.8 s', '+599.0 s', '+11 min 0 s']);
  });

  it('scales keep within the picture, also without a domain', () => {
    const scale = linear(0, 10, 100, 200);
    assert.deepEqual([-5, 0, 5, 10, 50].map(scale), [100, 100, 150, 200, 200]);
    assert.equal(linear(3, 3, 100, 200)(3), 150);
    assert.equal(linear(0, Number.NaN, 100, 200)(3), 150);
  });

  it('moments are round, few, and hold zero', () => {
    assert.deepEqual(niceMoments(-9000, 32_000, 10), [-5000, 0, 5000, 10_000, 15_000, 20_000, 25_000, 30_000]);
    for (const span of [1, 900, 41_000, 3_600_000, 86_400_000 * 400]) assert.ok(niceMoments(-span / 3, span, 10).length <= 11 && niceMoments(-span / 3, span, 10).includes(0), String(span));
    assert.deepEqual([0, 7, 188, 560, 1000].map(niceCeiling), [1, 8, 200, 600, 1000]);
  });
});

describe('report: fitting the paper', () => {
  for (const name of ['drill', 'drill-fail', 'drill-real'] as const) {
    it(`${name}: a common page is left as it is`, () => {
      const page = samplePage(name);
      const { page: fitted, leftOut, sourceLines } = fitPage(page);
      assert.deepEqual(fitted.steps, page.steps);
      assert.deepEqual(fitted.checks, page.checks);
      assert.equal(sourceLines.join('\n'), page.source?.text.trimEnd());
      assert.deepEqual(Object.values(leftOut).filter((one) => one !== null), []);
    });
  }

  it('a huge page keeps what failed, in its order', () => {
    const { page } = fitPage(enlarged(samplePage('drill-fail')));
    assert.ok(page.steps.some((one) => one.n === 8 && !one.ok));
    assert.deepEqual(page.steps.map((one) => one.n), page.steps.map((one) => one.n).toSorted((a, b) => a - b));
    assert.deepEqual(page.checks.filter((one) => one.ok !== true).map((one) => one.name), ['old members refused', 'operator check']);
  });
});
