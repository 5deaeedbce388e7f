/** A file to be read at offsets, whoever opened it. Sizes and offsets are bytes. */
export interface ByteSource {
  /** How the file is named to people. */
  readonly name: string;
  /** Size at the moment of opening: nothing behind it is read. */
  readonly size: number;
  /** Fills `into` from `offset`; returns the bytes read, fewer only at the end of the file. */
  readInto(into: Uint8Array, offset: number): number;
}

/** A source over bytes in memory. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    readInto(into, offset) {
      const part = bytes.subarray(Math.min(offset, bytes.length), Math.min(offset + into.length, bytes.length));
      into.set(part);
      return part.length;
    },
  };
}

/** Something in a file that cannot be true. `byteOffset` is the start of the page or node. */
export interface PageDamage {
  readonly byteOffset: number;
  readonly problem: string;
}
