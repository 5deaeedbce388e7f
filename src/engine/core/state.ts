import type { PlacedConfiguration } from './configuration.ts';
import type { HardState } from './entry.ts';
import type { Log } from './log.ts';
import type { Progress } from './progress.ts';
import type { Role } from './raft.ts';
import type { Settings } from './settings.ts';
import type { LogIndex, LogPosition, MemberId, Term } from './types.ts';

/** A write that left and is not known durable. `last`: up to where the log is durable once it is; lowered by truncation. */
export interface PendingWrite {
  readonly number: number;
  readonly last: LogIndex;
}

/** What the own storage was told and what it confirmed. */
export interface Disk {
  readonly lastWrite: number;
  /** Newest write known durable. */
  readonly lastWritten: number;
  /** The own log (and snapshot) is durable up to here; never above the log's end. */
  readonly durable: LogIndex;
  /** Writes with entries that are under way, oldest first. */
  readonly pending: readonly PendingWrite[];
  /** The hard state of the newest write, durable or not. */
  readonly hardState: HardState;
  readonly lastWriteTick: number;
  /** When a write was last confirmed, or the oldest one under way began. */
  readonly progressTick: number;
}

/** A running campaign (Raft §5.2, Ongaro thesis 9.6). */
export interface Campaign {
  readonly number: number;
  readonly phase: 'pre-vote' | 'vote';
  readonly isTransfer: boolean;
  /** The own vote counts when this write is durable. */
  readonly voteWrite: number;
  readonly granted: readonly MemberId[];
  readonly refused: readonly MemberId[];
}

/** Who waits for a read index: this member's runtime (`from` null) or another member. */
export interface ReadTicket {
  readonly id: number;
  readonly from: MemberId | null;
}

/** A list that grows at the head in O(1); newest first. */
export interface Chain<T> {
  readonly head: T;
  readonly tail: Chain<T> | null;
  readonly length: number;
}

/** Reads that a round of heartbeats will confirm. `index`: the commit index when the round was sent. */
export interface ReadRound {
  readonly round: number;
  readonly index: LogIndex;
  readonly tickets: Chain<ReadTicket>;
}

/** What only a leader holds; gone with its leadership. */
export interface Leading {
  readonly sinceTick: number;
  readonly heartbeatElapsed: number;
  /** One for each other member of the newest configuration, in its order. */
  readonly peers: readonly Progress[];
  /** Reads that no round sent so far may answer. */
  readonly waitingReads: Chain<ReadTicket> | null;
  /** Oldest first. */
  readonly readRounds: readonly ReadRound[];
  /** Set while leadership is being handed over: nothing is accepted meanwhile. */
  readonly transfer: { readonly to: MemberId; readonly startedTick: number; readonly isTold: boolean } | null;
}

/** Reads of a follower that wait for the leader's answer. Any attempt from `firstAttempt` on was sent after they arrived. */
export interface AskedReads {
  readonly firstAttempt: number;
  readonly sentTick: number;
  readonly ids: Chain<number>;
}

/** Who asked for leadership to move. Outlives the leadership, because success shows only afterwards. */
export interface Handover {
  readonly kind: 'transfer' | 'removal';
  readonly id: number;
  /** Term in which it was asked for. */
  readonly term: Term;
  readonly deadlineTick: number;
}

/**
 * All a member knows. Immutable: a step makes a new one and shares what did not change.
 * Invariants (checked by `invariants.ts`): snapshot, lastApplied <= commit <= last of log; durable <= last of log;
 * `leading` exactly for a leader, `campaign` exactly for a pre-candidate or candidate; term, commit and lastApplied never fall.
 */
export interface RaftState {
  readonly id: MemberId;
  readonly settings: Settings;
  readonly incarnation: number;
  readonly rng: number;
  /** Ticks since the start. */
  readonly now: number;
  /** The wall clock as of the last tick, 0 before the first: copied into entries for people to read, never compared. */
  readonly wallClockMs: number;

  readonly role: Role;
  readonly term: Term;
  /** Empty string: no vote in `term`. */
  readonly vote: string;
  readonly leader: MemberId | null;
  readonly commit: LogIndex;
  readonly lastApplied: LogIndex;

  readonly log: Log;
  /** Newest durable, or being installed, snapshot. */
  readonly snapshot: LogPosition;
  /** Oldest first; the last one is in force. Empty for a member that joins. */
  readonly configurations: readonly PlacedConfiguration[];
  readonly disk: Disk;
  /** Told that it was removed: never campaigns again. */
  readonly isRemoved: boolean;
  /** Members that lost what they had acknowledged: nothing of theirs counts (see amnesia.ts). */
  readonly amnesiacs: readonly MemberId[];

  readonly electionElapsed: number;
  readonly electionTimeout: number;
  /** When the leader of this term was last heard, as of the last tick; null: never in this term. */
  readonly contactTick: number | null;
  /** Heard since the last tick. */
  readonly isHeard: boolean;
  /** Newest heartbeat round and append number of this term's leader: older ones are repeats and prove no contact. */
  readonly heardRound: number;
  readonly heardNumber: number;
  /** The log equals this term's leader's up to here, as far as its messages proved. */
  readonly verified: LogIndex;

  readonly lastCampaign: number;
  readonly campaign: Campaign | null;
  readonly leading: Leading | null;
  /** Newest heartbeat round made by this process, in any term. */
  readonly lastRound: number;
  /** Newest append number made by this process, to anyone. */
  readonly lastNumber: number;

  /** Newest read-index attempt made by this process. */
  readonly lastAttempt: number;
  readonly asked: AskedReads | null;
  /** Reads that arrived while others were asked for. */
  readonly unasked: Chain<number> | null;
  readonly handover: Handover | null;
}
