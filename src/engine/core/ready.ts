import type { Configuration } from './configuration.ts';
import type { Entry, HardState } from './entry.ts';
import type { Message, SnapshotPosition } from './message.ts';
import type { LogIndex, LogPosition, MemberId, Term } from './types.ts';

/** What one storage commit must hold, all or nothing. `number` grows by one from write to write. */
export interface Write {
  readonly number: number;
  readonly hardState: HardState | null;
  /** Entries from here on are dropped before `entries` are added; null: none. */
  readonly truncateFrom: LogIndex | null;
  readonly entries: readonly Entry[];
  /** The snapshot to name; `keepSuffix`: the log matches it and the part behind it stays, else the whole log goes. */
  readonly install: { readonly snapshot: SnapshotPosition; readonly keepSuffix: boolean } | null;
}

/** An append whose entries the runtime reads from the log, in the same turn: `[from, until)`; empty when they are equal. */
export interface AppendOrder {
  readonly to: MemberId;
  readonly term: Term;
  readonly number: number;
  readonly prev: LogPosition;
  readonly from: LogIndex;
  readonly until: LogIndex;
  readonly commit: LogIndex;
}

/** Why something asked of the core was refused. `rule` is stable: people and scripts see it. */
export interface Refusal {
  readonly rule:
    | 'not-leader'
    | 'overloaded'
    | 'transferring'
    | 'no-commit-in-term'
    | 'leadership-lost'
    | 'change-pending'
    | 'configuration-moved'
    | 'id-reused'
    | 'unknown-member'
    | 'already-voter'
    | 'learner-lagging'
    | 'margin-lost'
    | 'last-voter'
    | 'removes-leader'
    | 'address-in-use'
    | 'transfer-target'
    | 'transfer-timeout'
    | 'bad-change'
    | 'removed';
  readonly message: string;
  /** The leader to ask instead, as far as known. */
  readonly leader: MemberId | null;
}

/** Outcome of something asked of the core, by the id it was asked with. */
export type Outcome<T> =
  | { readonly id: number; readonly kind: 'accepted'; readonly value: T }
  | { readonly id: number; readonly kind: 'refused'; readonly refusal: Refusal };

/** What the world must do next, in any order unless said otherwise. */
export interface Ready {
  readonly write: Write | null;
  /** Claim nothing about this member's disk: may leave at once. */
  readonly messages: readonly Message[];
  readonly appends: readonly AppendOrder[];
  /** May leave only when `write`, and every write before it, is durable, and after the core was given `written`. */
  readonly messagesAfterWrite: readonly Message[];
  /** Where each proposal was appended. It is done when that entry, with that term, is applied; leadership lost before: unknown. */
  readonly proposals: readonly Outcome<LogPosition>[];
  /** The read may be answered once the state machine has applied up to the index. */
  readonly reads: readonly Outcome<LogIndex>[];
  /** Where the change was appended, or where its first attempt was. */
  readonly changes: readonly Outcome<LogPosition>[];
  /** The term in which leadership had moved. */
  readonly transfers: readonly Outcome<{ readonly leader: MemberId; readonly term: Term }>[];
  /** Peers to send the newest snapshot to. */
  readonly snapshotsTo: readonly MemberId[];
  /** The state machine is to be replaced by this snapshot (its write is `write`), before anything else is applied. */
  readonly restore: SnapshotPosition | null;
  /** The received snapshot is not needed and may go. */
  readonly dropReceived: boolean;
  /** The configuration in force changed: the transport must know the new addresses. */
  readonly configuration: Configuration | null;
}

/** One step: the state after it, and what is to be done. Equal state and input give an equal step. */
export interface Step<S> {
  readonly state: S;
  readonly ready: Ready;
}
