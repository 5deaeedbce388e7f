import { UnknownStoreError } from '../errors.ts';
import type { ReadOptions, StoreReader } from '../model/reading.ts';
import { etcdReader } from './etcd/reader.ts';
import { nativeReader } from './native/reader.ts';
import { raftBoltdbReader } from './raft-boltdb/reader.ts';
import { raftWalReader } from './raft-wal/reader.ts';

/** Every store that can be read, in the order they are asked. */
export const READERS: readonly StoreReader[] = [
  etcdReader,
  nativeReader,
  raftBoltdbReader,
  raftWalReader, // after raft-boltdb: a server that has both uses raft.db
];

/** The reader whose store lies at `path`; null when none knows it. */
export function detectReader(path: string, options: ReadOptions = {}): StoreReader | null {
  return READERS.find((reader) => reader.detect(path, options)) ?? null;
}

/** @throws {UnknownStoreError} When no reader knows what lies there. */
export function readerFor(path: string, shown: string, options: ReadOptions = {}): StoreReader {
  const reader = detectReader(path, options);
  if (reader) return reader;
  throw new UnknownStoreError(`${shown}: no store that can be read`, 'Name the data directory, the Raft directory in it, or one store file: inspect stores lists what is looked for');
}
