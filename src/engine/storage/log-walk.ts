import { decodeConfiguration, type PlacedConfiguration } from '../core/configuration.ts';
import type { LogOutline } from '../core/raft.ts';
import type { LogIndex, Term } from '../core/types.ts';
import { decodeBatch } from '../native/batch-record.ts';
import { expectedChain, type ChainedEntry } from '../native/entry-record.ts';
import { parseIndexKey, parseSegmentName, segmentName, segmentStart } from '../native/layout.ts';
import type { ChainPosition } from '../native/position-records.ts';
import { StorageDamagedError } from '../ports/damage.ts';
import type { KvReader } from '../ports/kv-store.ts';
import { required } from './meta.ts';

/** What a log holds, found by reading all of it. */
export interface WalkedLog {
  readonly outline: LogOutline;
  readonly firsts: number[];
  readonly tail: ChainPosition;
  /** Configurations of membership entries, oldest first. */
  readonly configurations: readonly PlacedConfiguration[];
  /** Positions at the indexes that were asked for, as far as the log reaches them. */
  readonly positions: ReadonlyMap<LogIndex, ChainPosition>;
}

/**
 * Reads the log from `base` on, batch by batch: one batch is in memory at a time, and of each entry only its size stays.
 * Checks every checksum, the order of indexes and terms, and the chain of hashes.
 * @throws {StorageDamagedError} At the first thing that cannot be true.
 */
export function walkLog(reader: KvReader, base: ChainPosition, wanted: ReadonlySet<LogIndex>): WalkedLog {
  const firsts: number[] = [];
  const sizes: number[] = [];
  const termRuns: { term: Term; first: LogIndex; last: LogIndex }[] = [];
  const configurations: PlacedConfiguration[] = [];
  const positions = new Map<LogIndex, ChainPosition>();
  let tail = base;
  if (wanted.has(base.index)) positions.set(base.index, base);
  for (const { where, first, entries } of batches(reader)) {
    if (first !== tail.index + 1) throw misplaced(where, first, tail, firsts.length === 0);
    firsts.push(first);
    for (const one of entries) {
      tail = follow(where, tail, one);
      const { entry } = one;
      sizes.push(entry.payload.length);
      const run = termRuns.at(-1);
      if (run?.term === entry.term) run.last = entry.index;
      else termRuns.push({ term: entry.term, first: entry.index, last: entry.index });
      if (entry.kind === 'confChange') configurations.push({ index: entry.index, configuration: configurationOf(where, entry.index, entry.payload) });
      if (wanted.has(entry.index)) positions.set(entry.index, tail);
    }
  }
  return { outline: { base: { term: base.term, index: base.index }, termRuns, sizes }, firsts, tail, configurations, positions };
}

function* batches(reader: KvReader): Generator<{ where: string; first: LogIndex; entries: readonly ChainedEntry[] }> {
  for (const name of reader.databases()) {
    if (!name.startsWith('log-')) continue;
    const start = parseSegmentName(name);
    if (start === null) throw new StorageDamagedError('segment-stray', `raft/${name}`, 'the name is no segment of the log');
    for (const [key, value] of reader.range(name)) {
      const at = parseIndexKey(key);
      const where = `raft/${name}/${at ?? Buffer.from(key).toString('hex')}`;
      const batch = required(where, decodeBatch(value));
      if (batch.first !== at) throw new StorageDamagedError('batch-misplaced', where, `it holds the batch of entry ${batch.first}`);
      if (segmentName(segmentStart(at)) !== name || segmentStart(at + batch.entries.length - 1) !== start) {
        throw new StorageDamagedError('batch-misplaced', where, `entries ${at} to ${at + batch.entries.length - 1} do not belong into this segment`);
      }
      yield { where, first: at, entries: batch.entries };
    }
  }
}

function follow(where: string, before: ChainPosition, { entry, chainHash }: ChainedEntry): ChainPosition {
  if (entry.term < before.term) throw new StorageDamagedError('term-falls', where, `entry ${entry.index} has term ${entry.term}, the one before it ${before.term}`);
  if (!expectedChain(entry, before.chainHash).equals(chainHash)) throw new StorageDamagedError('chain-broken', where, `the chain hash of entry ${entry.index} does not follow from the entry before it`);
  return { index: entry.index, term: entry.term, chainHash: Uint8Array.from(chainHash) };
}

function misplaced(where: string, first: LogIndex, tail: ChainPosition, isFirst: boolean): StorageDamagedError {
  if (first <= tail.index) return new StorageDamagedError('log-overlap', where, `a batch begins at entry ${first}, which ${isFirst ? `lies before the log's first entry ${tail.index + 1}` : 'is there already'}`);
  return new StorageDamagedError('log-gap', where, `entries ${tail.index + 1} to ${first - 1} are missing`);
}

function configurationOf(where: string, index: LogIndex, payload: Uint8Array): PlacedConfiguration['configuration'] {
  try {
    return decodeConfiguration(payload);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new StorageDamagedError('record-invalid', where, `entry ${index}: ${error.message}`, { cause: error });
  }
}
