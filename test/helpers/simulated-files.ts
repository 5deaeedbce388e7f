import path from 'node:path';
import type { FileFacts, FileOps } from '../../src/engine/files/file-ops.ts';
import { systemError } from './memory-disk.ts';

interface Node {
  kind: FileFacts['kind'];
  content: Buffer;
  entries: Map<string, number>;
  mode: number;
  uid: number;
  gid: number;
  mtimeNs: bigint;
}

/** All that a disk holds. */
type Image = Map<number, Node>;

/** A call that changes something, as it can be done again on another image; and what makes it durable. */
interface Call {
  readonly name: string;
  readonly redo: (image: Image, part?: 'half') => void;
  /** Inodes whose fsync is still missing. */
  readonly waitsFor: Set<number>;
}

/** Which of the calls that nothing made durable survive the loss of power. */
export type Survival = { kind: 'all' } | { kind: 'none' } | { kind: 'without'; call: number } | { kind: 'torn'; call: number } | { kind: 'chosen'; keeps: (call: number) => boolean };

/** The process is gone: this call and every later one throws it. */
export class PowerOff extends Error {}

const ROOT = 1;

/**
 * A file system in memory that records each call that changes something. It can stop before any of them, as a kill does, and give the
 * disk that a machine finds after the power was cut: what was synced, and any part of the rest. Renames are atomic and durable once both
 * directories are synced; content and mode once the file is.
 */
export class SimulatedFiles implements FileOps {
  private image: Image;
  private readonly start: Image;
  private readonly calls: Call[] = [];
  /** The name under which an inode was last opened, for people. */
  private readonly labels = new Map<number, string>();
  private readonly open_ = new Map<number, { inode: number; append: boolean }>();
  private nextFd = 100;
  private nextInode: number;
  private clock: bigint;
  private left = Infinity;
  private off = false;
  /** Of the simulated disk; less makes writes fail with ENOSPC. */
  capacityBytes = Infinity;

  constructor(image?: Image, clock = 1_700_000_000_123_456_789n) {
    this.start = copyImage(image ?? new Map([[ROOT, directoryNode(0o755, clock)]]));
    this.image = copyImage(this.start);
    this.nextInode = Math.max(...this.image.keys()) + 1;
    this.clock = clock;
  }

  /** Calls that changed something or synced, so far. */
  get count(): number {
    return this.calls.length;
  }

  get names(): string[] {
    return this.calls.map((one) => one.name);
  }

  /** Lets so many more calls through; the next one does not happen, nor anything after it. */
  stopAfter(calls: number): void {
    this.left = calls;
  }

  /** Calls nothing has made durable. */
  unsynced(): number[] {
    return this.calls.flatMap((call, at) => (call.waitsFor.size > 0 ? [at] : []));
  }

  /** The disk as the restarted machine finds it. */
  afterPowerLoss(survival: Survival): SimulatedFiles {
    const image = copyImage(this.start);
    for (const [at, call] of this.calls.entries()) {
      if (call.waitsFor.size === 0 || survives(survival, at)) call.redo(image);
      else if (survival.kind === 'torn' && survival.call === at) call.redo(image, 'half');
    }
    return new SimulatedFiles(image, this.clock + 1_000_000_000n);
  }

  /** Every file and directory, one line each, with content, mode, owner and time of change. */
  dump(root: string): string[] {
    const lines: string[] = [];
    const walk = (file: string): void => {
      const inode = this.find(file);
      const node = inode === null ? undefined : this.image.get(inode);
      if (node === undefined) return;
      lines.push(`${path.relative(root, file)} ${node.kind} ${node.mode.toString(8)} ${node.uid}:${node.gid} ${node.mtimeNs} ${node.kind === 'file' ? node.content.toString('latin1') : ''}`);
      for (const name of [...node.entries.keys()].sort()) walk(path.join(file, name));
    };
    walk(root);
    return lines;
  }

  open(file: string, how: 'read' | 'create' | 'append', mode = 0o600): number {
    this.alive();
    let inode = this.find(file);
    if (how === 'create' && inode !== null) throw systemError('EEXIST', file);
    if (inode === null) {
      if (how === 'read') throw systemError('ENOENT', file);
      inode = this.create(file, { kind: 'file', content: Buffer.alloc(0), entries: new Map(), mode, uid: 0, gid: 0, mtimeNs: this.tick() });
    }
    this.labels.set(inode, file);
    const fd = this.nextFd++;
    this.open_.set(fd, { inode, append: how === 'append' });
    return fd;
  }

