import type { Clock } from '../ports/clock.ts';
import type { Disk } from '../ports/disk.ts';
import type { KvStore } from '../ports/kv-store.ts';
import type { Transport } from '../ports/transport.ts';

/** Wraps the world of a member. Only a practice cluster supplies one: a member outside of it has no way to get it. */
export interface Decorators {
  transport(inner: Transport): Transport;
  /** `raft`: log and hard state; `state`: the state machine's own store. */
  kvStore(inner: KvStore, role: 'raft' | 'state'): KvStore;
  /** Snapshot files. */
  disk(inner: Disk): Disk;
  clock(inner: Clock): Clock;
}

export const UNDECORATED: Decorators = {
  transport: (inner) => inner,
  kvStore: (inner) => inner,
  disk: (inner) => inner,
  clock: (inner) => inner,
};
