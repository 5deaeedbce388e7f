import type { Entry, HardState } from '../core/entry.ts';
import type { LogIndex } from '../core/types.ts';
import { decodeBatch } from '../native/batch-record.ts';
import { chainBytes, chainHex } from '../native/chain-hash.ts';
import type { ChainedEntry } from '../native/entry-record.ts';
import { indexKey, segmentName, segmentStart } from '../native/layout.ts';
import { encodeSnapshotNames } from '../native/named-records.ts';
import { encodeHardState, encodeIncarnation, encodePosition, type ChainPosition } from '../native/position-records.ts';
import { StorageDamagedError, StorageMisuseError } from '../ports/damage.ts';
import type { KvOperation, KvStore } from '../ports/kv-store.ts';
import type { NamedSnapshot, Storage, StorageWrite, StoredState } from '../ports/storage.ts';
import { BatchCache } from './batch-cache.ts';
import { batchAt, LogEdit, type LogExtent } from './log-edit.ts';
import { putMeta, putTail, required } from './meta.ts';
import { toStorageFailure } from './storage-failure.ts';
import { readStore } from './stored-state.ts';

/** Entries that one commit of a trim removes, unless it drops a whole segment. */
const TRIM_ENTRIES = 2_000;
/** Payload bytes of recently read or written batches kept in memory. */
const CACHE_BYTES = 8 * 1024 * 1024;

/** What the disk holds after the last commit that returned. */
interface Durable {
  readonly hardState: HardState;
  readonly snapshots: readonly NamedSnapshot[];
  readonly extent: LogExtent;
}

/**
 * The log and hard state of a member over any `KvStore`. One commit, one transaction; commits run one after another, in the order of
 * calls, and what is read is durable. A commit that fails ends it: every later call fails with the same error, because what the disk
 * holds is unknown until a new process has read it.
 * Invariants, checked before anything is written: entries follow each other and their terms never fall; nothing at or below the commit
 * index is truncated; term and commit index never go back, one vote per term; the log is never trimmed beyond the older snapshot.
 */
export class LogStorage implements Storage {
  readonly #kv: KvStore;
  readonly #cache = new BatchCache(CACHE_BYTES);
  /** What a trim under way has read: LMDB shows a commit to readers before it returns, and then a batch that is cut has gone from its key. */
  readonly #trimming = new Map<LogIndex, readonly ChainedEntry[]>();
  #durable: Durable | null = null;
  /** The array inside `#durable`, which grows in place. */
  #firsts: number[] = [];
  #queue: Promise<void> = Promise.resolve();
  #failure: Error | null = null;

  constructor(kv: KvStore) {
    this.#kv = kv;
  }

