/** Election epoch; starts at 0 and never falls on a member (Raft §5.1). A safe integer. */
export type Term = number;
/** 1-based log position; 0 means "before the first entry" (Raft §5.3). A safe integer. */
export type LogIndex = number;
/** Opaque identity, spelled the way the cluster's own tools print it. */
export type MemberId = string;

/** The position that ranks members: the term and index of a log entry (Raft §5.4.1). */
export interface LogPosition {
  term: Term;
  index: LogIndex;
}

/** What an entry is for: a command for the state machine, a leader's no-op, or a membership change. */
export type EntryKind = 'command' | 'noop' | 'confChange';

/** Orders positions the way a vote does: by term, then by index (Raft §5.4.1). Negative when `a` is older. */
export function comparePositions(a: LogPosition, b: LogPosition): number {
  return a.term - b.term || a.index - b.index;
}

/** Votes that decide in a group of `voters`: a strict majority (Raft §5.2). */
export function quorumOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}
