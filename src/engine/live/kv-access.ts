import type { KvExpectation, KvFound } from '../native/kv-command.ts';
import type { KvEvent } from '../native/kv-query.ts';
import type { CallOptions } from './cluster.ts';

/** How fresh an answer must be. `follower`: from any member that heard its leader at most `maxStalenessMs` ago; `stale`: from any. */
export type KvLevel = { readonly kind: 'linearizable' } | { readonly kind: 'follower'; readonly maxStalenessMs: number } | { readonly kind: 'stale' };

/** An answer, and how fresh it is. */
export interface KvRead {
  readonly found: KvFound | null;
  /** Everything up to this entry is in the answer. */
  readonly index: number;
  /** How long ago the answering member heard its leader; null where it did not say (a leader itself, or no leader known). */
  readonly leaderContactMs: number | null;
}

export interface KvWritten {
  readonly revision: number;
  /** Whether the key was there before. */
  readonly existed: boolean;
}

/** A cas that did not take place says what is there instead. */
export type KvSwapped = { readonly swapped: true; readonly revision: number } | { readonly swapped: false; readonly found: KvFound | null };

export interface KvWatchOptions {
  readonly prefix: Uint8Array;
  /** First revision to tell; null: what changes from now on. */
  readonly fromRevision: number | null;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** Told when the member was lost and the watch goes on elsewhere. */
  readonly onResume?: (reason: string) => void;
}

/** Keys and values of a running cluster. */
export interface KvAccess {
  put(key: Uint8Array, value: Uint8Array, options: CallOptions): Promise<KvWritten>;
  get(key: Uint8Array, level: KvLevel, options: CallOptions): Promise<KvRead>;
  delete(key: Uint8Array, options: CallOptions): Promise<KvWritten>;
  cas(key: Uint8Array, expected: KvExpectation, value: Uint8Array, options: CallOptions): Promise<KvSwapped>;
  /** Changes in the order of their revisions, each once, across changes of the leader and of the member asked. */
  watch(options: KvWatchOptions): AsyncIterable<Exclude<KvEvent, { kind: 'lost' }>>;
}
