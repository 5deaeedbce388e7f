import assert from 'node:assert/strict';
import { Recorder, type Sample } from '../../../src/engine/drill/recorder.ts';
import { gapAfter, lanesOf, longestPause, timelineOf } from '../../../src/engine/drill/timeline.ts';

const ack = (atMs: number) => ({ atMs, ok: true, isWrite: true });
const sample = (atMs: number, hasMargin: boolean, lanes: Record<string, 'leader' | 'voter' | 'down'>): Sample => ({ atMs, hasMargin, lanes: new Map(Object.entries(lanes)) });

/** A recorder whose clock is moved by hand. */
function recorderAt(): { recorder: Recorder; at: (ms: number) => void } {
  let now = 5000;
  const recorder = new Recorder(() => now);
  return { recorder, at: (ms) => (now = 5000 + ms) };
}

describe('drill: timeline', () => {
  it('measures from the fault to the first write after the gap it tore', () => {
    const endings = [ack(90), ack(105), ack(110), ack(500), ack(510)];
    assert.equal(gapAfter(endings, 100, { gapMs: 60, withinMs: 400 }), 400, 'what was on its way at 105 and 110 does not count');
    assert.equal(gapAfter([ack(105), ack(150), ack(200)], 100, { gapMs: 60, withinMs: 400 }), 5, 'without a gap the next one');
    assert.equal(gapAfter([ack(90)], 100, { gapMs: 60, withinMs: 400 }), null);
  });

  it('finds the longest pause since a moment, in whatever order operations ended', () => {
    const endings = [ack(90), ack(510), ack(500), { atMs: 300, ok: false, isWrite: true }, { atMs: 250, ok: true, isWrite: false }];
    assert.equal(longestPause(endings, 100), 410);
    assert.equal(longestPause(endings, 505), 10);
    assert.equal(longestPause([ack(90)], 0), null);
    assert.equal(longestPause(endings, 600), null);
  });

  it('joins equal states of a member, and lets a newcomer begin where it is first seen', () => {
    const lanes = lanesOf([sample(0, true, { n1: 'leader' }), sample(10, true, { n1: 'leader', n2: 'voter' }), sample(20, true, { n1: 'down', n2: 'leader' })], 30);
    assert.deepEqual(lanes, [
      { member: 'n1', spans: [{ state: 'leader', fromMs: 0, toMs: 20 }, { state: 'down', fromMs: 20, toMs: 30 }] },
      { member: 'n2', spans: [{ state: 'voter', fromMs: 10, toMs: 20 }, { state: 'leader', fromMs: 20, toMs: 30 }] },
    ]);
  });

  it('is told from the fault: phases, ticks, writes and brackets', async () => {
    const { recorder, at } = recorderAt();
    await recorder.phase('load', async () => at(1000));
    recorder.setZero(recorder.fault('n1 killed'), 'n1 killed');
    await recorder.step('raft-inspector lab start n1', async () => at(1800));
    recorder.samples.push(sample(100, false, {}), sample(200, true, { n1: 'leader' }), sample(1100, false, { n1: 'down' }), sample(1700, true, { n1: 'voter' }));
    const timeline = timelineOf(recorder, [ack(400), ack(990), ack(1600), { atMs: 1200, ok: false, isWrite: true }, ack(1750)], 2000);
    assert.deepEqual([timeline.fromMs, timeline.toMs, timeline.zeroIs], [-1000, 1000, 'n1 killed']);
    assert.deepEqual(timeline.phases, [{ name: 'load', fromMs: -1000, toMs: 0, ok: true }]);
    assert.deepEqual(timeline.ticks.map(({ n, atMs, kind, step }) => [n, atMs, kind, step]), [[1, 0, 'fault', null], [2, 0, 'command', 1]]);
    assert.deepEqual([timeline.bucketMs, timeline.writes.length, timeline.writes.reduce((sum, one) => sum + one.acknowledged, 0), timeline.writes.reduce((sum, one) => sum + one.failed, 0)], [100, 20, 4, 1]);
    assert.deepEqual(timeline.brackets.map(({ name, fromMs, toMs, fromEvent }) => [name, fromMs, toMs, fromEvent]), [
      ['no service', -600, -10, 'last acknowledged write'],
      ['no service', -10, 600, 'n1 killed'],
      ['no redundancy', 100, 700, 'no further member may fail'],
    ]);
    assert.equal(recorder.steps[0]?.durationMs, 800);
  });

  it('keeps the exit code of a step that failed, and marks its phase', async () => {
    const { recorder } = recorderAt();
    const failing = recorder.phase('check', () => recorder.step('raft-inspector recover verify', () => Promise.reject(Object.assign(new Error('no'), { exitCode: 3 }))));
    await assert.rejects(failing);
    assert.deepEqual([recorder.steps[0]?.exit, recorder.steps[0]?.ok, recorder.phases[0]?.ok], [3, false, false]);
  });
});
