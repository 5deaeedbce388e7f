import type { LogIndex, MemberId } from './types.ts';

/** A participant as the configuration lists it. `address` is `host:port` and serves peers and clients. */
export interface Member {
  readonly id: MemberId;
  readonly name: string;
  readonly address: string;
  readonly role: 'voter' | 'learner';
}

/**
 * Who takes part (Ongaro thesis 4.1). In force from the moment its entry is appended; taken back when that entry is truncated.
 * Invariants: ids are unique; no member's id is among `tombstones`.
 */
export interface Configuration {
  readonly members: readonly Member[];
  /** Ids of members that were removed: never to be used again. */
  readonly tombstones: readonly MemberId[];
  /** The newest changes (at most 16) by the caller's id, so that a retry gets the first outcome. */
  readonly changes: readonly { readonly changeId: string; readonly index: LogIndex }[];
}

/** A configuration and the index of the entry (or snapshot) it came from. */
export interface PlacedConfiguration {
  readonly index: LogIndex;
  readonly configuration: Configuration;
}

/** One step of membership (Ongaro thesis 4.1: one server at a time). */
export type MembershipChange =
  | { readonly kind: 'add-learner'; readonly id: MemberId; readonly name: string; readonly address: string }
  | { readonly kind: 'promote'; readonly id: MemberId }
  | { readonly kind: 'remove'; readonly id: MemberId }
  | { readonly kind: 'change-address'; readonly id: MemberId; readonly address: string };
