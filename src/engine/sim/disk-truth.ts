import type { HardState } from '../core/entry.ts';
import type { PlacedConfiguration } from '../core/configuration.ts';
import type { LogIndex, MemberId, Term } from '../core/types.ts';
import { decodeBatch } from '../native/batch-record.ts';
import { META_DATABASE, META_KEY, parseIndexKey, parseSegmentName } from '../native/layout.ts';
import { decodeSnapshotNames } from '../native/named-records.ts';
import { decodeHardState, decodePosition } from '../native/position-records.ts';
import type { KvOperation, KvReader } from '../ports/kv-store.ts';
import type { NamedSnapshot } from '../ports/storage.ts';
import { keyText } from './kv-table.ts';
import { LogCopy } from './log-copy.ts';

const NAMES = new Map(Object.entries(META_KEY).map(([name, key]) => [keyText(key), name]));

/** What changed on a disk with one commit. */
export interface DiskChange {
  readonly hardStateBefore: HardState;
  readonly baseBefore: LogIndex;
  readonly isBaseMoved: boolean;
  readonly isNamingChanged: boolean;
}

/**
 * What one member's disk holds, decoded from the bytes that reached it and from nothing else: the ground truth of every claim about
 * durability. `hashOfBase` gives the chain hash the run knows for a position, for logs that begin behind a snapshot.
 */
export class DiskTruth {
  log = new LogCopy();
  hardState: HardState = { term: 0, vote: '', commit: 0 };
  snapshots: readonly NamedSnapshot[] = [];
  /** Every vote that was ever durable here, by term. */
  readonly votes = new Map<Term, MemberId>();
  private batches = new Map<string, { first: LogIndex; count: number }>();

  constructor(private readonly hashOfBase: (index: LogIndex, term: Term) => number) {}

  /** Is the entry with this chain hash at `index` here, by itself or below a snapshot? */
  holds(index: LogIndex, hash: number): boolean {
    return index <= this.log.base ? true : this.log.hash(index) === hash;
  }

  /** The configurations as a start must find them: of the newest snapshot below what the log has, then those in the log. */
  get configurations(): readonly PlacedConfiguration[] {
    return this.log.configurations;
  }

  take(operations: readonly KvOperation[]): DiskChange {
    const before = { hardStateBefore: this.hardState, baseBefore: this.log.base };
    let [isBaseMoved, isNamingChanged] = [false, false];
    let lowest = Number.POSITIVE_INFINITY;
    const added: { first: LogIndex; value: Uint8Array }[] = [];
    for (const operation of operations) {
      if (operation.database === META_DATABASE && operation.kind === 'put') {
        const name = NAMES.get(keyText(operation.key));
        if (name === 'hardState') this.takeHardState(operation.value);
        if (name === 'base') isBaseMoved = this.takeBase(operation.value) || isBaseMoved;
        if (name === 'snapshots') isNamingChanged = this.takeNames(operation.value) || isNamingChanged;
      }
      if (parseSegmentName(operation.database) === null) continue;
      if (operation.kind === 'drop') {
        for (const [key, batch] of this.batches) if (key.startsWith(operation.database)) lowest = Math.min(lowest, this.forget(key, batch.first));
        continue;
      }
      const key = operation.database + keyText(operation.key);
      const old = this.batches.get(key);
      if (old !== undefined) lowest = Math.min(lowest, this.forget(key, old.first));
      const first = parseIndexKey(operation.key);
      if (operation.kind === 'put' && first !== null) added.push({ first, value: operation.value });
      if (operation.kind === 'put' && first !== null) this.batches.set(key, { first, count: 0 });
    }
    // Removing the front of the log is compaction, removing anything else is truncation.
    if (lowest > this.log.base && lowest <= this.log.last) this.log.truncate(lowest);
    for (const { value } of added.sort((a, b) => a.first - b.first)) this.takeBatch(value);
    return { ...before, isBaseMoved, isNamingChanged };
  }

  /** Reads everything anew: after a wipe, a roll-back, or at the start of a run. */
  reload(content: KvReader): void {
    this.log = new LogCopy();
    this.batches = new Map();
    this.hardState = { term: 0, vote: '', commit: 0 };
    this.snapshots = [];
    const operations: KvOperation[] = [];
    for (const database of content.databases()) for (const [key, value] of content.range(database)) operations.push({ kind: 'put', database, key, value });
    const meta = operations.filter((one) => one.database === META_DATABASE);
    this.take([...meta, ...operations.filter((one) => one.database !== META_DATABASE)]);
    this.adoptSnapshotConfiguration();
  }

  private forget(key: string, first: LogIndex): LogIndex {
    this.batches.delete(key);
    return first;
  }

  private takeHardState(value: Uint8Array): void {
    const hardState = decodeHardState(value);
    if (!hardState.ok) return;
    this.hardState = hardState.value;
    if (hardState.value.vote !== '') this.votes.set(hardState.value.term, hardState.value.vote);
  }

  private takeBase(value: Uint8Array): boolean {
    const base = decodePosition('base', value);
    if (!base.ok || base.value.index === this.log.base) return false;
    const { index, term } = base.value;
    const isBeyond = index > this.log.last || this.log.term(index) !== term;
    if (isBeyond) {
      this.log.truncate(1);
      this.log.last = index;
      this.log.terms[index] = term;
      this.log.hashes[index] = this.hashOfBase(index, term);
    }
    this.log.base = index;
    return true;
  }

  private takeNames(value: Uint8Array): boolean {
    const names = decodeSnapshotNames(value);
    if (!names.ok) return false;
    this.snapshots = names.value;
    this.adoptSnapshotConfiguration();
    return true;
  }

  /** A log that begins behind a snapshot has its oldest configuration from there. */
  private adoptSnapshotConfiguration(): void {
    const below = this.snapshots.find((one) => one.index >= this.log.base);
    const newest = this.snapshots[0];
    if (below === undefined || newest === undefined) return;
    const inLog = this.log.configurations.filter((one) => one.index > newest.configuration.index);
    this.log.configurations = [newest.configuration, ...inLog];
  }

  private takeBatch(value: Uint8Array): void {
    const batch = decodeBatch(value);
    if (!batch.ok) return;
    for (const { entry } of batch.value.entries) {
      if (entry.index <= this.log.base) continue;
      if (entry.index <= this.log.last) {
        if (this.log.isEntry(entry)) continue; // written anew by compaction: what follows it stays
        this.log.truncate(entry.index);
      }
      this.log.append(entry);
    }
  }
}
