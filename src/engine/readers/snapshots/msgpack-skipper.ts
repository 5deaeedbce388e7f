/**
 * Steps over MessagePack values fed in pieces, without building them: it counts the values still owed, so nesting costs no
 * memory and a length of 2^32 costs nothing until its bytes come (msgpack spec, `format` table).
 */
export class MsgpackSkipper {
  /** Values still to come before the one begun is whole. */
  private owed = 0;
  /** Payload bytes of the present value still to come. */
  private payload = 0;
  /** Bytes of a length field still to come, what it says so far, and what it measures. */
  private lengthBytes = 0;
  private length = 0;
  private measures: 'bytes' | 'ext' | 'array' | 'map' = 'bytes';

  /** Begins one value. */
  begin(): void {
    this.owed = 1;
  }

  get done(): boolean {
    return this.owed === 0;
  }

  /** Takes bytes from `at` on until the value is whole or the chunk ends; returns where it stopped, -1 on an invalid byte. */
  take(chunk: Uint8Array, at: number): number {
    while (at < chunk.length && this.owed > 0) {
      if (this.payload > 0) {
        const taken = Math.min(this.payload, chunk.length - at);
        this.payload -= taken;
        at += taken;
        if (this.payload === 0) this.owed--;
      } else if (this.lengthBytes > 0) {
        this.length = this.length * 256 + (chunk[at++] as number);
        if (--this.lengthBytes === 0) this.applyLength();
      } else if (!this.tag(chunk[at++] as number)) return -1;
    }
    return at;
  }

  private tag(tag: number): boolean {
    if (tag <= 0x7f || tag >= 0xe0 || tag === 0xc0 || tag === 0xc2 || tag === 0xc3) this.owed--;
    else if (tag <= 0x8f) this.owed += 2 * (tag & 0x0f) - 1;
    else if (tag <= 0x9f) this.owed += (tag & 0x0f) - 1;
    else if (tag <= 0xbf) this.skip(tag & 0x1f);
    else if (tag === 0xc1) return false;
    else if (tag <= 0xc6) this.expect('bytes', 1 << (tag - 0xc4));
    else if (tag <= 0xc9) this.expect('ext', 1 << (tag - 0xc7));
    else if (tag === 0xca) this.skip(4);
    else if (tag === 0xcb) this.skip(8);
    else if (tag <= 0xcf) this.skip(1 << (tag - 0xcc));
    else if (tag <= 0xd3) this.skip(1 << (tag - 0xd0));
    else if (tag <= 0xd8) this.skip(1 + (1 << (tag - 0xd4)));
    else if (tag <= 0xdb) this.expect('bytes', 1 << (tag - 0xd9));
    else this.expect(tag <= 0xdd ? 'array' : 'map', tag % 2 === 0 ? 2 : 4);
    return true;
  }

  private expect(measures: MsgpackSkipper['measures'], lengthBytes: number): void {
    [this.measures, this.lengthBytes, this.length] = [measures, lengthBytes, 0];
  }

  private applyLength(): void {
    if (this.measures === 'array') this.owed += this.length - 1;
    else if (this.measures === 'map') this.owed += 2 * this.length - 1;
    else this.skip(this.measures === 'ext' ? this.length + 1 : this.length);
  }

  private skip(bytes: number): void {
    this.payload = bytes;
    if (bytes === 0) this.owed--;
  }
}
