import type { MembershipChange } from '../core/configuration.ts';
import type { LogIndex, MemberId, Term } from '../core/types.ts';
import type { MemberList } from './member-list.ts';
import type { KvAccess } from './kv-access.ts';

/** The kinds of running clusters that can be operated. */
export type ClusterKind = 'native' | 'etcd';

/** Kinds where a member's id is given by the cluster when it is added; operators name members by name or id there. */
export const ASSIGNS_IDS: ReadonlySet<ClusterKind> = new Set(['etcd']);

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

/** What became of a change. */
export interface ChangeOutcome {
  /** The entry that holds it; null where the cluster does not say. */
  readonly index: LogIndex | null;
  readonly term: Term;
  /** The member it was about, where the cluster chose its id. */
  readonly id?: MemberId;
}

/** What one member's state looks like at a revision, as its own software computes it; equal on every member. */
export interface StateHash {
  readonly member: MemberId;
  readonly hash: number | string;
  /** The revision it is of; null where the kind has no revisions: then `index` says how far the state went. */
  readonly revision: number | null;
  readonly index: LogIndex | null;
}

/** A snapshot taken by a running member, and its file as a stream. */
export interface SnapshotOffer {
  readonly id: string;
  readonly member: MemberId;
  /** The last entry it covers; null where only the file says so. */
  readonly index: LogIndex | null;
  readonly term: Term | null;
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
  changeMembership(change: MembershipChange, options: ChangeOptions): Promise<ChangeOutcome>;
  /** Settles when another member leads. `to` null: the voter that is furthest. */
  transferLeadership(to: MemberId | null, options: CallOptions): Promise<{ readonly leader: MemberId; readonly term: Term }>;
  /** A linearizable request without effect: it is answered only while a leader can reach its majority. */
  probe(options: CallOptions): Promise<void>;
  /** Has a member take a snapshot now. */
  takeSnapshot(options: CallOptions): Promise<SnapshotOffer>;
  /** The state of every member that answers, at `revision` where the kind keeps them (null: now). @throws {RefusedError} `compacted`. */
  stateHashes?(revision: number | null, options: CallOptions): Promise<StateHash[]>;
  /** Whether somebody who calls himself by this id, of no present member, is turned away by the leader; null where that cannot be tried from here. */
  refusesMember?(id: MemberId, options: CallOptions): Promise<boolean | null>;
  /** What the members raise an alarm about, one sentence each. */
  alarms?(options: CallOptions): Promise<string[]>;
  /** The key-value service it runs. @throws {UsageError} When it runs another one. */
  kv(): KvAccess;
  close(): Promise<void>;
}
