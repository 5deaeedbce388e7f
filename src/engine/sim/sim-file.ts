import type { Prng } from './prng.ts';

/** A range of bytes that was written and not synced. */
interface DirtyRange {
  readonly from: number;
  readonly until: number;
}

/** What a crash did to a file. */
export interface CrashEffect {
  readonly lostSectors: number;
  readonly tornWrites: number;
}

/**
 * One file: what programs see, and what is on the disk. Bytes reach the disk by `sync`, or by chance in a crash, sector by sector.
 * Sizes follow: the durable size is the old one or the new one.
 */
export class SimFile {
  private seen = Buffer.alloc(0);
  private durable = Buffer.alloc(0);
  private dirty: DirtyRange[] = [];

  get size(): number {
    return this.seen.length;
  }

  get durableSize(): number {
    return this.durable.length;
  }

  get isDirty(): boolean {
    return this.dirty.length > 0 || this.seen.length !== this.durable.length;
  }

  durableBytes(): Buffer {
    return Buffer.from(this.durable);
  }

  read(position: number, length: number): Uint8Array {
    return new Uint8Array(this.seen.subarray(position, position + length));
  }

  write(position: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (position + bytes.length > this.seen.length) this.seen = Buffer.concat([this.seen, Buffer.alloc(position + bytes.length - this.seen.length)]);
    this.seen.set(bytes, position);
    this.dirty.push({ from: position, until: position + bytes.length });
  }

  truncate(bytes: number): void {
    if (bytes > this.seen.length) this.seen = Buffer.concat([this.seen, Buffer.alloc(bytes - this.seen.length)]);
    else this.seen = Buffer.from(this.seen.subarray(0, bytes));
    this.dirty = this.dirty.filter((range) => range.from < bytes);
  }

  sync(): void {
    this.durable = Buffer.from(this.seen);
    this.dirty = [];
  }

  /** A failed fsync of ext4 or XFS: the pages count as clean and are never written again. Only the page cache still has them. */
  forgetDirty(): void {
    const kept = Buffer.alloc(this.seen.length);
    this.durable.copy(kept);
    this.durable = kept;
    this.dirty = [];
  }

  /** A failed fsync of Btrfs: programs see the old content again. */
  revert(): void {
    this.seen = Buffer.from(this.durable);
    this.dirty = [];
  }

  /** Power is gone: any subset of the unsynced sectors made it, the last write perhaps in part. */
  crash(prng: Prng): CrashEffect {
    if (!this.isDirty) return { lostSectors: 0, tornWrites: 0 };
    const sector = prng.chance(0.5) ? 512 : 4096;
    const survives = prng.chance(0.3) ? 1 : prng.unit();
    let [lostSectors, tornWrites] = [0, 0];
    const size = prng.chance(0.5) ? this.seen.length : this.durable.length;
    const result = Buffer.alloc(size);
    this.durable.copy(result);
    for (const [at, range] of this.dirty.entries()) {
      for (let from = Math.floor(range.from / sector) * sector; from < range.until; from += sector) {
        const [start, end] = [Math.max(from, range.from), Math.min(from + sector, range.until, size)];
        if (start >= end || !prng.chance(survives)) {
          lostSectors += 1;
          continue;
        }
        const isTorn = at === this.dirty.length - 1 && end - start > 1 && prng.chance(0.3);
        this.seen.copy(result, start, start, isTorn ? prng.between(start + 1, end) : end);
        if (isTorn) tornWrites += 1;
      }
    }
    this.durable = result;
    this.revert();
    return { lostSectors, tornWrites };
  }

  /** Damage of the medium, for ever. False when there is nothing to damage. */
  damage(kind: 'bit-flip' | 'zeroed' | 'misdirected', prng: Prng): boolean {
    if (this.durable.length < (kind === 'misdirected' ? 1024 : 1)) return false;
    const before = Buffer.from(this.durable);
    const sectors = Math.ceil(this.durable.length / 512);
    const from = prng.between(0, sectors) * 512;
    if (kind === 'bit-flip') {
      const at = prng.between(0, this.durable.length);
      this.durable[at] = (this.durable[at] as number) ^ (1 << prng.between(0, 8));
    } else if (kind === 'zeroed') this.durable.fill(0, from, Math.min(from + 512, this.durable.length));
    else {
      const victim = ((from / 512 + 1) % sectors) * 512;
      const source = Buffer.from(this.durable.subarray(from, Math.min(from + 512, from + this.durable.length - victim)));
      source.copy(this.durable, victim);
    }
    if (before.equals(this.durable)) return false;
    this.seen = Buffer.from(this.durable);
    return true;
  }

  clone(): SimFile {
    const other = new SimFile();
    [other.seen, other.durable] = [Buffer.from(this.durable), Buffer.from(this.durable)];
    return other;
  }
}
