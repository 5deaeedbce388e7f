/** The bytes are not a protobuf message. Readers turn it into a finding or an undecodable entry. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError';
}

/** Wire types of the protobuf encoding that proto2 and proto3 still use; groups are refused. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const TWO_32 = 0x1_0000_0000;

/**
 * Walks the fields of one message inside `buffer[start, end)`; nothing is copied, every length is bounded by `end` before it is
 * believed. Call `next()`, then read the value that fits the wire type; a value that is not read is skipped.
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export class ProtobufReader {
  field = 0;
  wire = 0;
  /** Value of a varint field, in two unsigned halves: 64 bits never pass through a double. */
  low = 0;
  high = 0;
  /** Bounds of a length-delimited field in `buffer`. */
  from = 0;
  to = 0;
  private at: number;

  constructor(
    readonly buffer: Uint8Array,
    start = 0,
    readonly end = buffer.length,
  ) {
    this.at = start;
  }

  /** @throws {ProtobufError} On a field that is cut short or not protobuf. */
  next(): boolean {
    if (this.at >= this.end) return false;
    this.readVarint();
    if (this.high !== 0) throw new ProtobufError('field number too large');
    this.wire = this.low & 7;
    this.field = this.low >>> 3;
    if (this.field === 0) throw new ProtobufError('field number 0');
    this.readValue();
    return true;
  }

  /** The varint as a counter. @throws {ProtobufError} Above 2^53 - 1: no term or index gets there. */
  get number(): number {
    this.expect(WIRE.varint);
    if (this.high >= 0x20_0000) throw new ProtobufError(`number ${this.bigint} is outside 0..2^53-1`);
    return this.high * TWO_32 + this.low;
  }

  get bigint(): bigint {
    this.expect(WIRE.varint);
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }

  /** An identity, spelled as etcd prints it: lower-case hex without leading zeros. */
  get hex(): string {
    return this.bigint.toString(16);
  }

  get boolean(): boolean {
    this.expect(WIRE.varint);
    return (this.low | this.high) !== 0;
  }

  get bytes(): Uint8Array {
    this.expect(WIRE.bytes);
    return this.buffer.subarray(this.from, this.to);
  }

  get text(): string {
    const { buffer, byteOffset, byteLength } = this.bytes;
    return Buffer.from(buffer, byteOffset, byteLength).toString('utf8');
  }

  get message(): ProtobufReader {
    this.expect(WIRE.bytes);
    return new ProtobufReader(this.buffer, this.from, this.to);
  }

  /** Values of a repeated uint64, packed or not, as hex identities. */
  hexList(): string[] {
    if (this.wire === WIRE.varint) return [this.hex];
    const packed = this.message;
    const values: string[] = [];
    while (packed.at < packed.end) {
      packed.wire = WIRE.varint;
      packed.readVarint();
      values.push(packed.hex);
    }
    return values;
  }

  private expect(wire: number): void {
    if (this.wire !== wire) throw new ProtobufError(`field ${this.field} has wire type ${this.wire}, expected ${wire}`);
  }

  private readValue(): void {
    if (this.wire === WIRE.varint) return this.readVarint();
    let length: number;
    if (this.wire === WIRE.bytes) {
      this.readVarint();
      length = this.high === 0 ? this.low : Number.POSITIVE_INFINITY;
    } else if (this.wire === WIRE.fixed64) length = 8;
    else if (this.wire === WIRE.fixed32) length = 4;
    else throw new ProtobufError(`wire type ${this.wire}`);
    if (length > this.end - this.at) throw new ProtobufError(`field ${this.field} runs past the end of its message`);
    this.from = this.at;
    this.at += length;
    this.to = this.at;
  }

  private readVarint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= this.end) throw new ProtobufError('varint runs past the end of its message');
      const byte = this.buffer[this.at++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else high |= shift < 63 ? bits << (shift - 32) : (bits & 1) << 31;
      if (byte < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw new ProtobufError('varint of more than 10 bytes');
  }
}
