import { once } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { crc32c } from '../../native/crc32c.ts';
import type { ReadSnapshotResponse } from '../generated/raft_inspector/v1/client.ts';

/** Sends a file in pieces of `pieceBytes` (the last is shorter), no faster than the client takes them. Stops when it hangs up. */
export async function sendSnapshot(call: ServerWritableStream<Buffer, ReadSnapshotResponse>, content: AsyncIterable<Uint8Array>, pieceBytes: number): Promise<void> {
  const hangUp = new AbortController();
  call.once('cancelled', () => hangUp.abort());
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const send = async (piece: Uint8Array): Promise<void> => {
    if (!call.write({ content: piece, crc32c: crc32c(piece) })) await once(call, 'drain', { signal: hangUp.signal }).catch(() => undefined);
  };
  for await (const chunk of content) {
    let rest = chunk;
    while (heldBytes + rest.length >= pieceBytes) {
      const cut = pieceBytes - heldBytes;
      await send(Buffer.concat([...held, rest.subarray(0, cut)]));
      if (hangUp.signal.aborted) return;
      rest = rest.subarray(cut);
      [held, heldBytes] = [[], 0];
    }
    if (rest.length > 0) held.push(rest);
    heldBytes += rest.length;
  }
  if (heldBytes > 0) await send(Buffer.concat(held));
}
