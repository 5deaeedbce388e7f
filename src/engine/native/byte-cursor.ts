const MAX_UINT32 = 0xffff_ffff;

const FIRST_BYTES = 128;
const encoder = new TextEncoder();

/** Builds a record: big-endian numbers and length-prefixed bytes, in one growing buffer. */
export class ByteBuilder {
  private buffer = new Uint8Array(FIRST_BYTES);
  private view = new DataView(this.buffer.buffer);
  private size = 0;

  u8(value: number): this {
    const at = this.grow(1); // first, for it may replace the buffer
    this.view.setUint8(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.grow(4);
    this.view.setUint32(at, value);
    return this;
  }

  /** A safe integer in 8 bytes, so that the greatest index fits. */
  u64(value: number): this {
    const at = this.grow(8);
    this.view.setUint32(at, Math.floor(value / 2 ** 32));
    this.view.setUint32(at + 4, value % 2 ** 32);
    return this;
  }

  /** Four bytes of length, then the bytes. */
  bytes(value: Uint8Array): this {
    return this.u32(value.length).raw(value);
  }

  text(value: string): this {
    return this.bytes(encoder.encode(value));
  }

  raw(value: Uint8Array): this {
    const at = this.grow(value.length);
    this.buffer.set(value, at);
    return this;
  }

  build(): Uint8Array {
    return this.buffer.slice(0, this.size);
  }

  /** Makes room for `bytes` more; gives where they go. */
  private grow(bytes: number): number {
    const at = this.size;
    this.size += bytes;
    if (this.size <= this.buffer.length) return at;
    const larger = new Uint8Array(Math.max(this.size, 2 * this.buffer.length));
    larger.set(this.buffer.subarray(0, at));
    this.buffer = larger;
    this.view = new DataView(larger.buffer);
    return at;
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
