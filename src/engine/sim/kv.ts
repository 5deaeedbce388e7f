import { StorageFailedError } from '../ports/damage.ts';
import type { KvOperation, KvRange, KvReader, KvStore, KvView } from '../ports/kv-store.ts';
import type { FaultStream } from './faults.ts';
import { keyText, KvTable } from './kv-table.ts';
import type { SimProcess } from './sim-process.ts';
import { SimulatedFault } from './simulated-fault.ts';
import type { World } from './world.ts';

type Tables = Map<string, KvTable>;

/** How often a commit goes wrong; the classes must be on as well. */
const PROBABILITY = { error: 0.004, falseFailure: 0.002, full: 0.002, slow: 0.01 } as const;

function reader(tables: () => Tables): KvReader {
  return {
    get: (database, key) => {
      const value = tables().get(database)?.get(keyText(key));
      return value === undefined ? undefined : Uint8Array.from(value);
    },
    range: (database: string, range?: KvRange) => tables().get(database)?.range(range) ?? [],
    databases: () => [...tables()].filter(([, table]) => table.size > 0).map(([name]) => name).sort(),
  };
}

function share(tables: Tables): Tables {
  return new Map([...tables].map(([name, table]) => [name, table.share()]));
}

function carryOut(tables: Tables, operations: readonly KvOperation[]): void {
  for (const operation of operations) {
    const table = tables.get(operation.database) ?? new KvTable();
    tables.set(operation.database, table);
    if (operation.kind === 'put') table.put(keyText(operation.key), operation.value);
    else if (operation.kind === 'remove') table.remove(keyText(operation.key));
    else tables.set(operation.database, new KvTable());
  }
}

interface Commit {
  readonly operations: readonly KvOperation[];
  readonly done: Promise<void>;
}

/**
 * One environment on a simulated disk: commits are durable when they settle and come one after the other; a crash in the
 * middle keeps any number of the waiting ones, whole and in order. Outlives the processes that open it.
 */
export class KvEnvironment {
  private tables: Tables = new Map();
  private waiting: Commit[] = [];
  private fullUntilUs = 0;
  private readonly stream: FaultStream;

  /** `committed` hears what reached the disk, in order, whether or not the process was told so. */
  constructor(
    private readonly world: World,
    readonly node: string,
    readonly name: string,
    private readonly committed: (operations: readonly KvOperation[]) => void,
  ) {
    this.stream = world.faults.stream(`${node}/${name}`);
  }

  /** Bytes on the disk, as they lie there: for checkers and for what is read after the end. */
  content(): KvReader {
    return reader(() => this.tables);
  }

  get isCommitting(): boolean {
    return this.waiting.length > 0;
  }

  /** What is being written right now; for telling what a crash hits. */
  get writing(): readonly KvOperation[] {
    return this.waiting.flatMap((commit) => commit.operations);
  }

  open(process: SimProcess): KvStore {
    let last: Promise<unknown> = Promise.resolve();
    const live = reader(() => this.tables);
    let isClosed = false;
    return {
      ...live,
      transact: async (operations) => {
        if (!process.isAlive) return new Promise<void>(() => undefined); // what a dead process asks reaches no disk
        if (isClosed) throw new Error(`${this.name} is closed`);
        const copy = operations.map((one) => (one.kind === 'put' ? { ...one, value: Uint8Array.from(one.value) } : one));
        const done = last.then(() => this.commit(process, copy));
        last = done.catch(() => undefined);
        this.waiting.push({ operations: copy, done });
        return done;
      },
      view: (): KvView => {
        const frozen = share(this.tables);
        return { ...reader(() => frozen), release: () => undefined };
      },
      close: async () => {
        isClosed = true;
        return process.waitFor(10, () => undefined);
      },
    };
  }

  /** The process died: each waiting commit is there or not, but none without those before it. */
  crash(): void {
    const kept = this.stream.prng.between(0, Math.min(this.waiting.length, 2) + 1);
    for (const [at, { operations }] of this.waiting.entries()) {
      if (at < kept) this.take(operations);
      this.world.counters.hit(at < kept ? 'crash-mid-commit-kept' : 'crash-mid-commit-lost');
    }
    this.waiting = [];
  }

