/** Length of a tick, the core's only unit of time, in milliseconds. */
export const TICK_MS = 10;

/** Timing and limits. Ticks are 10 ms. Invariants: heartbeat * 3 <= electionMin, electionMin * 2 <= electionMax. */
export interface Settings {
  readonly heartbeatTicks: number;
  /** Election timeouts are uniform in [electionMinTicks, electionMaxTicks), drawn anew at each reset. */
  readonly electionMinTicks: number;
  readonly electionMaxTicks: number;
  /** A leader whose own disk finished nothing for this long while it was asked to steps down: nothing is applied there. */
  readonly maxDiskStallTicks: number;
  /** Messages in flight to one peer. */
  readonly maxInflightMessages: number;
  /** Bytes in flight to one peer. */
  readonly maxInflightBytes: number;
  readonly maxEntriesPerMessage: number;
  readonly maxBytesPerMessage: number;
  /** Above this, proposals are refused as overloaded. */
  readonly maxUncommittedBytes: number;
  /** Reads waiting for a round. */
  readonly maxPendingReads: number;
  /** Bugs planted by tests, by their id (`M01`). Always empty in production. */
  readonly mutants: ReadonlySet<string>;
}

const LIMITS = {
  maxDiskStallTicks: 500,
  maxInflightMessages: 64,
  maxInflightBytes: 4 * 1024 * 1024,
  maxEntriesPerMessage: 1024,
  maxBytesPerMessage: 1024 * 1024,
  maxUncommittedBytes: 64 * 1024 * 1024,
  maxPendingReads: 65_536,
  mutants: new Set<string>(),
} as const;

/** 50 ms heartbeat, elections in 150 to 300 ms: members in one zone. */
export const FAST: Settings = { ...LIMITS, heartbeatTicks: 5, electionMinTicks: 15, electionMaxTicks: 30 };
/** 500 ms heartbeat, elections in 1.5 to 3 s: slow disks or links. */
export const CALM: Settings = { ...LIMITS, heartbeatTicks: 50, electionMinTicks: 150, electionMaxTicks: 300 };
