import type { LogIndex } from '../core/types.ts';

/** A committed command, with its place. */
export interface Command {
  readonly index: LogIndex;
  readonly term: number;
  readonly wallClockMs: number;
  readonly payload: Uint8Array;
}

/** The state at one index, as a stream. `release` must be called when it is no longer needed. */
export interface StateView {
  readonly index: LogIndex;
  /** Digest of the state, lower-case hex: equal states have equal hashes. */
  readonly stateHash: string;
  /** Pieces of any size; together they are what `restore` takes. */
  chunks(): AsyncIterable<Uint8Array>;
  release(): void;
}

/**
 * What a service supplies: its own logic, deterministic. Results, state and hash depend on the commands alone, never on clocks,
 * chance or the machine. Broken input gives a result that says so; it never throws.
 */
export interface StateMachine {
  readonly name: string;
  /** Opens what is stored; gives the index it has applied (0 when new). */
  open(): Promise<{ readonly appliedIndex: LogIndex }>;
  /**
   * Applies commands in order; one result each. `upTo` is the index to remember as applied: entries that are no commands count too.
   * Settles when the state is readable; it need not be durable, the log is.
   */
  apply(commands: readonly Command[], upTo: LogIndex): Promise<readonly Uint8Array[]>;
  /** Answers from the applied state. */
  query(request: Uint8Array): Uint8Array;
  /** Calls `emit` with what changes from now on (or from what the request asks); returns how to stop. Throws CallError. */
  watch(request: Uint8Array, emit: (event: Uint8Array) => void): () => void;
  appliedIndex(): LogIndex;
  stateHash(): string;
  /** A view of this moment; writes go on beside it. */
  snapshot(): Promise<StateView>;
  /** Replaces all state by a snapshot's; all or nothing: after a crash the old or the new state is there, or none (index 0). */
  restore(index: LogIndex, stateHash: string, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  close(): Promise<void>;
}
