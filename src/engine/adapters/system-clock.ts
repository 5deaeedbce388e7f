import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Clock, Rng } from '../ports/clock.ts';

/** The clocks of this machine: a monotonic one that decides, and the wall clock for people. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallClockMs: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
  soon(run) {
    setImmediate(run);
  },
};

/** Chance that two members never share. */
export const systemRng: Rng = {
  nextU32: () => randomBytes(4).readUInt32LE(0),
};
