import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** A repeatable stream of numbers from a seed (mulberry32); the same seed damages the same way on every machine. */
export class Chance {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** A number in [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer in [0, below). */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  pick<T>(list: readonly T[]): T {
    const chosen = list[this.below(list.length)];
    if (chosen === undefined) throw new RangeError('nothing to pick from');
    return chosen;
  }
}

export type MutationKind =
  | 'truncate'
  | 'bit-flip'
  | 'zero-sector'
  | 'random-bytes'
  | 'huge-length'
  | 'swap'
  | 'delete'
  | 'directory'
  | 'fifo'
  | 'link-loop'
  | 'empty';

/** What was done, to say it again by hand. */
export interface Mutation {
  kind: MutationKind;
  /** Path below the tree. */
  file: string;
  /** First byte that was changed; 0 where the whole file is another. */
  offset: number;
  detail: string;
}

/** Content damage is likelier than a lost or replaced file: it has far more shapes. */
const KINDS: readonly MutationKind[] = [
  ...repeat('bit-flip', 8),
  ...repeat('random-bytes', 4),
  ...repeat('zero-sector', 3),
  ...repeat('truncate', 4),
  ...repeat('huge-length', 4),
  'swap',
  'delete',
  'directory',
  'fifo',
  'link-loop',
  'empty',
];

function repeat(kind: MutationKind, times: number): MutationKind[] {
  return Array.from({ length: times }, () => kind);
}

/** Values that a length, count or offset on disk must never be believed to have. */
const HUGE: readonly bigint[] = [2n ** 63n - 1n, 2n ** 64n - 1n, 2n ** 63n, 2n ** 56n - 1n, 2n ** 40n, 2n ** 32n - 1n, 2n ** 31n, 2n ** 53n];

interface Original {
  bytes: Buffer;
  /** End of the part that is not all zeros: damage in preallocated space is rarely interesting. */
  usedBytes: number;
}

/** A private tree of small files that is damaged one file at a time and put back. */
export class MutableTree {
  private readonly originals = new Map<string, Original>();

  /** `donor` is another member's tree, for swapped files. */
  constructor(
    readonly root: string,
    private readonly donor: string | null,
  ) {
    for (const file of filesBelow(root)) {
      const bytes = fs.readFileSync(path.join(root, file));
      this.originals.set(file, { bytes, usedBytes: usedBytes(bytes) });
    }
  }

  /** Damages one file; `restore` undoes it. */
  mutate(chance: Chance): Mutation {
    const file = chance.pick([...this.originals.keys()]);
    const original = this.originals.get(file);
    if (original === undefined) throw new RangeError(file);
    const kind = original.usedBytes === 0 ? 'delete' : chance.pick(KINDS);
    return { kind, file, ...this.apply(kind, file, original, chance) };
  }

  restore({ file }: Mutation): void {
    const target = path.join(this.root, file);
    fs.rmSync(target, { recursive: true, force: true });
    fs.writeFileSync(target, this.originals.get(file)?.bytes ?? Buffer.alloc(0));
  }

  private apply(kind: MutationKind, file: string, original: Original, chance: Chance): { offset: number; detail: string } {
    const target = path.join(this.root, file);
    if (kind === 'swap') return this.swap(target, chance);
    const replaced = replaceFile(kind, target);
    if (replaced !== null) return { offset: 0, detail: replaced };
    const bytes = Buffer.from(original.bytes);
    const offset = offsetIn(original, chance);
    const { result, from, detail } = damage(kind, bytes, offset, chance);
    fs.writeFileSync(target, result);
    return { offset: from, detail };
  }

  private swap(target: string, chance: Chance): { offset: number; detail: string } {
    const donors = this.donor === null ? [] : filesBelow(this.donor);
    if (donors.length === 0) return { offset: 0, detail: replaceFile('empty', target) ?? '' };
    const alike = donors.filter((file) => path.extname(file) === path.extname(target));
    const donor = chance.pick(alike.length > 0 && chance.below(4) > 0 ? alike : donors);
    fs.copyFileSync(path.join(this.donor ?? '', donor), target);
    return { offset: 0, detail: `replaced by the other member's ${donor}` };
  }
}

/** Mostly anywhere in the used part, often near its ends, where headers and last records are. */
function offsetIn({ usedBytes: used }: Original, chance: Chance): number {
  const where = chance.below(10);
  if (where < 2) return chance.below(Math.min(used, 256));
  if (where < 4) return Math.max(0, used - 1 - chance.below(Math.min(used, 512)));
  return chance.below(used);
}

function damage(kind: MutationKind, bytes: Buffer, offset: number, chance: Chance): { result: Buffer; from: number; detail: string } {
  if (kind === 'truncate') return { result: bytes.subarray(0, offset), from: offset, detail: `cut to ${offset} bytes` };
  if (kind === 'bit-flip') {
    const bit = chance.below(8);
    bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
    return { result: bytes, from: offset, detail: `bit ${bit} flipped` };
  }
  if (kind === 'zero-sector') {
    const start = offset - (offset % 512);
    bytes.fill(0, start, Math.min(bytes.length, start + 512));
    return { result: bytes, from: start, detail: '512 bytes of zeros' };
  }
  if (kind === 'huge-length') {
    const start = Math.max(0, Math.min(offset - (offset % 8), bytes.length - 8));
    const value = chance.pick(HUGE);
    const field = Buffer.alloc(8);
    if (chance.below(2) === 0) field.writeBigUInt64LE(value);
    else field.writeBigUInt64BE(value);
    field.copy(bytes, start);
    return { result: bytes, from: start, detail: `the 8 bytes ${field.toString('hex')}` };
  }
  const length = Math.min(1 + chance.below(64), bytes.length - offset);
  for (let at = 0; at < length; at += 1) bytes[offset + at] = chance.below(256);
  return { result: bytes, from: offset, detail: `${length} random bytes` };
}

/** Replaces the file by something that is no such file; null for kinds that change its content. */
function replaceFile(kind: MutationKind, target: string): string | null {
  const make: Partial<Record<MutationKind, () => void>> = {
    delete: () => {},
    directory: () => fs.mkdirSync(target),
    fifo: () => execFileSync('mkfifo', [target]),
    'link-loop': () => fs.symlinkSync(path.basename(target), target),
    empty: () => fs.writeFileSync(target, ''),
  };
  const made = make[kind];
  if (made === undefined) return null;
  fs.rmSync(target, { force: true });
  made();
  return kind;
}

function usedBytes(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return end;
}

/** Regular files below a directory, sorted. */
export function filesBelow(root: string): string[] {
  return fs
    .readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort();
}

/** Cuts preallocated zeros off the end of every file, but for one page: the same log, quick to copy and to read. */
export function trimPreallocation(root: string): void {
  for (const file of filesBelow(root)) {
    const target = path.join(root, file);
    if (!/\.(wal|tmp)$/.test(file)) continue;
    const size = fs.statSync(target).size;
    const end = path.extname(file) === '.tmp' ? 0 : lastDataByte(target, size);
    if (end + 8192 < size) fs.truncateSync(target, end + 4096 - (end % 4096) + 4096);
  }
}

function lastDataByte(file: string, size: number): number {
  const buffer = Buffer.allocUnsafe(1 << 20);
  const fd = fs.openSync(file, 'r');
  try {
    for (let end = size; end > 0; end -= buffer.length) {
      const start = Math.max(0, end - buffer.length);
      const read = fs.readSync(fd, buffer, 0, end - start, start);
      const used = usedBytes(buffer.subarray(0, read));
      if (used > 0) return start + used;
    }
    return 0;
  } finally {
    fs.closeSync(fd);
  }
}
