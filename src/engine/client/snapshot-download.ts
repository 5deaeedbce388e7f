import { METHODS } from '../adapters/grpc/client-methods.ts';
import { crc32c } from '../native/crc32c.ts';
import { CallError } from '../ports/node-api.ts';
import type { Link } from './link.ts';

/** The pieces of a snapshot file, each checked against its sum. @throws {CallError} */
export async function* downloadFrom(link: Link, id: string | null, timeoutMs: number): AsyncGenerator<Uint8Array> {
  const { stream, toError } = link.serverStream(METHODS.readSnapshot, (header) => ({ header, id: id ?? undefined }), Math.max(1, timeoutMs));
  let offset = 0;
  try {
    for await (const piece of stream as AsyncIterable<{ content: Uint8Array; crc32c: number }>) {
      if (crc32c(piece.content) !== piece.crc32c) throw new CallError('failed', 'unreachable', `${link.address}: the snapshot was damaged on the way, at byte ${offset}: download it again`);
      offset += piece.content.length;
      yield piece.content;
    }
  } catch (error) {
    throw toError(error);
  } finally {
    stream.cancel();
  }
}
