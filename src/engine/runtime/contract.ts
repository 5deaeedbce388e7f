import type { Input } from '../core/input.ts';
import type { Ready } from '../core/ready.ts';
import type { Settings } from '../core/settings.ts';
import type { RaftState } from '../core/state.ts';
import type { Entry } from '../core/entry.ts';
import type { Clock, Proc, Rng } from '../ports/clock.ts';
import type { SnapshotFiles } from '../ports/snapshot-files.ts';
import type { StateMachine } from '../ports/state-machine.ts';
import type { Storage } from '../ports/storage.ts';
import type { Transport } from '../ports/transport.ts';

/** All a member needs of the world. */
export interface NodePorts {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly proc: Proc;
  readonly storage: Storage;
  readonly snapshots: SnapshotFiles;
  readonly machine: StateMachine;
  readonly transport: Transport;
}

export interface NodeOptions {
  readonly settings: Settings;
  /** Software version, shown in the status. */
  readonly version: string;
  readonly maxFeatureLevel: number;
  /** A snapshot is taken after this many entries, or this many payload bytes, since the last one. */
  readonly snapshotEntries: number;
  readonly snapshotBytes: number;
  /** Entries kept behind the older snapshot for slow followers. */
  readonly compactionMargin: number;
  readonly maxCommandBytes: number;
}

/** Watches a member from outside: the simulator's checkers, the runtime's logs. Must not change anything. */
export interface NodeObserver {
  stepped?(before: RaftState, input: Input, after: RaftState, ready: Ready): void;
  /** After the state machine took it; `result` is null for entries that are no commands. */
  applied?(entry: Entry, result: Uint8Array | null): void;
  restored?(index: number, stateHash: string): void;
  /** A refused envelope: which rule, from whom. */
  refused?(rule: string, from: string): void;
}
