import { encodeKvResult } from '../../native/kv-command.ts';
import { decodeKvQuery, decodeKvWatch, encodeKvAnswer, KV_MAX_RANGE_BYTES, KV_MAX_RANGE_ITEMS, type KvAnswer, type KvPair, type KvQuery, type KvWatch } from '../../native/kv-query.ts';
import { afterPrefix, compareBytes, decodeRecord, PLAIN_KEY_BYTES, placeOf, startsWith } from '../../native/kv-record.ts';
import { KvStateHash } from '../../native/kv-state-hash.ts';
import { frameOf, KV_STREAM_HEAD, readKvStream } from '../../native/kv-stream.ts';
import { StorageDamagedError } from '../../ports/damage.ts';
import type { KvOperation, KvStore, KvView } from '../../ports/kv-store.ts';
import { CallError } from '../../ports/node-api.ts';
import type { Command, StateMachine, StateView } from '../../ports/state-machine.ts';
import { EventRing } from './event-ring.ts';
import { execute } from './execute.ts';
import { LayeredState } from './layered-state.ts';
import { decodeStateRecord, encodeStateRecord, STATE_DATABASE, STATE_KEY, type StateRecord } from '../../native/kv-state-record.ts';

/** How much is kept in memory. */
export interface KvMachineOptions {
  /** Changes are stored once this many commands, or this many bytes of changes, are waiting. */
  readonly flushCommands: number;
  readonly flushBytes: number;
  /** Changes held for watches that start in the past. */
  readonly maxEvents: number;
  readonly maxEventBytes: number;
}

const DEFAULTS: KvMachineOptions = { flushCommands: 256, flushBytes: 1024 * 1024, maxEvents: 16_384, maxEventBytes: 8 * 1024 * 1024 };
// Applying waits for the disk when this many flushes' worth of changes are waiting.
const MAX_WAITING_FLUSHES = 4;
const DATA = 'kv-data-';
const PIECE_BYTES = 256 * 1024;
const RESTORE_BYTES = 1024 * 1024;
const RESTORE_OPERATIONS = 2000;

interface ViewWaiter {
  readonly resolve: (view: StateView) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The key-value state machine. Applied commands are readable at once and stored behind, many in one commit: the log has them, so a
 * crash only means applying some again. Stored index, digest and pairs change in one transaction.
 */
export class KvMachine implements StateMachine {
  readonly name = 'kv';
  private readonly options: KvMachineOptions;
  private state: LayeredState;
  private hash = KvStateHash.empty();
  private events: EventRing;
  private applied = 0;
  private storedIndex = 0;
  private waitingCommands = 0;
  private flushing: Promise<void> | null = null;
  private restoring: Promise<void> | null = null;
  private failure: unknown = null;
  private viewWaiters: ViewWaiter[] = [];

  constructor(
    private readonly store: KvStore,
    options: Partial<KvMachineOptions> = {},
  ) {
    this.options = { ...DEFAULTS, ...options };
    this.state = new LayeredState(store, `${DATA}1`);
    this.events = new EventRing(0, this.options.maxEvents, this.options.maxEventBytes);
  }

  /** A restore that a crash cut short leaves the state as it was before it; its half-filled database goes. */
  async open(): Promise<{ readonly appliedIndex: number }> {
    const bytes = this.store.get(STATE_DATABASE, STATE_KEY);
    if (bytes !== undefined) this.adopt(decodeStateRecord(bytes));
    await this.dropOtherData();
    return { appliedIndex: this.applied };
  }

  async apply(commands: readonly Command[], upTo: number): Promise<readonly Uint8Array[]> {
    while (this.flushing !== null && this.isFlushOverdue()) await this.flushing;
    this.check();
    if (this.restoring !== null) throw new Error('commands during a restore');
    const results = commands.map((command) => this.execute(command));
    this.applied = Math.max(this.applied, upTo);
    this.waitingCommands += commands.length;
    if (this.waitingCommands >= this.options.flushCommands || this.state.pendingBytes >= this.options.flushBytes) this.flush();
    return results;
  }