  close(fd: number): void {
    this.open_.delete(fd);
  }

  read(fd: number, into: Uint8Array, position: number): number {
    this.alive();
    const { content } = this.node(this.held(fd).inode);
    return content.copy(into, 0, position, Math.min(content.length, position + into.length));
  }

  write(fd: number, bytes: Uint8Array, position: number | null): void {
    const { inode, append } = this.held(fd);
    const from = append || position === null ? this.node(inode).content.length : position;
    const [content, mtimeNs] = [Buffer.from(bytes), this.tick()];
    if (this.usedBytes() + content.length > this.capacityBytes) throw systemError('ENOSPC', this.nameOf(inode));
    this.call(`write ${this.nameOf(inode)}`, [inode], (image, part) => {
      const node = image.get(inode);
      if (node === undefined) return;
      const piece = part === 'half' ? content.subarray(0, content.length >> 1) : content;
      const next = Buffer.alloc(Math.max(node.content.length, from + piece.length));
      node.content.copy(next);
      piece.copy(next, from);
      [node.content, node.mtimeNs] = [next, mtimeNs];
    });
  }

  truncate(fd: number, bytes: number): void {
    const { inode } = this.held(fd);
    const mtimeNs = this.tick();
    this.call(`truncate ${this.nameOf(inode)}`, [inode], (image) => {
      const node = image.get(inode);
      if (node === undefined) return;
      const next = Buffer.alloc(bytes);
      node.content.copy(next);
      [node.content, node.mtimeNs] = [next, mtimeNs];
    });
  }

  fsync(fd: number): void {
    const { inode } = this.held(fd);
    const before = this.calls.length;
    this.call(`fsync ${this.nameOf(inode)}`, [], () => undefined);
    for (const call of this.calls.slice(0, before)) call.waitsFor.delete(inode);
  }

  facts(file: string): FileFacts | null {
    this.alive();
    const inode = this.find(file);
    if (inode === null) return null;
    const { kind, content, mode, uid, gid, mtimeNs } = this.node(inode);
    return { kind, bytes: content.length, allocatedBytes: Math.ceil(content.length / 4096) * 4096, mode, uid, gid, mtimeNs, device: 1, inode };
  }

  list(directory: string): string[] {
    this.alive();
    return [...this.node(this.must(directory)).entries.keys()].sort();
  }

  makeDirectory(directory: string, mode: number): void {
    if (this.find(directory) !== null) throw systemError('EEXIST', directory);
    this.create(directory, directoryNode(mode, this.tick()));
  }

  removeDirectory(directory: string): void {
    if (this.node(this.must(directory)).entries.size > 0) throw systemError('ENOTEMPTY', directory);
    this.detach(`rmdir ${directory}`, directory);
  }

  unlink(file: string): void {
    if (this.node(this.must(file)).kind === 'directory') throw systemError('EISDIR', file);
    this.detach(`unlink ${file}`, file);
  }

  rename(from: string, to: string): void {
    const inode = this.must(from);
    const [fromDirectory, toDirectory] = [this.must(path.dirname(from)), this.must(path.dirname(to))];
    const taken = this.find(to);
    if (taken !== null && (this.node(taken).kind === 'directory' || this.node(inode).kind === 'directory')) throw systemError('EEXIST', to);
    const mtimeNs = this.tick();
    this.call(`rename ${from} ${to}`, [fromDirectory, toDirectory], (image) => {
      const [source, target] = [image.get(fromDirectory), image.get(toDirectory)];
      if (source?.entries.get(path.basename(from)) === inode) source.entries.delete(path.basename(from));
      target?.entries.set(path.basename(to), inode);
      for (const node of [source, target]) if (node !== undefined) node.mtimeNs = mtimeNs;
    });
  }

  link(from: string, to: string): void {
    const inode = this.must(from);
    if (this.find(to) !== null) throw systemError('EEXIST', to);
    this.attach(`link ${from} ${to}`, to, inode);
  }

  setMode(file: string, mode: number): void {
    this.change(`chmod ${file}`, file, (node) => (node.mode = mode));
  }

  setOwner(file: string, uid: number, gid: number): void {
    this.change(`chown ${file}`, file, (node) => ([node.uid, node.gid] = [uid, gid]));
  }