  async open(): Promise<StoredState> {
    const store = readStore(this.#kv);
    const incarnation = store.incarnation + 1;
    await this.#enqueue('incarnation', () => this.#transact([putMeta('incarnation', encodeIncarnation(incarnation))]));
    this.#firsts = store.extent.firsts;
    this.#durable = { hardState: store.hardState, snapshots: store.snapshots, extent: store.extent };
    const { identity, hardState, outline, snapshots, configurations } = store;
    return { identity, incarnation, hardState, log: outline, snapshots, configurations };
  }

  commit(write: StorageWrite): Promise<void> {
    return this.#enqueue('commit', () => this.#commit(write));
  }

  entries(from: LogIndex, until: LogIndex, maxBytes: number): Entry[] {
    const { extent } = this.#state();
    if (from <= extent.base.index || from > extent.tail.index) return [];
    const found: Entry[] = [];
    const end = Math.min(until, extent.tail.index + 1);
    let bytes = 0;
    for (let at = batchAt(extent.firsts, from); found.length < end - from; at++) {
      const first = extent.firsts[at] ?? 0;
      for (const { entry } of this.#batch(first)) {
        if (entry.index < from) continue;
        if (entry.index >= end) return found;
        bytes += entry.payload.length;
        if (found.length > 0 && bytes > maxBytes) return found;
        found.push(entry);
      }
    }
    return found;
  }

  chainHash(index: LogIndex): string | null {
    const position = this.#position(this.#state().extent, index);
    return position === null ? null : chainHex(position.chainHash);
  }

  async trim(firstIndex: LogIndex): Promise<void> {
    let isDone = false;
    while (!isDone) isDone = await this.#trimStep(firstIndex);
  }

  async close(): Promise<void> {
    await this.#queue;
    this.#failure ??= new StorageMisuseError('closed', 'the storage is closed');
    await this.#kv.close();
  }

  #enqueue(what: string, run: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(async () => {
      if (this.#failure !== null) throw this.#failure;
      try {
        await run();
      } catch (error) {
        this.#failure = toStorageFailure(error, what);
        throw this.#failure;
      }
    });
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async #transact(operations: readonly KvOperation[]): Promise<void> {
    await this.#kv.transact(operations);
  }

  async #commit(write: StorageWrite): Promise<void> {
    const before = this.#state();
    const edit = new LogEdit(before.extent, (first) => this.#batch(first));
    const snapshots = write.snapshots ?? namesAfter(before.snapshots, write.install);
    if (write.install !== null) this.#install(edit, before, write.install);
    if (write.truncateFrom !== null) {
      const floor = Math.max(before.hardState.commit, write.install?.snapshot.index ?? 0);
      if (write.truncateFrom <= floor) throw new StorageMisuseError('truncate-committed', `truncation from ${write.truncateFrom}, committed is ${floor}`);
      edit.truncate(write.truncateFrom);
    }
    edit.append(write.entries);
    const hardState = nextHardState(before.hardState, write.hardState, edit.tail, snapshots);
    checkSnapshots(snapshots, before.snapshots, edit, (index) => this.#position(before.extent, index));
    const operations = edit.operations();
    if (edit.tail !== before.extent.tail) operations.push(...putTail(edit.tail));
    if (edit.base !== before.extent.base) operations.push(putMeta('base', encodePosition('base', edit.base)));
    if (hardState !== before.hardState) operations.push(putMeta('hardState', encodeHardState(hardState)));
    if (snapshots !== before.snapshots) operations.push(putMeta('snapshots', encodeSnapshotNames(snapshots)));
    if (operations.length === 0) return;
    await this.#transact(operations);
    this.#settle(edit, { hardState, snapshots });
  }

  /** The log becomes what the snapshot says of it: kept when it agrees, else gone (Raft §7). */
  #install(edit: LogEdit, before: Durable, { snapshot, keepSuffix }: NonNullable<StorageWrite['install']>): void {
    const chainHash = chainBytes(snapshot.chainHash);
    if (chainHash === null) throw new StorageMisuseError('snapshot-differs', `snapshot ${snapshot.id} has no chain hash`);
    if (!keepSuffix) {
      if (snapshot.index < before.hardState.commit) throw new StorageMisuseError('install-behind', `snapshot ${snapshot.id} replaces a log that is committed up to ${before.hardState.commit}`);
      edit.reset({ index: snapshot.index, term: snapshot.term, chainHash });
      return;
    }
    const held = this.#position(before.extent, snapshot.index);
    if (held === null || held.term !== snapshot.term) throw new StorageMisuseError('install-suffix', `the log does not hold entry ${snapshot.index} of term ${snapshot.term}`);
    if (chainHex(held.chainHash) !== snapshot.chainHash) {
      throw new StorageDamagedError('chain-differs', `raft, entry ${snapshot.index}`, `snapshot ${snapshot.id} has another history with the same index and term`);
    }
  }

  async #trimStep(firstIndex: LogIndex): Promise<boolean> {
    let isDone = true;
    await this.#enqueue('trim', async () => {
      const before = this.#state();
      if (firstIndex <= before.extent.base.index + 1) return;
      const floor = before.snapshots.at(-1)?.index ?? 0;
      if (firstIndex - 1 > floor) throw new StorageMisuseError('trim-uncovered', `trimming up to ${firstIndex - 1}, the older snapshot covers ${floor}`);
      const edit = new LogEdit(before.extent, (first) => {
        const entries = this.#batch(first);
        this.#trimming.set(first, entries);
        return entries;
      });
      edit.trim(firstIndex, TRIM_ENTRIES);
      await this.#transact([...edit.operations(), putMeta('base', encodePosition('base', edit.base))]);
      this.#settle(edit, before);
      this.#trimming.clear();
      isDone = edit.base.index + 1 >= firstIndex;
    });
    return isDone;
  }

  #settle(edit: LogEdit, rest: Omit<Durable, 'extent'>): void {
    for (const first of edit.removed()) this.#cache.delete(first);
    for (const batch of edit.added) this.#cache.set(batch.first, batch.entries, batch.record.length);
    this.#durable = { hardState: rest.hardState, snapshots: rest.snapshots, extent: edit.applyTo(this.#firsts) };
  }

  #state(): Durable {
    if (this.#failure !== null) throw this.#failure;
    if (this.#durable === null) throw new StorageMisuseError('not-open', 'the storage is not open');
    return this.#durable;
  }

  #position(extent: LogExtent, index: LogIndex): ChainPosition | null {
    if (index === extent.base.index) return extent.base;
    if (index === extent.tail.index) return extent.tail;
    if (index < extent.base.index || index > extent.tail.index) return null;
    const first = extent.firsts[batchAt(extent.firsts, index)] ?? 0;
    const found = this.#batch(first)[index - first];
    return found === undefined ? null : { index, term: found.entry.term, chainHash: found.chainHash };
  }

  #batch(first: LogIndex): readonly ChainedEntry[] {
    const cached = this.#trimming.get(first) ?? this.#cache.get(first);
    if (cached !== undefined) return cached;
    const name = segmentName(segmentStart(first));
    const where = `raft/${name}/${first}`;
    const value = this.#kv.get(name, indexKey(first));
    if (value === undefined) throw new StorageDamagedError('record-missing', where, 'the batch is no longer there');
    const { first: held, entries } = required(where, decodeBatch(value));
    // Whole and yet of another place: a write that the disk put elsewhere. The walk at the start looks for it as well.
    if (held !== first) throw new StorageDamagedError('batch-misplaced', where, `it holds the batch of entry ${held}`);
    this.#cache.set(first, entries, value.length);
    return entries;
  }
}

