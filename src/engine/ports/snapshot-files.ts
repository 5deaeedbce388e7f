import type { PlacedConfiguration } from '../core/configuration.ts';
import type { LogIndex, Term } from '../core/types.ts';

/** What a snapshot file says of itself, but for its content. */
export interface SnapshotHead {
  readonly clusterId: string;
  readonly generation: number;
  readonly machine: string;
  readonly index: LogIndex;
  readonly term: Term;
  /** Chain hash of the entry at `index`, lower-case hex. */
  readonly chainHash: string;
  readonly configuration: PlacedConfiguration;
  readonly featureLevel: number;
  /** Digest of the state, as the machine gives it. */
  readonly stateHash: string;
  readonly takenAtMs: number;
}

/** Head and content. `sha256` is over the content, `base` is the place of a later version's increments. */
export interface SnapshotManifest extends SnapshotHead {
  readonly version: 1;
  /** `<term>-<index>-<first 16 of sha256>`. */
  readonly id: string;
  readonly bytes: number;
  readonly chunkBytes: number;
  readonly chunks: number;
  readonly sha256: string;
  readonly base: null;
  readonly sessions: null;
}

export interface SnapshotReader {
  readonly manifest: SnapshotManifest;
  /** The content from `offset`, at most `maxBytes`; every chunk touched is checked first. */
  read(offset: number, maxBytes: number): Promise<Uint8Array>;
  /** The whole content, checked chunk by chunk. */
  chunks(): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** A snapshot on its way in. It becomes a file only when whole and verified. */
export interface SnapshotReceiver {
  readonly manifest: SnapshotManifest;
  /** Where the stream goes on: what earlier attempts left counts. */
  readonly offset: number;
  add(bytes: Uint8Array): Promise<void>;
  /** Verifies sha256 and size, fsyncs, renames, fsyncs the directory. @throws {StorageDamagedError} And the part is removed. */
  finish(): Promise<SnapshotManifest>;
  /** Closes; what arrived stays for a later attempt. */
  abandon(): Promise<void>;
}

/** Snapshot files of one member: written aside, fsynced, renamed. A file counts only once the storage names it. */
export interface SnapshotFiles {
  write(head: SnapshotHead, content: AsyncIterable<Uint8Array>): Promise<SnapshotManifest>;
  receive(manifest: SnapshotManifest): Promise<SnapshotReceiver>;
  /** @throws {StorageDamagedError} When head, manifest or size do not fit. */
  open(id: string): Promise<SnapshotReader>;
  /** Removes every other snapshot and all that was left half-way. */
  keepOnly(ids: readonly string[]): Promise<void>;
  /** The bytes of the file, for `snapshot save`, with the manifest of `lineage`: that of the member whose history it is now. */
  raw(id: string, lineage: { readonly clusterId: string; readonly generation: number }): AsyncIterable<Uint8Array>;
}

/** Parses and checks a manifest from a peer or a file. @throws {RangeError} When it is none. Lives in `native/`. */
export type ParseManifest = (bytes: Uint8Array) => SnapshotManifest;
