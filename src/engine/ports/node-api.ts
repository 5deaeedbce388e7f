import type { Member, MembershipChange } from '../core/configuration.ts';
import type { Role } from '../core/raft.ts';
import type { Refusal } from '../core/ready.ts';
import type { LogIndex, LogPosition, MemberId, Term } from '../core/types.ts';

/** How fresh an answer must be (any member serves all three). */
export type ReadLevel =
  | { readonly kind: 'linearizable' }
  /** Local; refused when the leader was last heard longer ago than this, or when below the session token. */
  | { readonly kind: 'follower'; readonly maxStalenessMs: number; readonly token?: ReadToken }
  | { readonly kind: 'stale' };

/** Where a session has read or written last: its reads never go back behind it. */
export interface ReadToken {
  readonly generation: number;
  readonly index: LogIndex;
}

/**
 * How a call can fail. `failed`: provably not and never executed; `unknown`: it may or may not take effect.
 * `rule` is a refusal of the core, or one of these: `timeout`, `too-stale`, `behind-token`, `stopping`, `bad-request`,
 * `too-large`, `wrong-lineage`, `storage-failed`, `compacted`; and on the way to a member: `unreachable`, `not-authorized`.
 */
export class CallError extends Error {
  constructor(
    readonly outcome: 'failed' | 'unknown',
    readonly rule: Refusal['rule'] | 'timeout' | 'too-stale' | 'behind-token' | 'stopping' | 'bad-request' | 'too-large' | 'wrong-lineage' | 'storage-failed' | 'compacted' | 'unreachable' | 'not-authorized',
    message: string,
    /** The leader to ask instead, as far as known. */
    readonly leader: { readonly id: MemberId; readonly address: string } | null = null,
  ) {
    super(message);
    this.name = 'CallError';
  }
}

/** One member as the leader sees it; a follower knows only itself. */
export interface MemberProgress extends Member {
  /** Null where this node does not know: it is not the leader. */
  readonly matchIndex: LogIndex | null;
  readonly lastContactMs: number | null;
  /** Told its log end lies below what it had acknowledged: counts for nothing until it is replaced under a new id. */
  readonly hasAmnesia: boolean;
  readonly state: 'probe' | 'replicate' | 'snapshot' | 'self' | 'unknown';
  readonly version: string | null;
}

export interface NodeStatus {
  readonly clusterId: string;
  readonly generation: number;
  readonly memberId: MemberId;
  readonly name: string;
  readonly version: string;
  readonly role: Role;
  readonly term: Term;
  readonly votedFor: MemberId | null;
  readonly leader: MemberId | null;
  /** When the present leader was first heard of, by this node's wall clock; null without a leader. */
  readonly leaderSinceMs: number | null;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly firstIndex: LogIndex;
  readonly lastEntry: LogPosition;
  readonly snapshotIndex: LogIndex;
  readonly stateHash: string;
  readonly configurationIndex: LogIndex;
  /** A membership change that is appended and not committed. */
  readonly isChangePending: boolean;
  readonly members: readonly MemberProgress[];
  /** Ids that were removed and can never be used again (the configuration's tombstones). */
  readonly removedIds: readonly MemberId[];
  readonly isRemoved: boolean;
  /** Longest recent stall of the event loop, in milliseconds. */
  readonly eventLoopDelayMs: number;
  readonly featureLevel: number;
  readonly maxFeatureLevel: number;
}

/** What a running member offers its clients and operators. Every call takes a deadline and ends by it. */
export interface NodeApi {
  propose(command: Uint8Array, options: { deadlineMs: number }): Promise<{ readonly index: LogIndex; readonly term: Term; readonly result: Uint8Array }>;
  query(request: Uint8Array, options: { level: ReadLevel; deadlineMs: number }): Promise<{ readonly index: LogIndex; readonly leaderContactMs: number | null; readonly result: Uint8Array }>;
  watch(request: Uint8Array, emit: (event: Uint8Array) => void): () => void;
  status(): NodeStatus;
  /** Settles when the change is committed. */
  changeMembership(
    change: MembershipChange,
    options: { changeId: string; expectedIndex: LogIndex | null; deadlineMs: number },
  ): Promise<{ readonly index: LogIndex; readonly term: Term }>;
  /** Settles when another member leads. */
  transfer(to: MemberId | null, options: { deadlineMs: number }): Promise<{ readonly leader: MemberId; readonly term: Term }>;
  /** Takes a snapshot now; settles when it is durable and named. */
  takeSnapshot(): Promise<{ readonly id: string; readonly index: LogIndex; readonly term: Term }>;
  /** The bytes of a snapshot file of this node, newest when `id` is null. */
  readSnapshot(id: string | null): AsyncIterable<Uint8Array>;
  /** Drops log entries that snapshots cover, keeping the usual margin. */
  compact(): Promise<{ readonly firstIndex: LogIndex }>;
}
