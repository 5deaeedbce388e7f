/** One change of a transaction. Keys order as bytes; a database comes into being with its first put. */
export type KvOperation =
  | { readonly kind: 'put'; readonly database: string; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: 'remove'; readonly database: string; readonly key: Uint8Array }
  /** Removes a whole database, cheaply. */
  | { readonly kind: 'drop'; readonly database: string };

/** Keys in `[from, until)`; both ends optional. */
export interface KvRange {
  readonly from?: Uint8Array;
  readonly until?: Uint8Array;
  /** From the greatest key down. */
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** Reads of one moment. Values are copies: they may be kept. */
export interface KvReader {
  get(database: string, key: Uint8Array): Uint8Array | undefined;
  range(database: string, range?: KvRange): Iterable<readonly [key: Uint8Array, value: Uint8Array]>;
  /** Names of the databases, sorted. */
  databases(): string[];
}

/** A view that stays as it was until released, while writes go on. */
export interface KvView extends KvReader {
  release(): void;
}

/** An ordered key-value environment with transactions over several databases: what the log and `kv` are stored in. */
export interface KvStore extends KvReader {
  /**
   * All or nothing, and durable when the promise settles. Calls are carried out in order.
   * A rejection says nothing about what is on the disk: the caller must end the process and read anew (never retry).
   */
  transact(operations: readonly KvOperation[]): Promise<void>;
  view(): KvView;
  close(): Promise<void>;
}