/** Names after an install that does not say: the new snapshot, and the older one as long as the log still reaches back to it. */
function namesAfter(before: readonly NamedSnapshot[], install: StorageWrite['install']): readonly NamedSnapshot[] {
  if (install === null) return before;
  const older = install.keepSuffix ? before.filter((one) => one.index < install.snapshot.index).slice(0, 1) : [];
  return [install.snapshot, ...older];
}

/** The commit index is clipped to the log, and never below a snapshot: what a snapshot covers is committed. */
function nextHardState(before: HardState, wanted: HardState | null, tail: ChainPosition, snapshots: readonly NamedSnapshot[]): HardState {
  const next = wanted ?? before;
  if (next.term < before.term) throw new StorageMisuseError('term-back', `term ${next.term} after term ${before.term}`);
  if (next.term === before.term && before.vote !== '' && next.vote !== before.vote) throw new StorageMisuseError('second-vote', `vote for "${next.vote}" after one for "${before.vote}" in term ${before.term}`);
  if (next.commit < before.commit) throw new StorageMisuseError('commit-back', `commit index ${next.commit} after ${before.commit}`);
  if (next.term < tail.term) throw new StorageMisuseError('term-below-log', `term ${next.term} with an entry of term ${tail.term}`);
  const commit = Math.max(Math.min(next.commit, tail.index), snapshots[0]?.index ?? 0);
  if (commit === before.commit && next.term === before.term && next.vote === before.vote) return before;
  return { term: next.term, vote: next.vote, commit };
}

/** A name that is new must fit the log as it will be; a name that stays was checked when it came. */
function checkSnapshots(snapshots: readonly NamedSnapshot[], before: readonly NamedSnapshot[], edit: LogEdit, positionBefore: (index: LogIndex) => ChainPosition | null): void {
  for (const snapshot of snapshots) {
    if (snapshot.index < edit.base.index || snapshot.index > edit.tail.index) throw new StorageMisuseError('snapshot-outside-log', `snapshot ${snapshot.id} and a log of ${edit.base.index + 1} to ${edit.tail.index}`);
    if (before.some((one) => one.id === snapshot.id)) continue;
    const held = snapshot.index === edit.base.index ? edit.base : snapshot.index === edit.tail.index ? edit.tail : positionBefore(snapshot.index);
    if (held === null || held.term !== snapshot.term || chainHex(held.chainHash) !== snapshot.chainHash) {
      throw new StorageDamagedError('snapshot-differs', 'raft/meta/snapshots', `snapshot ${snapshot.id} does not fit the log: term or chain hash at ${snapshot.index} differ`);
    }
  }
}
