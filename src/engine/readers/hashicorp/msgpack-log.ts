import type { RaftLog } from './raft-log.ts';

const EMPTY = new Uint8Array(0);
const MAX_DEPTH = 32;

// In the order in which the encoder writes them.
const FIELDS = (['AppendedAt', 'Data', 'Extensions', 'Index', 'Term', 'Type'] as const).map((name) => ({ name, bytes: Buffer.from(name, 'latin1') }));
type FieldName = (typeof FIELDS)[number]['name'];

/**
 * Decodes the value of a raft-boltdb `logs` item: a msgpack map of `raft.Log` (raft-boltdb util.go `encodeMsgPack`, v1 and
 * v2.3.1). Returns what is wrong as a string when it cannot be one.
 *
 * ```text
 * 85|86  map of 5 keys (raft < 1.3) or 6
 *   aa "AppendedAt"  raw 15|16, raw 4|8|12, ext -1, or nil
 *   a4 "Data"        raw or nil
 *   aa "Extensions"  raw or nil
 *   a5 "Index"  a4 "Term"  a4 "Type"   any integer family
 * ```
 * Keys go by name: unknown ones are skipped, missing ones default. Written by hand because it runs once per entry of logs
 * that hold millions, and because every length is checked against the value before it is believed. The value is `value[from, to)`.
 */
export function decodeMsgpackLog(value: Uint8Array, from = 0, to = value.length): RaftLog | string {
  return new Cursor(value, from, to).log();
}

