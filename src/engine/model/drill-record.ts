import type { CheckLine } from './check-line.ts';

/** A limit of a drill, and how the run did against it. Milliseconds or counts, as the name says. */
export interface DrillObjective {
  name: 'rtoMs' | 'rpoLost' | 'rpoDuplicated' | 'electionMs' | 'failureRatePercent' | 'replicaLag';
  limit: number;
  /** Null: it could not be measured, and the objective is missed. */
  measured: number | null;
  ok: boolean;
  /** From which event to which, and on which clock. */
  from: string;
  to: string;
  clock: string;
}

export interface DrillPhase {
  name: string;
  /** RFC 3339, UTC. */
  startedAt: string;
  durationMs: number;
  ok: boolean;
}

/** Something that lags behind the drill: an action item. It is carried over until somebody closes it. */
export interface FollowUp {
  id: string;
  text: string;
  owner: string | null;
  /** Dates, RFC 3339 full-date. */
  openedAt: string;
  due: string | null;
  state: 'open' | 'closed';
}

export type LaneState = 'leader' | 'voter' | 'learner' | 'down' | 'rebuilding';

/** What happened when, in milliseconds from `zeroAt`: enough to draw the run again. */
export interface DrillTimeline {
  /** RFC 3339, UTC: the fault, or the run's beginning where there is none. */
  zeroAt: string;
  zeroIs: string;
  fromMs: number;
  toMs: number;
  phases: { name: string; fromMs: number; toMs: number; ok: boolean }[];
  lanes: { member: string; spans: { state: LaneState; fromMs: number; toMs: number }[] }[];
  /** Writes per bucket of `bucketMs`. */
  bucketMs: number;
  writes: { atMs: number; acknowledged: number; failed: number }[];
  ticks: { n: number; atMs: number; kind: 'command' | 'fault'; label: string; step: number | null }[];
  brackets: { name: string; fromMs: number; toMs: number; fromEvent: string; toEvent: string }[];
}

/** A command of the run, exactly as it can be typed. */
export interface DrillStep {
  n: number;
  command: string;
  atMs: number;
  durationMs: number;
  exit: number;
  by: 'hand' | 'automatic';
  ok: boolean;
}

/** What `drill run` answers and keeps: the contract's fields first, then all that a report needs. */
export interface DrillRecord {
  drillId: string;
  scenario: string;
  engine: string;
  seed: string;
  verdict: 'pass' | 'fail' | 'could-not-run';
  rtoMs: number | null;
  /** Null: the run broke off before the writes were counted. */
  rpo: { acknowledged: number; lost: number | null; duplicated: number | null };
  objectives: DrillObjective[];
  phases: DrillPhase[];
  checks: CheckLine[];
  followUps: FollowUp[];

  version: 1;
  /** Version of the tool. */
  tool: string;
  /** RFC 3339, UTC. */
  startedAt: string;
  durationMs: number;
  title: string;
  service: string | null;
  environment: string | null;
  nodes: number;
  electionMs: number | null;
  /** Share of client operations that failed while the service should have been up, in percent. */
  failureRatePercent: number | null;
  /** Entries the slowest member lagged at the end. */
  replicaLag: number | null;
  /** Why it could not run or failed, one sentence; null when it passed. */
  problem: string | null;
  /** Five sentences: what was broken, done, proven, not tested, and whether the objectives held. */
  statement: string[];
  timeline: DrillTimeline;
  steps: DrillStep[];
  /** The pick of the run, in lines, as its screen shows it; empty where the scenario needs none. */
  decision: string[];
  /** The drill file in full. */
  drillFile: string;
  provenance: { name: string; value: string }[];
  artefacts: { name: string; sha256: string }[];
  controls: string[];
}
