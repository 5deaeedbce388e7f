import type { HardState } from '../../core/entry.ts';
import type { Decoded, RecordRule } from '../../native/decoded.ts';
import { META_DATABASE, META_KEY, TAIL_COPY_KEY, TAIL_DATABASE } from '../../native/layout.ts';
import { decodeFormat, decodeIdentity, decodeSnapshotNames } from '../../native/named-records.ts';
import type { LmdbView } from '../../native/pages/lmdb-file.ts';
import { decodeHardState, decodeIncarnation, decodePosition } from '../../native/position-records.ts';
import type { ChainPosition } from '../../native/position-records.ts';
import { decodeRecoveries, type RecoveryMark } from '../../native/recovery-record.ts';
import type { Identity, NamedSnapshot } from '../../ports/storage.ts';

/** One record of the environment: its value, or why there is none. */
export type Stored<T> = { readonly value: T; readonly byteOffset: number } | { readonly value: null; readonly byteOffset: number; readonly rule: RecordRule | 'record-missing'; readonly problem: string };

/** Everything beside the entries. */
export interface StoredRecords {
  readonly format: Stored<{ readonly version: number }>;
  readonly identity: Stored<Identity>;
  readonly hardState: Stored<HardState>;
  readonly incarnation: Stored<number>;
  readonly snapshots: Stored<readonly NamedSnapshot[]>;
  readonly base: Stored<ChainPosition>;
  readonly tail: Stored<ChainPosition>;
  readonly tailCopy: Stored<ChainPosition>;
  /** Newest first; an empty list where none was ever done: most stores have no such record. */
  readonly recoveries: Stored<readonly RecoveryMark[]>;
}

export function readStoredRecords(view: LmdbView): StoredRecords {
  const meta = <T>(key: Uint8Array, decode: (bytes: Uint8Array) => Decoded<T>): Stored<T> => readOne(view, META_DATABASE, key, decode);
  return {
    format: meta(META_KEY.format, decodeFormat),
    identity: meta(META_KEY.identity, decodeIdentity),
    hardState: meta(META_KEY.hardState, decodeHardState),
    incarnation: meta(META_KEY.incarnation, decodeIncarnation),
    snapshots: meta(META_KEY.snapshots, decodeSnapshotNames),
    base: meta(META_KEY.base, (bytes) => decodePosition('base', bytes)),
    tail: meta(META_KEY.tail, (bytes) => decodePosition('tail', bytes)),
    tailCopy: readOne(view, TAIL_DATABASE, TAIL_COPY_KEY, (bytes) => decodePosition('tail', bytes)),
    recoveries: absentIs([], meta(META_KEY.recoveries, decodeRecoveries)),
  };
}

function readOne<T>(view: LmdbView, database: string, key: Uint8Array, decode: (bytes: Uint8Array) => Decoded<T>): Stored<T> {
  const name = `${database}/${Buffer.from(key).toString('latin1')}`;
  const found = view.get(database, Buffer.from(key));
  if (found === undefined) {
    const byteOffset = view.databases().get(database)?.byteOffset ?? view.meta.byteOffset;
    return { value: null, byteOffset, rule: 'record-missing', problem: `the record ${name} is not there` };
  }
  if (!('value' in found)) return { value: null, byteOffset: found.byteOffset, rule: 'record-damaged', problem: `the record ${name} cannot be reached: ${found.problem}` };
  const decoded = decode(found.value);
  if (decoded.ok) return { value: decoded.value, byteOffset: found.byteOffset };
  return { value: null, byteOffset: found.byteOffset, rule: decoded.rule, problem: `${name}: ${decoded.problem}` };
}

function absentIs<T>(value: T, stored: Stored<T>): Stored<T> {
  return 'rule' in stored && stored.rule === 'record-missing' ? { value, byteOffset: stored.byteOffset } : stored;
}

/** The tail descriptor, from whichever home still has it; the further one where they differ. */
export function tailOf(records: StoredRecords): { position: ChainPosition; byteOffset: number } | null {
  const held = [records.tail, records.tailCopy].flatMap((one) => (one.value === null ? [] : [{ position: one.value, byteOffset: one.byteOffset }]));
  held.sort((a, b) => b.position.term - a.position.term || b.position.index - a.position.index);
  return held[0] ?? null;
}
