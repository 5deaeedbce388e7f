import { createRequire } from 'node:module';

type Crc32c = (data: Uint8Array, seed: number) => number;

// A table beats the native call's overhead below this size; measured on Node 20.
const TABLE_LIMIT_BYTES = 160;

const TABLE = /* @__PURE__ */ buildTable();

let native: Crc32c | undefined;

function buildTable(): Int32Array {
  const table = new Int32Array(8 * 256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
    table[n] = c;
  }
  for (let n = 0; n < 256; n++) {
    let c = table[n] as number;
    for (let s = 1; s < 8; s++) {
      c = (table[c & 0xff] as number) ^ (c >>> 8);
      table[s * 256 + n] = c;
    }
  }
  return table;
}

function crc32cTable(data: Uint8Array, seed: number): number {
  const t = TABLE;
  let crc = ~seed;
  let i = 0;
  const n = data.length;
  for (; i + 8 <= n; i += 8) {
    const low = crc ^ ((data[i] as number) | ((data[i + 1] as number) << 8) | ((data[i + 2] as number) << 16) | ((data[i + 3] as number) << 24));
    crc =
      (t[1792 + (low & 0xff)] as number) ^
      (t[1536 + ((low >>> 8) & 0xff)] as number) ^
      (t[1280 + ((low >>> 16) & 0xff)] as number) ^
      (t[1024 + (low >>> 24)] as number) ^
      (t[768 + (data[i + 4] as number)] as number) ^
      (t[512 + (data[i + 5] as number)] as number) ^
      (t[256 + (data[i + 6] as number)] as number) ^
      (t[data[i + 7] as number] as number);
  }
  for (; i < n; i++) crc = (t[(crc ^ (data[i] as number)) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

function loadNative(): Crc32c {
  try {
    const library = createRequire(import.meta.url)('@node-rs/crc32') as { crc32c(data: Uint8Array, seed?: number): number };
    return (data, seed) => library.crc32c(data, seed) >>> 0;
  } catch {
    return crc32cTable; // single-file builds have no native part
  }
}

/**
 * CRC-32C (Castagnoli) of `data` continued from `seed`, which is an earlier finalised value (Go's `crc32.Update`). The native
 * library serves large inputs and is loaded on the first of them.
 */
export function crc32c(data: Uint8Array, seed = 0): number {
  if (data.length < TABLE_LIMIT_BYTES) return crc32cTable(data, seed);
  native ??= loadNative();
  return native(data, seed);
}
