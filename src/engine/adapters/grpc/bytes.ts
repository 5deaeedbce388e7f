/** The library wants a Buffer; this is a view, not a copy. */
export function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A plain view of a Buffer, so that what is cut from it is plain too: `slice` of a Buffer shares memory, that of a Uint8Array copies. */
export function toPlain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