  query(request: Uint8Array): Uint8Array {
    let query: KvQuery;
    try {
      query = decodeKvQuery(request);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return encodeKvAnswer({ kind: 'bad', reason: error.message });
    }
    if (query.kind === 'range') return encodeKvAnswer(this.range(query));
    const found = this.state.get(query.key);
    return encodeKvAnswer({ kind: 'value', found });
  }

  watch(request: Uint8Array, emit: (event: Uint8Array) => void): () => void {
    let watch: KvWatch;
    try {
      watch = decodeKvWatch(request);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new CallError('failed', 'bad-request', error.message);
    }
    return this.events.add(watch, emit);
  }

  appliedIndex(): number {
    return this.applied;
  }

  stateHash(): string {
    return this.hash.toString();
  }

  /** Stores what is waiting, then takes a view of exactly that: no later command is in it. */
  async snapshot(): Promise<StateView> {
    // A flush beside a restore would name the old pairs again after the restore named the new ones.
    if (this.restoring !== null) await this.restoring;
    this.check();
    return await new Promise<StateView>((resolve, reject) => {
      this.viewWaiters.push({ resolve, reject });
      this.flush();
    });
  }

  async restore(index: number, stateHash: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await this.drain();
    this.restoring = this.replace(index, stateHash, chunks).finally(() => void (this.restoring = null));
    await this.restoring;
  }

  /** Stores what is waiting. The environment stays open: whoever opened it closes it. */
  async close(): Promise<void> {
    if (this.failure === null) await this.drain();
  }

  private async replace(index: number, stateHash: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const database = `${DATA}${Number(this.state.database.slice(DATA.length)) + 1}`;
    const hash = await this.fill(database, chunks);
    if (hash !== stateHash) {
      await this.store.transact([{ kind: 'drop', database }]);
      throw new StorageDamagedError('snapshot-content', `snapshot at index ${index}`, `its pairs give the state hash ${hash}, its head says ${stateHash}`);
    }
    const record = { database, appliedIndex: index, stateHash };
    await this.store.transact([{ kind: 'put', database: STATE_DATABASE, key: STATE_KEY, value: encodeStateRecord(record) }]);
    this.adopt(record);
    await this.dropOtherData();
  }

  private execute(command: Command): Uint8Array {
    if (command.index <= this.applied) throw new Error(`command at index ${command.index} was applied before, up to ${this.applied}`);
    const { result, event } = execute(this.state, this.hash, command.index, command.payload);
    this.applied = command.index;
    if (event !== null) this.events.push(event);
    return encodeKvResult(result);
  }

  private adopt(record: StateRecord): void {
    this.state = new LayeredState(this.store, record.database);
    this.hash = KvStateHash.parse(record.stateHash);
    this.applied = this.storedIndex = record.appliedIndex;
    this.waitingCommands = 0;
    this.events.reset(record.appliedIndex);
  }

  private async dropOtherData(): Promise<void> {
    const others = this.store.databases().filter((database) => database.startsWith(DATA) && database !== this.state.database);
    if (others.length > 0) await this.store.transact(others.map((database) => ({ kind: 'drop', database })));
  }

  private range(query: KvQuery & { kind: 'range' }): KvAnswer {
    const start = query.prefix.subarray(0, PLAIN_KEY_BYTES);
    const until = afterPrefix(start);
    const from = query.continuation !== null && compareBytes(query.continuation, start) > 0 ? query.continuation : start;
    const limit = Math.min(Math.max(1, query.limit), KV_MAX_RANGE_ITEMS);
    const pairs: KvPair[] = [];
    let bytes = 0;
    for (const [place, record] of this.state.range(from, until)) {
      if (!startsWith(record.key, query.prefix)) continue; // a long prefix ends beyond what places tell apart
      if (pairs.length >= limit || bytes >= KV_MAX_RANGE_BYTES) return { kind: 'range', pairs, continuation: place };
      pairs.push(record);
      bytes += record.key.length + record.value.length;
    }
    return { kind: 'range', pairs, continuation: null };
  }

