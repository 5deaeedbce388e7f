import type { CheckLine } from './check-line.ts';

/** One of the steps of an apply or undo. */
export interface AppliedStep {
  id: string;
  /** `backup`, `build`, `check`, `swap` of apply; `check`, `restore` of undo. */
  kind: string;
  status: 'not-started' | 'done' | 'already' | 'failed';
  durationMs: number;
  /** What it found or did, a few words. */
  detail: string;
}

/** The answer of `recover apply` (command contract §3.3). */
export interface ApplyReport {
  planId: string;
  /** `partial`: it ended before its last step; it comes with an error, and the steps tell how far it came. */
  state: 'preview' | 'applied' | 'already-applied' | 'resumed' | 'partial';
  dataDir: string;
  /** Where the result lies: the data directory, or what `--into` named. */
  result: string;
  backup: { id: string; path: string; sha256: string } | null;
  steps: AppliedStep[];
  /** The preflight checks, all of them, with what they found. */
  checks: CheckLine[];
  /** What stands in the way, strongest first; empty when it can be applied. `exit` is 4 or 7. */
  refusals: ApplyRefusal[];
  neededBytes: number;
  freeBytes: number | null;
  durationMs: number;
}

/** A rule that stands in the way of an apply or undo. */
export interface ApplyRefusal {
  rule: string;
  exit: number;
  message: string;
  hint: string;
}

/** The answer of `recover undo`. */
export interface UndoReport {
  planId: string;
  /** `partial`: it ended before its last step, with an error. */
  state: 'preview' | 'undone' | 'already-undone' | 'resumed' | 'partial';
  dataDir: string;
  steps: AppliedStep[];
  checks: CheckLine[];
  refusals: ApplyRefusal[];
  /** Where what was there before the undo was set aside; null when nothing had to be. */
  setAside: string | null;
  durationMs: number;
}

/** Where a recovery stands, from its journal. */
export interface RecoveryStatus {
  planId: string;
  dataDir: string;
  state: 'planned' | 'applying' | 'applied' | 'undoing' | 'undone';
  /** Last step that is known finished, and what would go on. */
  lastStep: string | null;
  backup: { id: string; path: string; sha256: string } | null;
  events: { at: string; event: string; detail: string }[];
}