  /** The content as it is now, to come back later as an old disk image. */
  image(): Tables {
    return share(this.tables);
  }

  restore(image: Tables): void {
    this.tables = share(image);
  }

  wipe(): void {
    this.tables = new Map();
  }

  /** Damages one stored value for ever; false when nothing is there to damage. */
  damage(kind: 'bit-flip' | 'zeroed' | 'misdirected', isTarget: (database: string) => boolean): boolean {
    const prng = this.stream.prng;
    const tables = [...this.tables].filter(([name, table]) => isTarget(name) && table.size > (kind === 'misdirected' ? 1 : 0));
    if (tables.length === 0) return false;
    const [, table] = prng.pick(tables);
    const key = table.keyAt(prng.between(0, table.size)) as string;
    const value = Uint8Array.from(table.get(key) as Uint8Array); // not slice: that of a Buffer is a view
    if (value.length === 0) return false;
    if (kind === 'bit-flip') {
      const at = prng.between(0, value.length);
      value[at] = (value[at] as number) ^ (1 << prng.between(0, 8));
    } else if (kind === 'zeroed') {
      const from = prng.between(0, Math.max(1, Math.ceil(value.length / 512))) * 512;
      const until = Math.min(from + 512, value.length);
      if (value.subarray(from, until).every((byte) => byte === 0)) return false;
      value.fill(0, from, until);
    } else {
      const other = table.keyAt(prng.between(0, table.size)) as string;
      if (other === key || Buffer.compare(table.get(other) as Uint8Array, value) === 0) return false;
      table.put(key, table.get(other) as Uint8Array);
      return true;
    }
    table.put(key, value);
    return true;
  }

  private take(operations: readonly KvOperation[]): void {
    carryOut(this.tables, operations);
    this.committed(operations);
  }

  private async commit(process: SimProcess, operations: readonly KvOperation[]): Promise<void> {
    const { faults, counters } = this.world;
    const isSlow = faults.fires('slow-commit', this.stream, PROBABILITY.slow, 'slow-commit');
    const delay = isSlow ? this.stream.prng.magnitude(5_000, 2_000_000) : this.stream.prng.between(80, 600);
    const failure = await process.waitFor(delay, () => {
      this.waiting.shift();
      let failed: StorageFailedError | null = null;
      let isKept = true;
      const isStillFull = this.world.nowUs < this.fullUntilUs && !faults.isHealed;
      if (isStillFull || faults.fires('map-full', this.stream, PROBABILITY.full, 'map-full')) {
        if (!isStillFull) this.fullUntilUs = this.world.nowUs + this.stream.prng.between(0, 3_000_000);
        [failed, isKept] = [new StorageFailedError('full', `${this.name}: the map is full`, { cause: new SimulatedFault('ENOSPC', 'map full') }), false];
      } else if (faults.fires('commit-error', this.stream, PROBABILITY.error, 'commit-error')) {
        isKept = this.stream.prng.chance(0.5);
        counters.hit(isKept ? 'commit-error-with-effect' : 'commit-error-without-effect');
        failed = new StorageFailedError('io', `${this.name}: the commit failed`, { cause: new SimulatedFault('EIO', 'commit failed') });
      } else if (faults.fires('false-failure', this.stream, PROBABILITY.falseFailure, 'committed-but-reported-failed')) {
        failed = new StorageFailedError('io', `${this.name}: the commit was done but reported failed`, { cause: new SimulatedFault('EIO', 'false failure') });
      }
      this.world.note(this.node, `commit-${this.name}`, operations.length, failed === null ? 0 : 1);
      if (isKept) this.take(operations);
      return failed;
    });
    // A commit is there for readers before whoever asked for it is told, as with LMDB, whose own thread commits.
    await process.waitFor(this.stream.prng.between(1, this.stream.prng.chance(0.1) ? 2_000 : 60), () => undefined);
    if (failure === null) return;
    this.onFailure(process);
    throw failure;
  }

  /** Told when a commit was reported as failed: from then on this process may claim nothing durable (I21). */
  onFailure: (process: SimProcess) => void = () => undefined;

  /** Names of all keys of a database, for messages. */
  keys(database: string): string[] {
    return [...(this.tables.get(database)?.range() ?? [])].map(([key]) => Buffer.from(key).toString('hex'));
  }
}

