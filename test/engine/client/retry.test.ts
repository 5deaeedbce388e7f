import assert from 'node:assert/strict';
import { CallError } from '../../../src/engine/ports/node-api.ts';
import { backoffMs, Deadline, withRetries } from '../../../src/engine/client/retry.ts';
import type { Pace, Verdict } from '../../../src/engine/client/retry.ts';

/** Time that passes only where somebody sleeps, or where an attempt says so. */
class TestPace implements Pace {
  now = 0;
  readonly slept: number[] = [];

  constructor(private readonly chance: number) {}

  nowMs(): number {
    return this.now;
  }

  random(): number {
    return this.chance;
  }

  sleep(ms: number): Promise<void> {
    this.slept.push(ms);
    this.now += ms;
    return Promise.resolve();
  }
}

const busy = new CallError('failed', 'overloaded', 'busy');

function failing(pace: Pace, timeoutMs: number, verdict: Verdict, costMs = 0): { attempts: () => number; done: Promise<unknown> } {
  let attempts = 0;
  const done = withRetries(
    new Deadline(pace, timeoutMs),
    pace,
    () => {
      attempts += 1;
      (pace as TestPace).now += costMs;
      return Promise.reject(busy);
    },
    () => verdict,
  );
  return { attempts: () => attempts, done };
}

describe('retries of a client', () => {
  it('wait longer and longer, with full jitter, up to a bound', () => {
    const waits = (chance: number): number[] => Array.from({ length: 8 }, (_, at) => backoffMs(at, new TestPace(chance)));
    assert.deepEqual(waits(1), [20, 40, 80, 160, 200, 200, 200, 200]);
    assert.deepEqual(waits(0.5), [10, 20, 40, 80, 100, 100, 100, 100]);
    assert.deepEqual(waits(0), [0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('end at the deadline with the last refusal, never sleeping past it', async () => {
    const pace = new TestPace(0.9);
    const { done, attempts } = failing(pace, 1_000, 'again');
    await assert.rejects(done, busy);
    assert.ok(pace.now <= 1_000 && attempts() > 5, `${attempts()} attempts in ${pace.now} ms`);
  });

  it('stop at once where another attempt could not be the same call', async () => {
    const pace = new TestPace(0.9);
    const { done, attempts } = failing(pace, 1_000, 'give-up');
    await assert.rejects(done, busy);
    assert.deepEqual([attempts(), pace.slept], [1, []]);
  });

  it('follow a hint at once, but not in circles', async () => {
    const pace = new TestPace(0.5);
    const { done } = failing(pace, 300, 'again-now', 1);
    await assert.rejects(done, busy);
    assert.ok(pace.slept.length > 0 && pace.slept[0] === 40, pace.slept.join(' ')); // two free hops, then as any third attempt
  });

  it('tell the newest refusal where the last attempts found nobody, and never hide an unknown outcome (B20)', async () => {
    const ended = async (errors: readonly CallError[]): Promise<unknown> => {
      const left = [...errors];
      const last = errors.at(-1);
      const pace = new TestPace(0.9);
      return withRetries(new Deadline(pace, 300), pace, () => Promise.reject(left.shift() ?? last), (error) => (error.outcome === 'unknown' ? 'give-up' : 'again')).catch((error: unknown) => error);
    };
    const [refused, silent, unknown] = [new CallError('failed', 'not-leader', 'no'), new CallError('failed', 'timeout', 'late'), new CallError('unknown', 'timeout', 'who knows')];
    assert.equal(await ended([refused, silent]), refused);
    assert.equal(await ended([silent]), silent);
    const nobody = new CallError('failed', 'unreachable', 'reset');
    assert.equal(await ended([nobody, silent]), nobody);
    assert.equal(await ended([refused, nobody, silent]), refused);
    assert.equal(await ended([refused, unknown]), unknown);
  });

  it('are not made when the attempts used up the time', async () => {
    const pace = new TestPace(0.5);
    const { done, attempts } = failing(pace, 100, 'again', 100);
    await assert.rejects(done, busy);
    assert.equal(attempts(), 1);
  });

  it('an error that is no CallError is a bug and passes through', async () => {
    const pace = new TestPace(0.5);
    await assert.rejects(withRetries(new Deadline(pace, 100), pace, () => Promise.reject(new TypeError('bug')), () => 'again'), TypeError);
  });
});
