/**
 * Fields of a raftpb.Entry {1 V type, 2 V term, 3 V index, 4 L data}, decoded in place: one object serves all entries of a walk,
 * so that nothing is allocated per entry. Missing fields are 0 (proto2 with explicit zeros, proto3 without).
 */
export class EntryHeader {
  type = 0;
  term = 0;
  index = 0;
  /** Bounds of the payload in the buffer given to `decode`; equal where there is none. */
  dataFrom = 0;
  dataTo = 0;

  /** Returns what is wrong, undefined when nothing is. */
  decode(buffer: Uint8Array, from: number, to: number): string | undefined {
    this.type = 0;
    this.term = 0;
    this.index = 0;
    this.dataFrom = to;
    this.dataTo = to;
    for (let at = from; at < to; ) {
      const tag = buffer[at++] as number;
      let value = 0;
      let scale = 1;
      let byte: number;
      do {
        if (at >= to || scale > 2 ** 63) return 'the entry is cut short inside its record';
        byte = buffer[at++] as number;
        value += (byte & 0x7f) * scale;
        scale *= 128;
      } while (byte >= 0x80);
      if (value > Number.MAX_SAFE_INTEGER) return 'a number of the entry is outside 0..2^53-1';
      if (tag === 0x08) this.type = value;
      else if (tag === 0x10) this.term = value;
      else if (tag === 0x18) this.index = value;
      else if (tag === 0x22) {
        if (value > to - at) return 'the payload is longer than the record';
        this.dataFrom = at;
        at += value;
        this.dataTo = at;
      } else return 'the entry holds an unknown field';
    }
    return this.index === 0 ? 'the entry has no index' : undefined;
  }

  get kind(): 'command' | 'noop' | 'confChange' {
    if (this.type !== 0) return 'confChange';
    return this.dataTo > this.dataFrom ? 'command' : 'noop';
  }
}
