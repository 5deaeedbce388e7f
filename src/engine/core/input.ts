import type { MembershipChange } from './configuration.ts';
import type { Message, SnapshotPosition } from './message.ts';
import type { EntryKind, LogIndex, MemberId, Term } from './types.ts';

/** A command to append. `id` is the runtime's and comes back in the outcome. */
export interface Proposal {
  readonly id: number;
  readonly kind: Extract<EntryKind, 'command'>;
  readonly payload: Uint8Array;
}

/** Everything that can happen to a member. Inputs are facts: the core decides what follows. */
export type Input =
  /** `ticks` have passed; messages received meanwhile were given before. A leader heard since the last tick counts as heard now. */
  // The wall clock is for the entries a new leader makes by itself; absent: as last told.
  | { readonly kind: 'tick'; readonly ticks: number; readonly wallClockMs?: number }
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'propose'; readonly proposals: readonly Proposal[]; readonly wallClockMs: number }
  | { readonly kind: 'read'; readonly id: number }
  | {
      readonly kind: 'change';
      readonly id: number;
      readonly changeId: string;
      readonly change: MembershipChange;
      /** Index of the configuration the caller looked at; null when it does not care. */
      readonly expectedIndex: LogIndex | null;
      readonly wallClockMs: number;
    }
  /** `to` null: the core picks the voter that is furthest. */
  | { readonly kind: 'transfer'; readonly id: number; readonly to: MemberId | null }
  /** The write with this number, and all before it, are durable. */
  | { readonly kind: 'written'; readonly write: number }
  | { readonly kind: 'applied'; readonly index: LogIndex }
  /** A snapshot of the own state machine is durable and named in the storage. */
  | { readonly kind: 'snapshot-taken'; readonly snapshot: SnapshotPosition }
  /** A whole, verified snapshot arrived from `from` in `term`; it lies beside the store and is not named yet. */
  | { readonly kind: 'snapshot-received'; readonly from: MemberId; readonly term: Term; readonly snapshot: SnapshotPosition }
  /** Sending a snapshot to a peer ended. */
  | { readonly kind: 'snapshot-sent'; readonly to: MemberId; readonly index: LogIndex; readonly outcome: 'delivered' | 'failed' }
  /** Entries before `firstIndex` are being dropped from the storage: none of them is sent any more. */
  | { readonly kind: 'trimmed'; readonly firstIndex: LogIndex };
