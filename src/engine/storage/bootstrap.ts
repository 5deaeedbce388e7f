import { type Configuration, memberOf, type PlacedConfiguration } from '../core/configuration.ts';
import type { HardState } from '../core/entry.ts';
import type { LogIndex, LogPosition, MemberId, Term } from '../core/types.ts';
import { RefusedError } from '../errors.ts';
import { decodeBatch } from '../native/batch-record.ts';
import type { ChainedEntry } from '../native/entry-record.ts';
import { indexKey, META_DATABASE, META_KEY, segmentName, segmentStart } from '../native/layout.ts';
import { decodeFormat, decodeIdentity, decodeSnapshotNames, encodeIdentity } from '../native/named-records.ts';
import { decodeHardState, decodePosition, encodeHardState } from '../native/position-records.ts';
import { boundedMark, decodeRecoveries, encodeRecoveries, encodeRecoveryEntry, type RecoveryMark } from '../native/recovery-record.ts';
import { StorageDamagedError } from '../ports/damage.ts';
import type { KvOperation, KvReader } from '../ports/kv-store.ts';
import type { Identity, NamedSnapshot } from '../ports/storage.ts';
import { LogEdit } from './log-edit.ts';
import { walkLog, type WalkedLog } from './log-walk.ts';
import { putMeta, putTail, readMeta, required } from './meta.ts';

/** All that the edit needs besides the store itself: with it, equal stores give equal results. */
export interface NativeBootstrap {
  /** Whose store it must be, as the plan saw it. */
  readonly from: { readonly clusterId: string; readonly generation: number; readonly memberId: MemberId };
  readonly to: { readonly clusterId: string; readonly generation: number; readonly memberId: MemberId; readonly name: string };
  /** The new member's address; null: what the newest configuration kept says of the old one. */
  readonly address: string | null;
  /** Term of the recovery entry: above every term seen. */
  readonly term: Term;
  /** Last entry that stays; what lies behind it is removed. */
  readonly keepTo: LogIndex;
  readonly wallClockMs: number;
  readonly why: Pick<RecoveryMark, 'planId' | 'at' | 'source' | 'floor' | 'verdict' | 'proof' | 'statement' | 'facts'>;
}

/** What the store holds once the operations are durable. */
export interface BootstrapOutcome {
  readonly operations: KvOperation[];
  readonly identity: Identity;
  readonly configuration: PlacedConfiguration;
  /** The recovery entry. */
  readonly last: LogPosition;
  readonly hardState: HardState;
  readonly mark: RecoveryMark;
}

/** What was read of the store; nothing is changed by it. */
interface OldStore {
  readonly identity: Identity;
  readonly hardState: HardState;
  readonly snapshots: readonly NamedSnapshot[];
  readonly walked: WalkedLog;
  readonly edit: LogEdit;
  readonly recoveries: readonly RecoveryMark[];
}

/**
 * A forced recovery of one member's store: the operations of one transaction that make it the only member of a new
 * lineage. Index numbers go on; the recovery entry behind the kept tail carries the new configuration; ids of all old members can
 * never be used again. The commit index stays where it was proven to be: what is in doubt is committed by the new member itself,
 * when it leads alone, and not by this edit.
 * @throws {StorageDamagedError} When the store cannot be true. @throws {RefusedError} When the edit does not fit the store.
 */
export function planNativeBootstrap(reader: KvReader, bootstrap: NativeBootstrap): KvOperation[] {
  return nativeBootstrap(reader, bootstrap).operations;
}

/** The same, with what comes of it. */
export function nativeBootstrap(reader: KvReader, bootstrap: NativeBootstrap): BootstrapOutcome {
  const store = readOldStore(reader);
  const { walked, edit, hardState } = store;
  checkFit(store, bootstrap);
  const last: LogPosition = { term: walked.tail.term, index: walked.tail.index };
  if (bootstrap.keepTo < last.index) edit.truncate(bootstrap.keepTo + 1);
  const kept: LogPosition = { term: edit.tail.term, index: edit.tail.index };
  const index = kept.index + 1;
  const { clusterId, generation, memberId, name } = bootstrap.to;
  const identity: Identity = { clusterId, generation, memberId, name, machine: store.identity.machine };
  const configuration = configurationAfter(store, bootstrap);
  const mark = boundedMark({ ...bootstrap.why, from: { ...bootstrap.from }, to: { clusterId, generation, memberId }, last, kept });
  edit.append([{ index, term: bootstrap.term, kind: 'confChange', wallClockMs: bootstrap.wallClockMs, payload: encodeRecoveryEntry(configuration, mark) }]);
  // Never above what is kept (a commit index beyond it told of entries that are lost), never below a snapshot.
  const commit = Math.max(Math.min(hardState.commit, bootstrap.keepTo), store.snapshots[0]?.index ?? 0);
  const next: HardState = { term: bootstrap.term, vote: '', commit };
  return {
    operations: [
      ...edit.operations(),
      ...putTail(edit.tail),
      putMeta('hardState', encodeHardState(next)),
      putMeta('identity', encodeIdentity(identity)),
      putMeta('recoveries', encodeRecoveries([mark, ...store.recoveries])),
    ],
    identity,
    configuration: { index, configuration },
    last: { term: bootstrap.term, index },
    hardState: next,
    mark,
  };
}

