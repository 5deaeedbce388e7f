import type { PlacedConfiguration } from './configuration.ts';
import type { HardState } from './entry.ts';
import type { Settings } from './settings.ts';
import type { LogIndex, LogPosition, MemberId, Term } from './types.ts';

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

/** What the log holds, without its content: terms and payload sizes are all the protocol needs. */
export interface LogOutline {
  /** Where the log begins: the newest snapshot's position or what compaction left; 0/0 for a log from the first entry on. */
  readonly base: LogPosition;
  /** Neighbouring entries of one term, oldest first, both ends included. */
  readonly termRuns: readonly { readonly term: Term; readonly first: LogIndex; readonly last: LogIndex }[];
  /** Payload bytes of each entry after `base`, in order. */
  readonly sizes: readonly number[];
}

/** What a member starts from: all of it read back from its storage. */
export interface Start {
  readonly id: MemberId;
  readonly settings: Settings;
  /** Seed of the election timeouts, 32 bits. */
  readonly seed: number;
  /** Starts of this member's process, durable, from 1. */
  readonly incarnation: number;
  readonly hardState: HardState;
  readonly log: LogOutline;
  /** Newest durable snapshot; 0/0 when there is none. */
  readonly snapshot: LogPosition;
  /** Oldest first: that of the snapshot (if any), then each in the log. Empty for a member that joins. */
  readonly configurations: readonly PlacedConfiguration[];
  readonly lastApplied: LogIndex;
}
