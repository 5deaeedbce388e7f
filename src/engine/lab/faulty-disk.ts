import { setTimeout as sleep } from 'node:timers/promises';
import { StorageFailedError } from '../ports/damage.ts';
import type { Disk, DiskFile } from '../ports/disk.ts';
import type { KvOperation, KvRange, KvStore, KvView } from '../ports/kv-store.ts';
import type { DiskFault } from './member-fault.ts';

/** Gives the fault in force for one part of a member's disk. */
export type FaultOf = () => DiskFault | undefined;

/** A failed commit, as the store of a real member tells it. */
function commitError(code: 'ENOSPC' | 'EIO'): StorageFailedError {
  const cause = diskError(code, 'fdatasync');
  return new StorageFailedError(code === 'ENOSPC' ? 'full' : 'io', `commit failed: ${cause.message}`, { cause });
}

/** Error of the operating system, as a real disk would give it. */
function diskError(code: 'ENOSPC' | 'EIO', doing: string): NodeJS.ErrnoException {
  const words = code === 'ENOSPC' ? 'no space left on device' : 'i/o error';
  return Object.assign(new Error(`${code}: ${words}, ${doing}`), { code, syscall: doing });
}

/** A store whose commits are slow or fail. Reads are as ever. */
export class FaultyKvStore implements KvStore {
  constructor(
    private readonly inner: KvStore,
    private readonly fault: FaultOf,
  ) {}

  async transact(operations: readonly KvOperation[]): Promise<void> {
    const fault = this.fault();
    if (fault === undefined) return this.inner.transact(operations);
    if (fault.fails !== null && !fault.lands) throw commitError(fault.fails);
    await this.inner.transact(operations);
    if (fault.delayMs > 0) await sleep(fault.delayMs);
    if (fault.fails !== null) throw commitError(fault.fails);
  }

  get(database: string, key: Uint8Array): Uint8Array | undefined {
    return this.inner.get(database, key);
  }

  range(database: string, range?: KvRange): Iterable<readonly [key: Uint8Array, value: Uint8Array]> {
    return this.inner.range(database, range);
  }

  databases(): string[] {
    return this.inner.databases();
  }

  view(): KvView {
    return this.inner.view();
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

/** Files whose writes and fsyncs are slow or fail. */
export class FaultyDisk implements Disk {
  constructor(
    private readonly inner: Disk,
    private readonly fault: FaultOf,
  ) {}

  async open(path: string, mode: 'read' | 'create' | 'update'): Promise<DiskFile> {
    if (mode !== 'read') this.check('open');
    return new FaultyFile(await this.inner.open(path, mode), (doing) => this.check(doing), this.fault);
  }

  async rename(from: string, to: string): Promise<void> {
    this.check('rename');
    return this.inner.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return this.inner.remove(path);
  }

  list(directory: string): Promise<string[]> {
    return this.inner.list(directory);
  }

  async makeDirectory(path: string): Promise<void> {
    this.check('mkdir');
    return this.inner.makeDirectory(path);
  }

  async syncDirectory(path: string): Promise<void> {
    this.check('fsync');
    return this.inner.syncDirectory(path);
  }

  private check(doing: string): void {
    const fails = this.fault()?.fails ?? null;
    if (fails !== null) throw diskError(fails, doing);
  }
}

class FaultyFile implements DiskFile {
  constructor(
    private readonly inner: DiskFile,
    private readonly check: (doing: string) => void,
    private readonly fault: FaultOf,
  ) {}

  read(position: number, length: number): Promise<Uint8Array> {
    return this.inner.read(position, length);
  }

  async write(position: number, bytes: Uint8Array): Promise<void> {
    this.check('write');
    return this.inner.write(position, bytes);
  }

  async truncate(bytes: number): Promise<void> {
    this.check('ftruncate');
    return this.inner.truncate(bytes);
  }

  async sync(): Promise<void> {
    this.check('fsync');
    await this.inner.sync();
    const delayMs = this.fault()?.delayMs ?? 0;
    if (delayMs > 0) await sleep(delayMs);
  }

  size(): Promise<number> {
    return this.inner.size();
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
