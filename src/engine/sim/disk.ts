import type { Disk, DiskFile } from '../ports/disk.ts';
import type { FaultStream } from './faults.ts';
import { SimFile } from './sim-file.ts';
import type { SimProcess } from './sim-process.ts';
import { noSuchFile, SimulatedFault } from './simulated-fault.ts';
import type { World } from './world.ts';

const PROBABILITY = { error: 0.01, full: 0.008, short: 0.008, slow: 0.03, syncFailure: 0.02 } as const;

/** A change of names that no directory sync covered yet. */
interface NameChange {
  readonly removed: string | null;
  readonly added: { readonly path: string; readonly file: SimFile } | null;
}

function directoryOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

/**
 * The file system of one machine. Bytes are durable after the file's `sync`, names after that of their directory; a crash keeps
 * any subset of the rest: a rename may be there before the data it points at, a created name may be gone.
 */
export class SimDisk {
  private names = new Map<string, SimFile>();
  private durableNames = new Map<string, SimFile>();
  private changes: NameChange[] = [];
  /** Directories are there for good once made: they are made once, before anything is in them. */
  private readonly directories = new Set(['']);
  private readonly stream: FaultStream;
  /** Calls that have not ended: tells what a crash hits. */
  openWrites = 0;

  constructor(
    private readonly world: World,
    readonly node: string,
  ) {
    this.stream = world.faults.stream(`${node}/disk`);
  }

  open(process: SimProcess): Disk {
    return {
      open: async (path, mode) =>
        this.call(process, () => {
          const known = this.names.get(path);
          if (known === undefined && (mode === 'read' || !this.directories.has(directoryOf(path)))) throw noSuchFile(path);
          const file = known ?? new SimFile();
          if (known === undefined) this.rename(null, { path, file });
          else if (mode === 'create') known.truncate(0);
          return this.handle(process, file);
        }),
      rename: async (from, to) =>
        this.call(process, () => {
          const file = this.names.get(from);
          if (file === undefined) throw noSuchFile(from);
          this.rename(from, { path: to, file });
        }),
      remove: async (path) =>
        this.call(process, () => {
          if (!this.names.has(path)) throw noSuchFile(path);
          this.rename(path, null);
        }),
      list: async (directory) => this.call(process, () => this.list([...this.names.keys(), ...this.directories], directory)),
      makeDirectory: async (path) => this.call(process, () => void this.directories.add(path)),
      syncDirectory: async (directory) =>
        this.call(process, () => {
          this.failSync(() => undefined);
          const isInside = (path: string): boolean => directoryOf(path) === directory;
          const kept: NameChange[] = [];
          for (const change of this.changes) {
            const [removed, added] = [change.removed !== null && isInside(change.removed), change.added !== null && isInside(change.added.path)];
            if (removed || added) this.takeName(change);
            else kept.push(change);
          }
          this.changes = kept;
        }, this.syncDelay()),
    };
  }

  /** Size of a file that would survive a crash right now; null: its name would not. */
  durableSize(path: string): number | null {
    return this.durableNames.get(path)?.durableSize ?? null;
  }