/** Recoveries that a store went through, newest first; none when it never did. */
export function readRecoveries(reader: KvReader): readonly RecoveryMark[] {
  const bytes = reader.get(META_DATABASE, META_KEY.recoveries);
  return bytes === undefined ? [] : required('raft/meta/recoveries', decodeRecoveries(bytes));
}

/**
 * The id of a member after a recovery: the old one with the generation behind it, in place of an older such suffix. Ids that were
 * ever used are never used again: then a number follows.
 */
export function recoveredId(id: MemberId, generation: number, used: ReadonlySet<MemberId>): MemberId {
  const base = id.replace(/-g\d+(-\d+)?$/, '') || id;
  for (let attempt = 1; ; attempt++) {
    const suffix = `-g${generation}${attempt === 1 ? '' : `-${attempt}`}`;
    const candidate = `${base.slice(0, MAX_MEMBER_ID - suffix.length)}${suffix}`;
    if (!used.has(candidate)) return candidate;
  }
}

const MAX_MEMBER_ID = 63;

function readOldStore(reader: KvReader): OldStore {
  if (reader.databases().length === 0) throw new StorageDamagedError('record-missing', 'raft', 'the store is empty: no member was ever set up here');
  readMeta(reader, 'format', decodeFormat);
  const identity = readMeta(reader, 'identity', decodeIdentity);
  const hardState = readMeta(reader, 'hardState', decodeHardState);
  const snapshots = readMeta(reader, 'snapshots', decodeSnapshotNames);
  const base = readMeta(reader, 'base', (bytes) => decodePosition('base', bytes));
  const tail = readMeta(reader, 'tail', (bytes) => decodePosition('tail', bytes));
  const walked = walkLog(reader, base, new Set());
  if (tail.index !== walked.tail.index || Buffer.compare(tail.chainHash, walked.tail.chainHash) !== 0) {
    throw new StorageDamagedError('tail-differs', 'raft/meta/tail', `the log ends at entry ${walked.tail.index}, the tail descriptor says ${tail.index}`);
  }
  const edit = new LogEdit({ base, tail: walked.tail, firsts: walked.firsts }, (first) => batchOf(reader, first));
  return { identity, hardState, snapshots, walked, edit, recoveries: readRecoveries(reader) };
}

function batchOf(reader: KvReader, first: LogIndex): readonly ChainedEntry[] {
  const name = segmentName(segmentStart(first));
  const bytes = reader.get(name, indexKey(first));
  if (bytes === undefined) throw new StorageDamagedError('record-missing', `raft/${name}/${first}`, 'the batch is not there');
  return required(`raft/${name}/${first}`, decodeBatch(bytes)).entries;
}

function checkFit({ identity, hardState, snapshots, walked, edit }: OldStore, { from, to, term, keepTo }: NativeBootstrap): void {
  if (identity.clusterId !== from.clusterId || identity.generation !== from.generation || identity.memberId !== from.memberId) {
    const is = `member ${identity.memberId} of cluster ${identity.clusterId}, generation ${identity.generation}`;
    throw new RefusedError('other-member', `the store is of ${is}; the plan was made for ${from.memberId} of ${from.clusterId}, generation ${from.generation}`, 'Name the directory that the plan was made for, or make a new plan');
  }
  if (to.generation <= from.generation) throw new RefusedError('old-generation', `generation ${to.generation} does not follow generation ${from.generation}`, 'Make the plan anew');
  if (term <= hardState.term || term <= walked.tail.term) throw new RefusedError('term-too-low', `term ${term} is not above term ${Math.max(hardState.term, walked.tail.term)} of the store`, 'Make the plan anew');
  const newest = snapshots[0]?.index ?? 0;
  if (keepTo > walked.tail.index || keepTo < edit.base.index || keepTo < newest) {
    throw new RefusedError('tail-out-of-reach', `the log cannot end at entry ${keepTo}: it holds ${edit.base.index + 1} to ${walked.tail.index}, its newest snapshot covers ${newest}`, 'Make the plan anew');
  }
}

/** The source alone. Whoever was a member before, in whatever configuration the log still shows, can never be one again. */
function configurationAfter({ identity, walked, snapshots }: OldStore, { to, address, keepTo }: NativeBootstrap): Configuration {
  const seen = [...[...snapshots].reverse().map((one) => one.configuration), ...walked.configurations];
  const kept = seen.filter((one) => one.index <= keepTo);
  const own = address ?? [...kept].reverse().map(({ configuration }) => memberOf(configuration, identity.memberId)?.address).find((one) => one !== undefined);
  if (own === undefined) throw new RefusedError('no-address', `no configuration of the log says where ${identity.memberId} is reached`, 'Name it: --self-address <host:port>');
  const used = new Set<MemberId>();
  for (const { configuration } of seen) {
    for (const id of configuration.tombstones) used.add(id);
    for (const { id } of configuration.members) used.add(id);
  }
  used.add(identity.memberId);
  if (used.has(to.memberId)) throw new RefusedError('id-reused', `the id ${to.memberId} was used before`, 'Make the plan anew');
  return { members: [{ id: to.memberId, name: to.name, address: own, role: 'voter' }], tombstones: [...used], changes: [] };
}
