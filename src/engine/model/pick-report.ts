import type { LogIndex, LogPosition, Term } from '../core/types.ts';
import type { Health } from './member-report.ts';

export type LossVerdict = 'none' | 'possible' | 'unknown' | 'certain';
export type LossProof = 'proven' | 'proven-if-torn' | 'conditional' | 'bounded' | 'best-effort' | 'certain-loss';
export type DecidedBy = 'floor-gate' | 'last-term' | 'last-index' | 'tie' | 'only-candidate';

/** Both ends included. */
export interface IndexRange {
  from: LogIndex;
  to: LogIndex;
}

export interface RankedMember {
  rank: number;
  label: string;
  path: string;
  role: 'voter' | 'learner' | 'none' | 'unknown';
  lastEntry: LogPosition;
  currentTerm: Term;
  commitFloor: LogIndex;
  health: Health;
  /** Why it cannot be the source; null for candidates. */
  disqualified: string | null;
  /** Why it stands where it stands, in words. */
  reason: string;
}

export interface LossReport {
  verdict: LossVerdict;
  proof: LossProof;
  /** One sentence in the operator's words. */
  statement: string;
  why: string;
  /** Highest index proven committed by any member or by the operator. */
  floor: LogIndex;
  /** Up to here the source certainly holds what was committed. */
  safeTo: LogIndex;
  /** Kept entries that may or may not have been committed. */
  inDoubt: (IndexRange & { entries: number }) | null;
  /** What the source may lack; `to` null when there is no upper bound. */
  missing: { from: LogIndex; to: LogIndex | null } | null;
}

/** Two logs that part: the first index where they differ, and what only one of them holds from there on. */
export interface Divergence {
  a: string;
  b: string;
  index: LogIndex;
  aTerm: Term;
  bTerm: Term;
  onlyInA: IndexRange | null;
  onlyInB: IndexRange | null;
}

/** The answer to "which disk do we recover from" (command contract, `recover pick`). */
export interface PickReport {
  ranking: RankedMember[];
  source: string | null;
  decidedBy: DecidedBy;
  /** `surveyed` counts voters that count for the proof, `needed` how many more would prove it. */
  quorum: { voters: number; quorum: number; surveyed: number; needed: number };
  loss: LossReport;
  /** True when a surveyed member was running: the answer may be out of date already. */
  preliminary: boolean;
  advice: string[];
  divergence: Divergence[];
}
