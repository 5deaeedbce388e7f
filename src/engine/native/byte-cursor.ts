const MAX_UINT32 = 0xffff_ffff;

/** Builds a record: big-endian numbers and length-prefixed bytes, in one allocation at the end. */
export class ByteBuilder {
  private readonly parts: Uint8Array[] = [];
  private size = 0;

  u8(value: number): this {
    return this.raw(Uint8Array.of(value));
  }

  u32(value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value);
    return this.raw(bytes);
  }

  /** A safe integer in 8 bytes, so that the greatest index fits. */
  u64(value: number): this {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, Math.floor(value / 2 ** 32));
    view.setUint32(4, value % 2 ** 32);
    return this.raw(bytes);
  }

  /** Four bytes of length, then the bytes. */
  bytes(value: Uint8Array): this {
    return this.u32(value.length).raw(value);
  }

  text(value: string): this {
    return this.bytes(new TextEncoder().encode(value));
  }

  raw(value: Uint8Array): this {
    this.parts.push(value);
    this.size += value.length;
    return this;
  }

  build(): Uint8Array {
    const all = new Uint8Array(this.size);
    let at = 0;
    for (const part of this.parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

/** Reads what `ByteBuilder` wrote. Lengths are believed only after they were compared with what is there. @throws {RangeError} On every misfit. */
export class ByteCursor {
  private at = 0;
  private readonly view: DataView;

  constructor(private readonly source: Uint8Array) {
    this.view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  }

  get remaining(): number {
    return this.source.length - this.at;
  }

  u8(): number {
    return this.view.getUint8(this.take(1, 'a byte'));
  }

  u32(): number {
    return this.view.getUint32(this.take(4, 'a number'));
  }

  /** @throws {RangeError} Above 2^53 - 1. */
  u64(): number {
    const from = this.take(8, 'a number');
    const value = this.view.getUint32(from) * 2 ** 32 + this.view.getUint32(from + 4);
    if (!Number.isSafeInteger(value)) throw new RangeError(`number at byte ${from} is above 2^53 - 1`);
    return value;
  }

  /** A view into the source, not a copy. */
  bytes(maxBytes: number = MAX_UINT32): Uint8Array {
    const length = this.u32();
    if (length > maxBytes) throw new RangeError(`${length} bytes at byte ${this.at}, limit ${maxBytes}`);
    const from = this.take(length, `${length} bytes`);
    return this.source.subarray(from, from + length);
  }

  text(maxBytes: number): string {
    return new TextDecoder('utf-8', { fatal: false }).decode(this.bytes(maxBytes));
  }

  /** @throws {RangeError} When bytes are left over. */
  end(): void {
    if (this.remaining !== 0) throw new RangeError(`${this.remaining} bytes too many at byte ${this.at}`);
  }

  private take(length: number, what: string): number {
    if (length > this.remaining) throw new RangeError(`${what} expected at byte ${this.at}, ${this.remaining} bytes are left`);
    const from = this.at;
    this.at += length;
    return from;
  }
}
