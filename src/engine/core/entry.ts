import type { EntryKind, LogIndex, Term } from './types.ts';

/** One entry of the log. Immutable: whoever holds one may keep it. */
export interface Entry {
  readonly index: LogIndex;
  readonly term: Term;
  readonly kind: EntryKind;
  /** The leader's wall clock when it appended the entry, in milliseconds since 1970. Informational: never decides an order. */
  readonly wallClockMs: number;
  /** Command bytes, an encoded `Configuration`, or empty for a no-op. */
  readonly payload: Uint8Array;
}

/** What must survive a crash (Raft Fig. 2), with the commit index that recovery needs. One record, written whole. */
export interface HardState {
  readonly term: Term;
  /** Empty string: no vote in `term`. */
  readonly vote: string;
  readonly commit: LogIndex;
}
