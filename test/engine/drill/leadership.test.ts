import assert from 'node:assert/strict';
import { type Fault, faultSchema } from '../../../src/engine/drill/fault.ts';
import { checkLeadership } from '../../../src/engine/drill/leadership.ts';
import { Recorder } from '../../../src/engine/drill/recorder.ts';
import type { LaneState } from '../../../src/engine/model/drill-record.ts';

const cut = (forMs: number): Fault => faultSchema.parse({ kind: 'disconnect', target: 'leader', forMs });
const clock: Fault = faultSchema.parse({ kind: 'clock', target: 'follower', rate: 2, forMs: 5000 });
const before = { id: 'n1', term: 4 };

function judged(begun: Parameters<typeof checkLeadership>[1], looks: readonly [atMs: number, state: LaneState][], after = before): (readonly [string, boolean | null])[] {
  const recorder = new Recorder();
  recorder.samples.push(...looks.map(([atMs, state]) => ({ atMs, hasMargin: false, lanes: new Map([['n1', state]]) })));
  checkLeadership(recorder, begun, before, after);
  return recorder.checks.map(({ name, ok }) => [name, ok] as const);
}

describe('drill: what faults do to the leader', () => {
  it('a leader that is cut off has stepped down before the cut ends', () => {
    const begun = [{ fault: cut(6000), atMs: 1000, members: ['n1'] }];
    const name = 'a leader that is cut off steps down';
    assert.deepEqual(judged(begun, [[2000, 'leader'], [6500, 'voter'], [6900, 'voter'], [7100, 'leader']]), [[name, true]]);
    assert.deepEqual(judged(begun, [[2000, 'leader'], [6500, 'voter'], [6900, 'leader']]), [[name, false]]);
    assert.deepEqual(judged(begun, [[2000, 'voter']]), [[name, null]], 'nobody looked');
    assert.deepEqual(judged([{ fault: cut(6000), atMs: 0, members: ['n2'] }], [[5900, 'leader']]), [], 'somebody else was cut off');
    assert.deepEqual(judged([{ fault: cut(1000), atMs: 0, members: ['n1'] }], [[900, 'leader']]), [], 'too short to tell');
  });

  it('the clock of a follower alone changes neither leader nor term', () => {
    const begun = [{ fault: clock, atMs: 0, members: ['n2'] }];
    const name = 'the clock of a follower unseats nobody';
    assert.deepEqual(judged(begun, []), [[name, true]]);
    assert.deepEqual(judged(begun, [], { id: 'n1', term: 5 }), [[name, false]]);
    assert.deepEqual(judged(begun, [], { id: 'n2', term: 4 }), [[name, false]]);
    assert.deepEqual(judged([...begun, { fault: cut(1000), atMs: 0, members: ['n3'] }], []), [], 'other faults may');
  });
});
