/** A timer that has not fired can be cancelled. */
export interface Timer {
  cancel(): void;
}

/** Time. The engine measures with `nowMs` only; the wall clock is for people. */
export interface Clock {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Milliseconds since 1970. May jump; never decides anything. */
  wallClockMs(): number;
  /** Runs once after `ms` or later. */
  after(ms: number, run: () => void): Timer;
  /** Runs when what is already queued in this turn of the event loop is done. */
  soon(run: () => void): void;
}

/** Chance. */
export interface Rng {
  /** Uniform in [0, 2^32). */
  nextU32(): number;
}

/** The process that runs a member. */
export interface Proc {
  /** Ends the process (in tests: the member) at once: nothing more leaves it. A restart reads the disk anew. */
  fatal(error: Error): void;
}