  setModified(file: string, mtimeNs: bigint): void {
    this.change(`utimes ${file}`, file, (node) => (node.mtimeNs = mtimeNs));
  }

  clone(): boolean {
    return false;
  }

  freeBytes(): number {
    return 1e12;
  }

  private call(name: string, waitsFor: readonly number[], redo: Call['redo']): void {
    this.alive();
    if (this.left <= 0) {
      this.off = true;
      throw new PowerOff(`stopped before ${name}`);
    }
    this.left -= 1;
    redo(this.image);
    this.calls.push({ name, redo, waitsFor: new Set(waitsFor) });
  }

  private create(file: string, node: Node): number {
    this.alive();
    const inode = this.nextInode++;
    const empty = { ...node, entries: new Map<string, number>() };
    // The inode itself comes with the first name that survives; its content waits for its own fsync.
    const parent = this.must(path.dirname(file));
    this.call(`${node.kind === 'file' ? 'create' : 'mkdir'} ${file}`, [parent], (image) => {
      const directory = image.get(parent);
      if (directory === undefined) return;
      if (!image.has(inode)) image.set(inode, copyNode(empty));
      directory.entries.set(path.basename(file), inode);
      directory.mtimeNs = node.mtimeNs;
    });
    return inode;
  }

  private attach(name: string, file: string, inode: number): void {
    const parent = this.must(path.dirname(file));
    const mtimeNs = this.tick();
    this.call(name, [parent], (image) => {
      const directory = image.get(parent);
      if (directory === undefined) return;
      directory.entries.set(path.basename(file), inode);
      directory.mtimeNs = mtimeNs;
    });
  }

  private detach(name: string, file: string): void {
    const [parent, inode] = [this.must(path.dirname(file)), this.must(file)];
    const mtimeNs = this.tick();
    this.call(name, [parent], (image) => {
      const directory = image.get(parent);
      if (directory?.entries.get(path.basename(file)) !== inode) return;
      directory.entries.delete(path.basename(file));
      directory.mtimeNs = mtimeNs;
    });
  }

  private change(name: string, file: string, edit: (node: Node) => void): void {
    const inode = this.must(file);
    this.call(name, [inode], (image) => {
      const node = image.get(inode);
      if (node !== undefined) edit(node);
    });
  }

  private find(file: string): number | null {
    let inode: number | undefined = ROOT;
    for (const name of path.resolve(file).split('/').filter((part) => part !== '')) {
      inode = this.image.get(inode)?.entries.get(name);
      // A name whose inode did not survive: a dangling entry, which a real file system check removes.
      if (inode === undefined || !this.image.has(inode)) return null;
    }
    return inode;
  }

  private must(file: string): number {
    this.alive();
    const inode = this.find(file);
    if (inode === null) throw systemError('ENOENT', file);
    return inode;
  }

  private node(inode: number): Node {
    const node = this.image.get(inode);
    if (node === undefined) throw systemError('EIO', String(inode));
    return node;
  }

  private held(fd: number): { inode: number; append: boolean } {
    this.alive();
    const held = this.open_.get(fd);
    if (held === undefined) throw systemError('EBADF', String(fd));
    return held;
  }

  private nameOf(inode: number): string {
    return this.labels.get(inode) ?? `#${inode}`;
  }

  private usedBytes(): number {
    return [...this.image.values()].reduce((sum, one) => sum + one.content.length, 0);
  }

  private tick(): bigint {
    this.clock += 1_000_007n;
    return this.clock;
  }

  private alive(): void {
    if (this.off) throw new PowerOff('the process is gone');
  }
}

function survives(survival: Survival, call: number): boolean {
  switch (survival.kind) {
    case 'all':
      return true;
    case 'none':
      return false;
    case 'without':
    case 'torn':
      return call !== survival.call;
    default:
      return survival.keeps(call);
  }
}

function directoryNode(mode: number, mtimeNs: bigint): Node {
  return { kind: 'directory', content: Buffer.alloc(0), entries: new Map(), mode, uid: 0, gid: 0, mtimeNs };
}

function copyNode(node: Node): Node {
  return { ...node, entries: new Map(node.entries) };
}

/** Content is never changed in place, so it may be shared. Entries whose inode is gone are left out, as a check at mount does. */
function copyImage(image: Image): Image {
  const copy: Image = new Map();
  for (const [inode, node] of image) copy.set(inode, { ...node, entries: new Map([...node.entries].filter(([, child]) => image.has(child))) });
  return copy;
}
