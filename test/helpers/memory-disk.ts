import type { Disk, DiskFile } from '../../src/engine/ports/disk.ts';

interface Inode {
  content: Buffer;
  /** What a power loss leaves for certain. */
  synced: Buffer;
}

/** The process is gone: every call after the n-th of `stopAfter` throws it. */
export class DiskStopped extends Error {}

/**
 * A `Disk` in memory, for tests. Content is durable after `sync` of the file, a name after `syncDirectory`. `calls` counts the
 * calls that change something; `stopAfter(n)` lets n more of them through; `crash` gives the disk a restarted machine finds.
 */
export class MemoryDisk implements Disk {
  readonly #names: Map<string, Inode>;
  readonly #durableNames: Map<string, Inode>;
  readonly #directories: Set<string>;
  #left = Infinity;
  #failure: { readonly error: Error; readonly after: number } | null = null;
  calls = 0;
  /** What was called, in order: `write a.part`, `sync a.part`, `rename a.part a`. */
  readonly journal: string[] = [];

  constructor(names: ReadonlyMap<string, Inode> = new Map(), directories: ReadonlySet<string> = new Set()) {
    this.#names = new Map(names);
    this.#durableNames = new Map(names);
    this.#directories = new Set(directories);
  }

  stopAfter(calls: number): void {
    this.#left = calls;
  }

  /** The call after `after` more changing calls throws once. */
  failOnce(error: Error, after = 0): void {
    this.#failure = { error, after: this.calls + after };
  }

  /** `all`: everything written arrived; `none`: only what was synced did. */
  crash(unsynced: 'all' | 'none'): MemoryDisk {
    const names = new Map<string, Inode>();
    for (const [path, inode] of unsynced === 'all' ? this.#names : this.#durableNames) {
      const content = Buffer.from(unsynced === 'all' ? inode.content : inode.synced);
      names.set(path, { content, synced: content });
    }
    return new MemoryDisk(names, this.#directories);
  }

  /** Paths of all files, sorted. */
  files(): string[] {
    return [...this.#names.keys()].sort();
  }

  content(path: string): Buffer {
    return Buffer.from(this.#inode(path).content);
  }

  /** Puts a file there, durable, without a call being counted. */
  plant(path: string, content: Uint8Array): void {
    const bytes = Buffer.from(content);
    const inode = { content: bytes, synced: Buffer.from(bytes) };
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  async open(path: string, mode: 'read' | 'create' | 'update'): Promise<DiskFile> {
    await Promise.resolve();
    let inode = this.#names.get(path);
    if (mode === 'read' || (mode === 'update' && inode !== undefined)) return this.#file(path, this.#inode(path));
    this.#change(`${mode} ${path}`);
    if (!this.#directories.has(parentOf(path)) && parentOf(path) !== '') throw systemError('ENOENT', path);
    if (inode === undefined) {
      inode = { content: Buffer.alloc(0), synced: Buffer.alloc(0) };
      this.#names.set(path, inode);
    } else inode.content = Buffer.alloc(0);
    return this.#file(path, inode);
  }

  async rename(from: string, to: string): Promise<void> {
    await Promise.resolve();
    const inode = this.#inode(from);
    this.#change(`rename ${from} ${to}`);
    this.#names.delete(from);
    this.#names.set(to, inode);
  }

  async remove(path: string): Promise<void> {
    await Promise.resolve();
    this.#inode(path);
    this.#change(`remove ${path}`);
    this.#names.delete(path);
  }

  async list(directory: string): Promise<string[]> {
    await Promise.resolve();
    const children = [...this.#names.keys(), ...this.#directories].filter((path) => path !== '' && parentOf(path) === directory);
    return [...new Set(children.map((path) => path.slice(directory === '' ? 0 : directory.length + 1)))].sort();
  }

  async makeDirectory(path: string): Promise<void> {
    await Promise.resolve();
    this.#change(`mkdir ${path}`);
    for (let one = path; one !== ''; one = parentOf(one)) this.#directories.add(one);
  }

  async syncDirectory(path: string): Promise<void> {
    await Promise.resolve();
    this.#change(`sync-directory ${path}`);
    for (const name of this.#durableNames.keys()) if (parentOf(name) === path && !this.#names.has(name)) this.#durableNames.delete(name);
    for (const [name, inode] of this.#names) if (parentOf(name) === path) this.#durableNames.set(name, inode);
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw systemError('ENOENT', path);
    return inode;
  }

  #change(what: string): void {
    if (this.#left <= 0) throw new DiskStopped(`stopped before ${what}`);
    this.#left--;
    const failure = this.#failure;
    if (failure !== null && this.calls >= failure.after) {
      this.#failure = null;
      throw failure.error;
    }
    this.calls++;
    this.journal.push(what);
  }

  #file(path: string, inode: Inode): DiskFile {
    const change = (what: string): void => this.#change(`${what} ${path}`);
    return {
      async read(position, length) {
        await Promise.resolve();
        return Uint8Array.from(inode.content.subarray(position, position + length));
      },
      async write(position, bytes) {
        await Promise.resolve();
        change('write');
        const next = Buffer.alloc(Math.max(inode.content.length, position + bytes.length));
        inode.content.copy(next);
        next.set(bytes, position);
        inode.content = next;
      },
      async truncate(bytes) {
        await Promise.resolve();
        change('truncate');
        const next = Buffer.alloc(bytes);
        inode.content.copy(next);
        inode.content = next;
      },
      async sync() {
        await Promise.resolve();
        change('sync');
        inode.synced = Buffer.from(inode.content);
      },
      async size() {
        await Promise.resolve();
        return inode.content.length;
      },
      async close() {
        await Promise.resolve();
      },
    };
  }
}

function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

export function systemError(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code, path });
}
