import assert from 'node:assert/strict';
import { memberWith } from '../../helpers/lone-member.ts';

describe('the wall clock in entries', () => {
  it('is that of the last tick in the no-op of a new leader (B6)', () => {
    const member = memberWith([1], { ids: ['a'] });
    member.give({ kind: 'tick', ticks: 40, wallClockMs: 1_700_000_000_000 });
    member.flushAll();
    assert.equal(member.state.role, 'leader');
    const noop = member.disk.entries.find((entry) => entry.kind === 'noop');
    assert.equal(noop?.wallClockMs, 1_700_000_000_000);
  });

  it('decides nothing: a clock that jumps back changes no timer', () => {
    const [still, jumping] = [memberWith([1]), memberWith([1])];
    for (let at = 0; at < 50; at++) {
      still.give({ kind: 'tick', ticks: 1 });
      jumping.give({ kind: 'tick', ticks: 1, wallClockMs: 1e12 - at * 1e9 });
    }
    assert.deepEqual({ ...jumping.state, wallClockMs: 0 }, still.state);
  });
});
