import type { PlacedConfiguration } from '../core/configuration.ts';
import type { Entry, HardState } from '../core/entry.ts';
import type { LogOutline } from '../core/raft.ts';
import type { Write } from '../core/ready.ts';
import type { LogIndex, MemberId } from '../core/types.ts';

/** Whose data a directory is. `generation` grows with each forced recovery: (clusterId, generation) is the lineage. */
export interface Identity {
  readonly clusterId: string;
  readonly generation: number;
  readonly memberId: MemberId;
  readonly name: string;
  /** Name of the state machine, `kv`. */
  readonly machine: string;
}

/** A snapshot as the storage names it. `id` is `<term>-<index>-<first 16 of its sha256>`. */
export interface NamedSnapshot {
  readonly id: string;
  readonly index: LogIndex;
  readonly term: number;
  /** Chain hash of the entry at `index`, lower-case hex. */
  readonly chainHash: string;
  readonly configuration: PlacedConfiguration;
}

/** All that a member reads back at its start, checked. */
export interface StoredState {
  readonly identity: Identity;
  /** Already counted up, durable. */
  readonly incarnation: number;
  readonly hardState: HardState;
  readonly log: LogOutline;
  /** Newest first; at most two. */
  readonly snapshots: readonly NamedSnapshot[];
  readonly configurations: readonly PlacedConfiguration[];
}

/** A commit: the core's write, plus the snapshots named from now on (all others are forgotten); absent: as they were. */
export interface StorageWrite extends Omit<Write, 'number' | 'install'> {
  readonly install: { readonly snapshot: NamedSnapshot; readonly keepSuffix: boolean } | null;
  readonly snapshots?: readonly NamedSnapshot[];
}

/** The log, the hard state and the names of snapshots of one member. One conformance suite holds for every implementation. */
export interface Storage {
  /**
   * Verifies every record, the chain, the tail descriptors and the order of indexes, then counts up the incarnation.
   * @throws {StorageDamagedError} At the first thing that cannot be true. Nothing is repaired.
   */
  open(): Promise<StoredState>;
  /** One durable commit, in the order of calls. A rejection means: end the process. */
  commit(write: StorageWrite): Promise<void>;
  /** Entries `[from, until)` as far as `maxBytes` of payload go, at least one; only durable ones. */
  entries(from: LogIndex, until: LogIndex, maxBytes: number): Entry[];
  /** Chain hash of a durable entry (or of the base), lower-case hex; null when the index is not held. */
  chainHash(index: LogIndex): string | null;
  /** Drops entries before `firstIndex`, in steps of bounded size; the log's base moves there. */
  trim(firstIndex: LogIndex): Promise<void>;
  close(): Promise<void>;
}
