import type { PlacedConfiguration } from '../core/configuration.ts';
import type { HardState } from '../core/entry.ts';
import type { LogOutline } from '../core/raft.ts';
import { chainHex, EMPTY_CHAIN } from '../native/chain-hash.ts';
import { TAIL_COPY_KEY, TAIL_DATABASE } from '../native/layout.ts';
import { decodeFormat, decodeIdentity, decodeSnapshotNames } from '../native/named-records.ts';
import { decodeHardState, decodeIncarnation, decodePosition, type ChainPosition } from '../native/position-records.ts';
import { StorageDamagedError } from '../ports/damage.ts';
import type { KvReader } from '../ports/kv-store.ts';
import type { Identity, NamedSnapshot } from '../ports/storage.ts';
import { readRecoveries } from './bootstrap.ts';
import type { LogExtent } from './log-edit.ts';
import { walkLog, type WalkedLog } from './log-walk.ts';
import { readMeta, readRecord } from './meta.ts';

/** All of a store, read and found to be consistent. */
export interface CheckedStore {
  readonly identity: Identity;
  /** As stored: of the start before this one. */
  readonly incarnation: number;
  readonly hardState: HardState;
  readonly snapshots: readonly NamedSnapshot[];
  readonly extent: LogExtent & { readonly firsts: number[] };
  readonly outline: LogOutline;
  readonly configurations: readonly PlacedConfiguration[];
}

/**
 * Reads and verifies a whole store; changes nothing.
 * @throws {StorageDamagedError} At the first thing that cannot be true.
 */
export function readStore(reader: KvReader): CheckedStore {
  if (reader.databases().length === 0) throw new StorageDamagedError('record-missing', 'raft', 'the store is empty: no member was ever set up here');
  readMeta(reader, 'format', decodeFormat);
  const identity = readMeta(reader, 'identity', decodeIdentity);
  const hardState = readMeta(reader, 'hardState', decodeHardState);
  const incarnation = readMeta(reader, 'incarnation', decodeIncarnation);
  const snapshots = readMeta(reader, 'snapshots', decodeSnapshotNames);
  readRecoveries(reader);
  const base = readMeta(reader, 'base', (bytes) => decodePosition('base', bytes));
  const tail = readTail(reader);
  if (base.index === 0 && (base.term !== 0 || !same(base.chainHash, EMPTY_CHAIN))) throw new StorageDamagedError('record-invalid', 'raft/meta/base', 'a log from the first entry on has a term or chain hash before it');
  const walked = walkLog(reader, base, new Set(snapshots.map((one) => one.index)));
  checkTail(tail, walked);
  checkSnapshots(snapshots, base, walked);
  checkHardState(hardState, walked, snapshots);
  const newest = snapshots[0]?.configuration;
  const configurations = newest === undefined ? walked.configurations : [newest, ...walked.configurations.filter((one) => one.index > newest.index)];
  return { identity, incarnation, hardState, snapshots, extent: { base, tail: walked.tail, firsts: walked.firsts }, outline: walked.outline, configurations };
}

function readTail(reader: KvReader): ChainPosition {
  const decode = (bytes: Uint8Array): ReturnType<typeof decodePosition> => decodePosition('tail', bytes);
  const tail = readMeta(reader, 'tail', decode);
  const copy = readRecord(reader, TAIL_DATABASE, TAIL_COPY_KEY, decode);
  if (!isSamePosition(tail, copy)) throw new StorageDamagedError('tail-differs', 'raft/meta/tail', `it says ${describe(tail)}, its copy ${describe(copy)}`);
  return tail;
}

function checkTail(tail: ChainPosition, walked: WalkedLog): void {
  if (isSamePosition(tail, walked.tail)) return;
  const rule = tail.index > walked.tail.index ? 'tail-lost' : 'tail-differs';
  throw new StorageDamagedError(rule, 'raft/meta/tail', `the log ends at ${describe(walked.tail)}, the tail descriptor says ${describe(tail)}`);
}

function checkHardState(hardState: HardState, walked: WalkedLog, snapshots: readonly NamedSnapshot[]): void {
  const { tail } = walked;
  const damaged = (rule: string, problem: string): StorageDamagedError => new StorageDamagedError(rule, 'raft/meta/hard-state', problem);
  if (hardState.commit > tail.index) throw damaged('commit-beyond-log', `commit index ${hardState.commit}, the log ends at ${tail.index}`);
  if (hardState.term < tail.term) throw damaged('term-below-log', `term ${hardState.term}, the last entry has term ${tail.term}`);
  const newest = snapshots[0];
  if (newest !== undefined && hardState.commit < newest.index) throw damaged('commit-below-snapshot', `commit index ${hardState.commit}, snapshot ${newest.id} covers more`);
}

function checkSnapshots(snapshots: readonly NamedSnapshot[], base: ChainPosition, walked: WalkedLog): void {
  const where = 'raft/meta/snapshots';
  if (snapshots.length === 0 && base.index > 0) throw new StorageDamagedError('snapshot-missing', where, `the log begins at entry ${base.index + 1} and no snapshot is named`);
  for (const snapshot of snapshots) {
    if (snapshot.index < base.index) throw new StorageDamagedError('snapshot-gap', where, `snapshot ${snapshot.id} ends before the log begins, at entry ${base.index + 1}`);
    if (snapshot.index > walked.tail.index) throw new StorageDamagedError('snapshot-beyond-log', where, `snapshot ${snapshot.id} covers more than the log, which ends at ${walked.tail.index}`);
    const position = walked.positions.get(snapshot.index);
    if (position === undefined || position.term !== snapshot.term || chainHex(position.chainHash) !== snapshot.chainHash) {
      throw new StorageDamagedError('snapshot-differs', where, `snapshot ${snapshot.id} was taken of another log: term or chain hash at ${snapshot.index} differ`);
    }
  }
}

function isSamePosition(a: ChainPosition, b: ChainPosition): boolean {
  return a.index === b.index && a.term === b.term && same(a.chainHash, b.chainHash);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function describe(position: ChainPosition): string {
  return `term ${position.term}, index ${position.index}, chain ${chainHex(position.chainHash)}`;
}
