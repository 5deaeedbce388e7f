// CRC-64/XZ, which Go's hash/crc64 calls ECMA: polynomial 0xC96C5795D7870F42 reflected, initial and final value all ones.
// The 64 bits are kept as two unsigned halves: bigints would be some forty times slower.
const POLY_LOW = 0xd7870f42;
const POLY_HIGH = 0xc96c5795;
const SLICES = 8;

interface Tables {
  low: Int32Array;
  high: Int32Array;
}

let tables: Tables | undefined;

function buildTables(): Tables {
  const low = new Int32Array(SLICES * 256);
  const high = new Int32Array(SLICES * 256);
  for (let n = 0; n < 256; n++) {
    let [l, h] = [n, 0];
    for (let bit = 0; bit < 8; bit++) {
      const odd = l & 1;
      l = (l >>> 1) | (h << 31);
      h >>>= 1;
      if (odd) [l, h] = [l ^ POLY_LOW, h ^ POLY_HIGH];
    }
    low[n] = l;
    high[n] = h;
  }
  for (let at = 256; at < SLICES * 256; at++) {
    const [l, h] = [low[at - 256] as number, high[at - 256] as number];
    const n = l & 0xff;
    low[at] = ((l >>> 8) | (h << 24)) ^ (low[n] as number);
    high[at] = (h >>> 8) ^ (high[n] as number);
  }
  return { low, high };
}

/** CRC-64/XZ over chunks as they come, eight bytes at a step. */
export class Crc64 {
  private low = -1;
  private high = -1;

  update(data: Uint8Array): this {
    const { low: tl, high: th } = (tables ??= buildTables());
    let [l, h] = [this.low, this.high];
    let i = 0;
    for (const n = data.length - 7; i < n; i += 8) {
      const a = l ^ ((data[i] as number) | ((data[i + 1] as number) << 8) | ((data[i + 2] as number) << 16) | ((data[i + 3] as number) << 24));
      const b = h ^ ((data[i + 4] as number) | ((data[i + 5] as number) << 8) | ((data[i + 6] as number) << 16) | ((data[i + 7] as number) << 24));
      const [s7, s6, s5, s4] = [1792 + (a & 0xff), 1536 + ((a >>> 8) & 0xff), 1280 + ((a >>> 16) & 0xff), 1024 + (a >>> 24)];
      const [s3, s2, s1, s0] = [768 + (b & 0xff), 512 + ((b >>> 8) & 0xff), 256 + ((b >>> 16) & 0xff), b >>> 24];
      l =
        (tl[s7] as number) ^ (tl[s6] as number) ^ (tl[s5] as number) ^ (tl[s4] as number) ^
        (tl[s3] as number) ^ (tl[s2] as number) ^ (tl[s1] as number) ^ (tl[s0] as number);
      h =
        (th[s7] as number) ^ (th[s6] as number) ^ (th[s5] as number) ^ (th[s4] as number) ^
        (th[s3] as number) ^ (th[s2] as number) ^ (th[s1] as number) ^ (th[s0] as number);
    }
    for (; i < data.length; i++) {
      const n = (l ^ (data[i] as number)) & 0xff;
      l = ((l >>> 8) | (h << 24)) ^ (tl[n] as number);
      h = (h >>> 8) ^ (th[n] as number);
    }
    this.low = l;
    this.high = h;
    return this;
  }

  /** The eight bytes, most significant first, as hashicorp/raft writes them to `meta.json`. */
  digest(): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32BE(~this.high >>> 0, 0);
    bytes.writeUInt32BE(~this.low >>> 0, 4);
    return bytes;
  }
}
