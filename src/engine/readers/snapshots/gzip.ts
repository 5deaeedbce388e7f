import { Readable, pipeline } from 'node:stream';
import zlib from 'node:zlib';
import { CorruptDataError, UnreadableError } from '../../errors.ts';
import type { FileSource } from '../file-source.ts';

const CHUNK_BYTES = 64 * 1024;
/** Below this a high ratio is only a repetitive state; above it nobody's snapshot shrinks 200 to 1. */
const BOMB_FREE_BYTES = 256 << 20;
const BOMB_RATIO = 200;
/** More plain bytes than any of these systems can hold in memory. */
const MAX_PLAIN_BYTES = 2 ** 40;

export interface GzipReading {
  /** Plain bytes, in pieces. @throws {CorruptDataError} When the stream is broken, cut short, or a bomb. */
  chunks: AsyncGenerator<Buffer>;
  /** Compressed bytes used so far. */
  position: () => number;
}

/** Unpacks a gzip file as a stream: memory stays flat, whatever the file claims (RFC 1952; members may follow each other). */
export function readGzip(source: FileSource): GzipReading {
  const gunzip = zlib.createGunzip({ chunkSize: CHUNK_BYTES });
  const position = () => gunzip.bytesWritten;
  return { chunks: plainChunks(source, gunzip), position };
}

async function* plainChunks(source: FileSource, gunzip: zlib.Gunzip): AsyncGenerator<Buffer> {
  let plainBytes = 0;
  try {
    pipeline(Readable.from(ownedChunks(source)), gunzip, () => {});
    for await (const chunk of gunzip) {
      plainBytes += (chunk as Buffer).length;
      refuseBomb(source, plainBytes, gunzip.bytesWritten);
      yield chunk as Buffer;
    }
  } catch (cause) {
    if (cause instanceof CorruptDataError || cause instanceof UnreadableError) throw cause;
    throw new CorruptDataError(source.name, gunzip.bytesWritten, gzipProblem(cause, source.size), undefined, { cause });
  }
  if (gunzip.bytesWritten < source.size) {
    const extra = source.size - gunzip.bytesWritten;
    throw new CorruptDataError(source.name, gunzip.bytesWritten, `${extra} bytes follow the end of the gzip stream`);
  }
}

/** The stream holds on to what it is given, so each piece is its own. */
function* ownedChunks(source: FileSource): Generator<Buffer> {
  for (const chunk of source.chunks(0, source.size, CHUNK_BYTES)) yield Buffer.from(chunk);
}

function refuseBomb(source: FileSource, plainBytes: number, packedBytes: number): void {
  const isBomb = plainBytes > BOMB_FREE_BYTES && plainBytes > packedBytes * BOMB_RATIO;
  if (!isBomb && plainBytes <= MAX_PLAIN_BYTES) return;
  throw new CorruptDataError(source.name, packedBytes, `unpacks to more than ${plainBytes} bytes: a decompression bomb, not read further`);
}

function gzipProblem(cause: unknown, size: number): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'Z_BUF_ERROR') return `the gzip stream is cut short: the file ends after ${size} bytes`;
  if (code === 'Z_DATA_ERROR') return `the gzip stream is broken (${message})`;
  return `cannot be unpacked (${message})`;
}
