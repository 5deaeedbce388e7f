import type { MembershipChange } from '../core/configuration.ts';
import type { LogIndex, MemberId, Term } from '../core/types.ts';
import type { MemberList } from './member-list.ts';
import type { KvAccess } from './kv-access.ts';

/** The kinds of running clusters that can be operated. */
export type ClusterKind = 'native';

/** A call ends by its deadline, whatever happens. */
export interface CallOptions {
  /** Milliseconds from the call on. */
  readonly timeoutMs: number;
}

export interface LeaderView {
  readonly leader: MemberId | null;
  readonly term: Term;
  /** Since when it leads, ISO 8601 by the wall clock of the member that was asked; null where nobody knows. */
  readonly since: string | null;
}

export interface ChangeOptions extends CallOptions {
  /** The caller's id of this change: a retry with the same one gets the first outcome, and nothing is done twice. */
  readonly changeId: string;
  /** Index of the configuration the caller looked at: refused when another one is in force. Null: does not matter. */
  readonly expectedIndex: LogIndex | null;
}

/** A snapshot taken by a running member, and its file as a stream. */
export interface SnapshotOffer {
  readonly id: string;
  readonly member: MemberId;
  readonly index: LogIndex;
  readonly term: Term;
  chunks(): AsyncIterable<Uint8Array>;
}

/**
 * A running cluster of any kind, as the live commands use it. Every call rejects with an `InspectorError` that says what is certain:
 * `RefusedError` (a rule; nothing happened), `UnreachableError` (nothing happened), `OutcomeUnknownError` (it may have happened).
 */
export interface LiveCluster {
  readonly kind: ClusterKind;
  /** The members as a majority sees them; those that do not answer are in it. @throws {UnreachableError} When none answers. */
  memberList(options: CallOptions): Promise<MemberList>;
  leader(options: CallOptions): Promise<LeaderView>;
  /** Settles when the change is committed. */
  changeMembership(change: MembershipChange, options: ChangeOptions): Promise<{ readonly index: LogIndex; readonly term: Term }>;
  /** Settles when another member leads. `to` null: the voter that is furthest. */
  transferLeadership(to: MemberId | null, options: CallOptions): Promise<{ readonly leader: MemberId; readonly term: Term }>;
  /** A linearizable request without effect: it is answered only while a leader can reach its majority. */
  probe(options: CallOptions): Promise<void>;
  /** Has a member take a snapshot now. */
  takeSnapshot(options: CallOptions): Promise<SnapshotOffer>;
  /** The key-value service it runs. @throws {UsageError} When it runs another one. */
  kv(): KvAccess;
  close(): Promise<void>;
}
