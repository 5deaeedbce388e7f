import { bytesBetween, firstIndexOf } from './log.ts';
import { wasHeard } from './peers.ts';
import type { RaftState } from './state.ts';
import type { LogIndex } from './types.ts';

/** How much of the log is kept for others, in entries and in bytes. */
export interface CompactionMargin {
  /** Entries kept behind the last applied one, whatever else. */
  readonly entries: number;
  /** Payload bytes kept for the slowest member that answers. */
  readonly bytes: number;
}

/** Entries and bytes of a production member. */
export const USUAL_MARGIN: CompactionMargin = { entries: 10_000, bytes: 64 * 1024 * 1024 };

/**
 * First index the log should keep: all behind the older of two snapshots, the margin, and what the slowest answering member still
 * needs. Never below what the log holds now, never beyond what is applied. Entries a damaged newest snapshot covers can then be
 * replayed from the older one.
 * @param olderSnapshot Index of the older of the two newest durable snapshots; 0 when there are not two.
 */
export function compactionIndex(state: RaftState, margin: CompactionMargin, olderSnapshot: LogIndex): LogIndex {
  const first = firstIndexOf(state.log);
  let keep = Math.min(olderSnapshot, state.lastApplied, state.snapshot.index) + 1;
  keep = Math.min(keep, state.lastApplied - margin.entries + 1);
  for (const peer of state.leading?.peers ?? []) {
    if (peer.state === 'snapshot' || !wasHeard(state, peer)) continue;
    const needs = peer.match + 1;
    if (needs < keep && needs >= first && bytesBetween(state.log, needs, state.log.last + 1) <= margin.bytes) keep = needs;
  }
  return Math.max(first, keep);
}