  private isFlushOverdue(): boolean {
    const { flushBytes, flushCommands } = this.options;
    return this.state.pendingBytes >= MAX_WAITING_FLUSHES * flushBytes || this.waitingCommands >= MAX_WAITING_FLUSHES * flushCommands;
  }

  private check(): void {
    if (this.failure !== null) throw this.failure;
  }

  private async drain(): Promise<void> {
    while (this.flushing !== null || (this.failure === null && this.storedIndex < this.applied)) {
      this.flush();
      await this.flushing;
    }
    this.check();
  }

  /** Starts one flush unless one runs; a failure is kept and shows at the next call. */
  private flush(): void {
    if (this.flushing !== null) return;
    const waiters = this.viewWaiters.splice(0);
    const { state, applied } = this;
    const record = { database: state.database, appliedIndex: applied, stateHash: this.stateHash() };
    const operations: KvOperation[] = state.beginStoring();
    operations.push({ kind: 'put', database: STATE_DATABASE, key: STATE_KEY, value: encodeStateRecord(record) });
    this.waitingCommands = 0;
    this.flushing = this.store.transact(operations).then(
      () => {
        state.endStoring();
        this.storedIndex = applied;
        // Before the next transaction starts, so that the view holds this one's state and nothing later.
        for (const waiter of waiters) waiter.resolve(new KvStateView(this.store.view(), record));
        this.flushing = null;
        if (this.viewWaiters.length > 0) this.flush();
      },
      (error: unknown) => {
        this.failure = error;
        this.flushing = null;
        for (const waiter of [...waiters, ...this.viewWaiters.splice(0)]) waiter.reject(error);
      },
    );
  }

  /** Streams pairs into a fresh database; gives their digest. */
  private async fill(database: string, chunks: AsyncIterable<Uint8Array>): Promise<string> {
    const hash = KvStateHash.empty();
    let operations: KvOperation[] = [{ kind: 'drop', database }];
    let bytes = 0;
    let last: Uint8Array | null = null;
    for await (const value of wellFormed(readKvStream(chunks))) {
      const record = decodeRecord('snapshot', new Uint8Array(0), value);
      const key = placeOf(record.key).slice();
      if (last !== null && compareBytes(last, key) >= 0) throw new StorageDamagedError('snapshot-content', 'snapshot', 'its keys are not in order');
      last = key;
      hash.add(record.key, record.value, record.revision);
      operations.push({ kind: 'put', database, key, value: value.slice() });
      bytes += value.length;
      if (bytes < RESTORE_BYTES && operations.length < RESTORE_OPERATIONS) continue;
      await this.store.transact(operations);
      [operations, bytes] = [[], 0];
    }
    if (operations.length > 0) await this.store.transact(operations);
    return hash.toString();
  }
}

/** Content that breaks the format is a damaged snapshot. */
async function* wellFormed(records: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* records;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new StorageDamagedError('snapshot-content', 'snapshot', error.message, { cause: error });
  }
}

/** The pairs of one flush, read in pieces from a view of the store: writes go on beside it. */
class KvStateView implements StateView {
  readonly index: number;
  readonly stateHash: string;

  constructor(
    private readonly view: KvView,
    private readonly record: StateRecord,
  ) {
    this.index = record.appliedIndex;
    this.stateHash = record.stateHash;
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    yield KV_STREAM_HEAD;
    let from: Uint8Array | null = new Uint8Array(0);
    while (from !== null) {
      // A cursor is never kept over an await: each piece seeks its own start.
      const frames: Uint8Array[] = [];
      let bytes = 0;
      let next: Uint8Array | null = null;
      for (const [place, value] of this.view.range(this.record.database, from.length === 0 ? {} : { from })) {
        if (bytes >= PIECE_BYTES) {
          next = place;
          break;
        }
        frames.push(frameOf(value));
        bytes += value.length;
      }
      if (frames.length > 0) yield joined(frames);
      from = next;
    }
  }

  release(): void {
    this.view.release();
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