class Cursor {
  private nextField = 0;
  private problem = '';
  /** Length of the string, binary or extension whose header was read last; -1 for nil. */
  private length = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private at: number,
    private readonly end: number,
  ) {}

  log(): RaftLog | string {
    const log: RaftLog = { index: 0, term: 0, type: 0, data: EMPTY, extensions: null, appendedAt: null };
    const keys = this.mapHeader();
    for (let n = 0; n < keys && this.problem === ''; n++) this.field(log);
    if (this.problem !== '') return this.problem;
    if (log.type > 255) return `its log type is ${log.type}, which no byte holds`;
    return log.index === 0 ? 'it has no index' : log;
  }

  private field(log: RaftLog): void {
    const name = this.key();
    if (this.problem !== '') return;
    if (name === 'Index') log.index = this.uint(name);
    else if (name === 'Term') log.term = this.uint(name);
    else if (name === 'Type') log.type = this.uint(name);
    else if (name === 'Data') log.data = this.raw() ?? EMPTY;
    else if (name === 'Extensions') log.extensions = this.raw();
    else if (name === 'AppendedAt') log.appendedAt = this.raw();
    else this.skip(0);
  }

  private fail(problem: string): 0 {
    if (this.problem === '') this.problem = problem;
    return 0;
  }

  private byte(): number {
    if (this.at >= this.end) return this.fail('it ends early');
    return this.bytes[this.at++] as number;
  }

  /** Big-endian unsigned integer of 1, 2 or 4 bytes. */
  private be(width: number): number {
    if (this.end - this.at < width) return this.fail('it ends early');
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + (this.bytes[this.at++] as number);
    return value;
  }

  private mapHeader(): number {
    const tag = this.byte();
    if ((tag & 0xf0) === 0x80) return tag & 0x0f;
    if (tag === 0xde) return this.be(2);
    if (tag === 0xdf) return this.be(4);
    return this.fail('it is not a msgpack map');
  }

  private key(): FieldName | null {
    const start = this.rawHeader();
    if (this.problem !== '' || this.length < 0) return null;
    // Begun behind the field before, where it nearly always is.
    for (let n = 0; n < FIELDS.length; n++) {
      const at = (this.nextField + n) % FIELDS.length;
      const { name, bytes } = FIELDS[at] as (typeof FIELDS)[number];
      if (bytes.length !== this.length || !this.matches(start, bytes)) continue;
      this.nextField = at + 1;
      return name;
    }
    return null;
  }

  private matches(start: number, wanted: Uint8Array): boolean {
    for (let i = 0; i < wanted.length; i++) if (this.bytes[start + i] !== wanted[i]) return false;
    return true;
  }

  /** An unsigned integer in any family: go-msgpack 2 writes Go ints signed, 0.5.5 unsigned. */
  private uint(name: string): number {
    const tag = this.byte();
    if (tag < 0x80) return tag;
    let value: number;
    if (tag >= 0xcc && tag <= 0xce) value = this.be(1 << (tag - 0xcc));
    else if (tag === 0xcf || tag === 0xd3) value = this.be(4) * 0x1_0000_0000 + this.be(4);
    else if (tag >= 0xd0 && tag <= 0xd2) value = this.signed(1 << (tag - 0xd0));
    else if (tag === 0xc0) value = 0;
    else return this.fail(`its ${name} is not an integer`);
    return value >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : this.fail(`its ${name} is out of range`);
  }

  private signed(width: number): number {
    const value = this.be(width);
    return value >= 2 ** (width * 8 - 1) ? -1 : value;
  }

  /** Raw bytes in any family (old raw, str8, bin, extension); null for nil. */
  private raw(): Uint8Array | null {
    const start = this.rawHeader();
    if (this.problem !== '' || this.length < 0) return null;
    return this.bytes.subarray(start, start + this.length);
  }

  /** Reads a header, checks the length against what is left, steps over the body and returns where the body starts. */
  private rawHeader(): number {
    const tag = this.byte();
    if ((tag & 0xe0) === 0xa0) this.length = tag & 0x1f;
    else if (tag === 0xd9 || tag === 0xc4) this.length = this.be(1);
    else if (tag === 0xda || tag === 0xc5) this.length = this.be(2);
    else if (tag === 0xdb || tag === 0xc6) this.length = this.be(4);
    else if (tag >= 0xd4 && tag <= 0xd8) this.length = this.extension(1 << (tag - 0xd4));
    else if (tag >= 0xc7 && tag <= 0xc9) this.length = this.extension(this.be(1 << (tag - 0xc7)));
    else if (tag === 0xc0) this.length = -1;
    else return this.fail('bytes were expected');
    if (this.problem !== '') return 0;
    const start = this.at;
    if (this.length > this.end - start) return this.fail(`a field of ${this.length} bytes is longer than what is left`);
    this.at = start + Math.max(0, this.length);
    return start;
  }

  private extension(length: number): number {
    this.byte(); // the extension type: a timestamp's payload is told by its length
    return length;
  }

  private skip(depth: number): void {
    if (this.at >= this.end || depth > MAX_DEPTH) return void this.fail('it ends early or nests too deep');
    const tag = this.bytes[this.at] as number;
    const isMap = (tag & 0xf0) === 0x80 || tag === 0xde || tag === 0xdf;
    const isArray = (tag & 0xf0) === 0x90 || tag === 0xdc || tag === 0xdd;
    if (isMap || isArray) return this.skipMany(tag, isMap ? 2 : 1, depth);
    if (tag < 0x80 || tag >= 0xe0 || tag === 0xc2 || tag === 0xc3) this.at++;
    else if (tag === 0xca || tag === 0xcb) this.skipBytes(tag === 0xca ? 5 : 9);
    else if (tag >= 0xcc && tag <= 0xd3) this.skipBytes(1 + (1 << (tag & 3)));
    else this.rawHeader();
  }

  private skipMany(tag: number, perItem: number, depth: number): void {
    this.at++;
    const short = tag & 0x0f;
    const count = tag < 0xa0 ? short : this.be(tag & 1 ? 4 : 2);
    for (let n = 0; n < count * perItem && this.problem === ''; n++) this.skip(depth + 1);
  }

  private skipBytes(count: number): void {
    if (this.end - this.at < count) return void this.fail('it ends early');
    this.at += count;
  }
}
