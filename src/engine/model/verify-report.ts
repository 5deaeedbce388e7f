import type { CheckLine } from './check-line.ts';

/** The answer of `recover verify`: the running result against its plan. */
export interface VerifyReport {
  planId: string;
  verdict: 'verified' | 'failed';
  endpoints: string[];
  leader: string | null;
  term: number | null;
  checks: CheckLine[];
  /** Voters of the running configuration and how many of them may fail. */
  voters: number | null;
  failuresTolerated: number | null;
  durationMs: number;
}

/** One phase of a rehearsal. */
export interface RehearsedPhase {
  name: 'copy' | 'apply' | 'start' | 'verify' | 'stop';
  ok: boolean;
  durationMs: number;
  detail: string;
}

/** The answer of `recover rehearse`: the whole plan, on copies. */
export interface RehearsalReport {
  planId: string;
  verdict: 'pass' | 'fail' | 'unverifiable';
  /** What started the result: `embedded engine`, `etcd 3.4.23`; null where no server could, and why in `detail`. */
  server: string | null;
  detail: string;
  phases: RehearsedPhase[];
  checks: CheckLine[];
  stateHash: number | string | null;
  revision: number | null;
  durationMs: number;
}
