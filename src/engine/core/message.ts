import type { Configuration } from './configuration.ts';
import type { Entry } from './entry.ts';
import type { LogIndex, LogPosition, MemberId, Term } from './types.ts';

/** What every message between members carries. `term` is the sender's, or of a pre-vote the term it would campaign in. */
export interface MessageHead {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: Term;
}

/** Asks for a vote. `campaign` tells the candidate's rounds apart; replies repeat it with the phase. */
export interface VoteRequest extends MessageHead {
  readonly kind: 'vote';
  readonly phase: 'pre-vote' | 'vote';
  readonly campaign: number;
  readonly lastEntry: LogPosition;
  /** Set by the target of a leadership transfer: contact with the old leader does not stand in the way. */
  readonly isTransfer: boolean;
}

/** A granted pre-vote carries the request's term, a refusal the voter's own (Ongaro thesis 9.6). */
export interface VoteReply extends MessageHead {
  readonly kind: 'vote-reply';
  readonly phase: 'pre-vote' | 'vote';
  readonly campaign: number;
  readonly isGranted: boolean;
}

/** Log entries after `prev` (Raft §5.3). `number` grows with each message to this peer; the reply repeats it. */
export interface AppendRequest extends MessageHead {
  readonly kind: 'append';
  readonly number: number;
  readonly prev: LogPosition;
  readonly entries: readonly Entry[];
  readonly commit: LogIndex;
}

/** Told only when what it claims is durable. */
export interface AppendReply extends MessageHead {
  readonly kind: 'append-reply';
  readonly number: number;
  /** Starts of the replying process, so that replies of an earlier life are told from those of this one. */
  readonly incarnation: number;
  readonly result:
    | { readonly kind: 'stored'; readonly match: LogIndex }
    /** `conflictTerm` is null when the log ends before `prev`; `firstIndex` is then lastIndex + 1. */
    | { readonly kind: 'conflict'; readonly conflictTerm: Term | null; readonly firstIndex: LogIndex; readonly lastIndex: LogIndex };
}

/** Keeps followers from campaigning, brings the commit index, and carries read rounds (Ongaro thesis 6.4). */
export interface Heartbeat extends MessageHead {
  readonly kind: 'heartbeat';
  /** Never above what this peer is known to store. */
  readonly commit: LogIndex;
  /** Newest read round; 0 when none was ever started. */
  readonly round: number;
}

export interface HeartbeatReply extends MessageHead {
  readonly kind: 'heartbeat-reply';
  readonly round: number;
  readonly incarnation: number;
  /** Where the peer's durable log ends: how a leader notices a member that lost what it had acknowledged. */
  readonly durableIndex: LogIndex;
}

/** A follower asks for a read index; `id` is fresh for each attempt. */
export interface ReadIndexRequest extends MessageHead {
  readonly kind: 'read-index';
  readonly id: number;
}

export interface ReadIndexReply extends MessageHead {
  readonly kind: 'read-index-reply';
  readonly id: number;
  /** Null: refused, the asked member is no leader or cannot tell. */
  readonly index: LogIndex | null;
}

/** Campaign at once (Ongaro thesis 3.10). */
export interface TimeoutNow extends MessageHead {
  readonly kind: 'timeout-now';
}

/** The peer has installed, or did not need, the snapshot up to `index`. */
export interface SnapshotReply extends MessageHead {
  readonly kind: 'snapshot-reply';
  readonly index: LogIndex;
  readonly incarnation: number;
}

/** Tells a removed member so; it stops campaigning. */
export interface Removed extends MessageHead {
  readonly kind: 'removed';
  readonly configurationIndex: LogIndex;
}

/** Every message of the protocol core. Snapshot content travels apart, in chunks that the runtime sends. */
export type Message =
  | VoteRequest
  | VoteReply
  | AppendRequest
  | AppendReply
  | Heartbeat
  | HeartbeatReply
  | ReadIndexRequest
  | ReadIndexReply
  | TimeoutNow
  | SnapshotReply
  | Removed;

/** What the core needs to know of a snapshot. */
export interface SnapshotPosition {
  readonly index: LogIndex;
  readonly term: Term;
  readonly configuration: Configuration;
  /** Index of the entry the configuration came from, at most `index`. */
  readonly configurationIndex: LogIndex;
}
