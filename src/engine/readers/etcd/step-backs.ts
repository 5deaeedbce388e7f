/** Orders records across segments: ordinal and offset in one safe integer. */
export function filePosition(ordinal: number, offset: number): number {
  return ordinal * 2 ** 40 + offset;
}

/**
 * Remembers where the log steps back. An entry whose index is not above the last one replaces that index and drops all behind it
 * (etcd's ReadAll), so an entry is effective when no later step goes back to its index or below. Only steps that no later one
 * covers are kept: with leader changes that is a handful, however long the log is.
 */
export class StepBacks {
  private readonly positions: number[] = [];
  private readonly indexes: number[] = [];

  get any(): boolean {
    return this.positions.length > 0;
  }

  add(position: number, index: number): void {
    while (this.indexes.length > 0 && (this.indexes.at(-1) as number) >= index) {
      this.indexes.pop();
      this.positions.pop();
    }
    this.positions.push(position);
    this.indexes.push(index);
  }

  /** Whether the entry `index` stored at `position` is still part of the log. */
  keeps(position: number, index: number): boolean {
    // Indexes ascend with positions, so the first step behind the entry goes back the furthest.
    let low = 0;
    let high = this.positions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.positions[middle] as number) > position) high = middle;
      else low = middle + 1;
    }
    return low === this.positions.length || index < (this.indexes[low] as number);
  }
}