  durableFiles(): { path: string; bytes: Buffer }[] {
    return [...this.durableNames].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, file]) => ({ path, bytes: file.durableBytes() }));
  }

  crash(): void {
    const { prng } = this.stream;
    const { counters } = this.world;
    for (const change of this.changes) {
      const isRename = change.added !== null && change.removed !== null;
      if (prng.chance(0.5)) {
        this.takeName(change);
        if (isRename) counters.hit('crash-kept-unsynced-rename');
      } else counters.hit(isRename ? 'crash-lost-unsynced-rename' : change.removed === null ? 'crash-lost-create' : 'crash-lost-remove');
    }
    for (const file of new Set([...this.names.values(), ...this.durableNames.values()])) {
      const effect = file.crash(prng);
      if (effect.lostSectors > 0) counters.hit('crash-lost-unsynced-data');
      if (effect.tornWrites > 0) counters.hit('crash-tore-last-write');
    }
    this.changes = [];
    this.names = new Map(this.durableNames);
    this.openWrites = 0;
  }

  damage(kind: 'bit-flip' | 'zeroed' | 'misdirected'): boolean {
    const files = [...this.durableNames.values()].filter((file) => file.durableSize > 0);
    return files.length > 0 && this.stream.prng.pick(files).damage(kind, this.stream.prng);
  }

  image(): Map<string, SimFile> {
    return new Map([...this.durableNames].map(([path, file]) => [path, file.clone()]));
  }

  restore(image: ReadonlyMap<string, SimFile>): void {
    this.durableNames = new Map([...image].map(([path, file]) => [path, file.clone()]));
    this.names = new Map(this.durableNames);
    this.changes = [];
  }

  wipe(): void {
    this.restore(new Map());
  }

  private handle(process: SimProcess, file: SimFile): DiskFile {
    return {
      read: async (position, length) =>
        this.call(process, () => {
          this.fail('disk-error', PROBABILITY.error, 'disk-read-error', 'EIO');
          return file.read(position, length);
        }),
      write: async (position, bytes) => {
        const copy = Uint8Array.from(bytes);
        this.openWrites += 1;
        return this.call(process, () => {
          this.openWrites -= 1;
          this.fail('disk-error', PROBABILITY.error, 'disk-write-error', 'EIO');
          this.fail('disk-full', PROBABILITY.full, 'disk-full', 'ENOSPC');
          if (this.world.faults.fires('short-write', this.stream, PROBABILITY.short, 'short-write')) {
            file.write(position, copy.subarray(0, this.stream.prng.between(0, copy.length)));
            throw new SimulatedFault('ENOSPC', 'short write');
          }
          file.write(position, copy);
        });
      },
      truncate: async (bytes) => this.call(process, () => file.truncate(bytes)),
      sync: async () =>
        this.call(process, () => {
          this.failSync(() => (this.stream.prng.chance(0.5) ? 'dropped' : 'reverted'), file);
          file.sync();
        }, this.syncDelay()),
      size: async () => this.call(process, () => file.size),
      close: async () => this.call(process, () => undefined),
    };
  }

  private async call<T>(process: SimProcess, effect: () => T, delayUs = this.stream.prng.between(5, 120)): Promise<T> {
    return process.waitFor(delayUs, () => effect());
  }

  private syncDelay(): number {
    const { prng } = this.stream;
    return this.world.faults.fires('slow-sync', this.stream, PROBABILITY.slow, 'slow-sync') ? prng.magnitude(10_000, 2_000_000) : prng.between(100, 1_500);
  }

  private fail(fault: 'disk-error' | 'disk-full', probability: number, counter: string, code: 'EIO' | 'ENOSPC'): void {
    if (this.world.faults.fires(fault, this.stream, probability, counter)) throw new SimulatedFault(code, counter);
  }

  private failSync(how: () => 'dropped' | 'reverted' | undefined, file?: SimFile): void {
    if (!this.world.faults.fires('sync-failure', this.stream, PROBABILITY.syncFailure, 'sync-failure')) return;
    const kind = how();
    if (kind !== undefined) this.world.counters.hit(`disk-fsync-${kind}`);
    if (kind === 'dropped') file?.forgetDirty();
    if (kind === 'reverted') file?.revert();
    throw new SimulatedFault('EIO', `fsync failed${kind === undefined ? '' : `, its pages ${kind}`}`);
  }

  private rename(removed: string | null, added: NameChange['added']): void {
    this.changes.push({ removed, added });
    if (removed !== null) this.names.delete(removed);
    if (added !== null) this.names.set(added.path, added.file);
  }

  private takeName({ removed, added }: NameChange): void {
    if (removed !== null) this.durableNames.delete(removed);
    if (added !== null) this.durableNames.set(added.path, added.file);
  }

  private list(paths: readonly string[], directory: string): string[] {
    return paths.filter((path) => path !== '' && directoryOf(path) === directory).map((path) => path.slice(path.lastIndexOf('/') + 1)).sort();
  }
}
