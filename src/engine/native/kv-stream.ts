import { ByteBuilder, ByteCursor } from './byte-cursor.ts';
import { KV_MAX_KEY_BYTES, KV_MAX_VALUE_BYTES } from './kv-command.ts';

/** First bytes of the kv content of a snapshot: `RIKV` and version 1. */
export const KV_STREAM_HEAD: Uint8Array = Uint8Array.of(0x52, 0x49, 0x4b, 0x56, 1);

const LENGTH_BYTES = 4;
const MAX_RECORD_BYTES = KV_MAX_KEY_BYTES + KV_MAX_VALUE_BYTES + 64;

/** A stored record with its length before it: the content of a snapshot is the head, then one frame per key in order of places. */
export function frameOf(record: Uint8Array): Uint8Array {
  return new ByteBuilder().bytes(record).build();
}

/**
 * The stored records of a kv snapshot's content, holding about one record and one chunk in memory.
 * @throws {RangeError} At a wrong head, a record above the limit, or an early end.
 */
export async function* readKvStream(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let wantedBytes = KV_STREAM_HEAD.length;
  let isHeadRead = false;
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue;
    held.push(chunk);
    heldBytes += chunk.length;
    if (heldBytes < wantedBytes) continue; // joins once per record, not once per chunk
    let bytes = held.length === 1 ? chunk : held.reduce((out, part) => out.raw(part), new ByteBuilder()).build();
    if (!isHeadRead) {
      if (KV_STREAM_HEAD.some((byte, at) => bytes[at] !== byte)) throw new RangeError('content does not begin with RIKV, version 1');
      bytes = bytes.subarray(KV_STREAM_HEAD.length);
      isHeadRead = true;
    }
    while (bytes.length >= (wantedBytes = frameBytes(bytes))) {
      yield bytes.subarray(LENGTH_BYTES, wantedBytes);
      bytes = bytes.subarray(wantedBytes);
    }
    [held, heldBytes] = bytes.length === 0 ? [[], 0] : [[bytes], bytes.length];
  }
  if (!isHeadRead || heldBytes > 0) throw new RangeError(`content ends ${wantedBytes - heldBytes} bytes early`);
}

function frameBytes(bytes: Uint8Array): number {
  if (bytes.length < LENGTH_BYTES) return LENGTH_BYTES;
  const length = new ByteCursor(bytes).u32();
  if (length > MAX_RECORD_BYTES) throw new RangeError(`record of ${length} bytes, limit ${MAX_RECORD_BYTES}`);
  return LENGTH_BYTES + length;
}
