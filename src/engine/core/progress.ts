import type { LogIndex, MemberId } from './types.ts';

/** An append under way. */
export interface Inflight {
  readonly number: number;
  readonly prev: LogIndex;
  readonly last: LogIndex;
  readonly bytes: number;
}

/** How fast a learner follows (Ongaro thesis 4.2.1): a round ends when it stores what the leader held at the round's start. */
export interface CatchUp {
  readonly target: LogIndex;
  readonly startedTick: number;
  /** Null until the first round ended. */
  readonly lastRoundTicks: number | null;
}

/**
 * What the leader knows of another member. Invariants: next > match; match never falls in a term (but for amnesia).
 * probe: one message at a time until the logs are known to meet; replicate: pipelined; snapshot: too far behind for the log.
 */
export interface Progress {
  readonly id: MemberId;
  readonly state: 'probe' | 'replicate' | 'snapshot';
  readonly match: LogIndex;
  readonly next: LogIndex;
  readonly inflight: readonly Inflight[];
  readonly inflightBytes: number;
  /** probe: first message number sent from the present `next`; 0: none is under way. */
  readonly probeNumber: number;
  /** Newest message number sent and answered. */
  readonly sentNumber: number;
  readonly answeredNumber: number;
  readonly answeredRound: number;
  /** Newest number and round when `match` and `incarnation` last changed: what answers later ones, came after. */
  readonly matchNumber: number;
  readonly matchRound: number;
  readonly incarnationRound: number;
  readonly incarnation: number;
  /** When something was last sent that waits for an answer, or answered: what the retry timer runs from. */
  readonly activeTick: number;
  /** When the member last answered something new, as of the last tick; null: not in this leadership. */
  readonly contactTick: number | null;
  readonly isHeard: boolean;
  readonly snapshotIndex: LogIndex;
  readonly hasAmnesia: boolean;
  readonly catchUp: CatchUp;
}
