import { createHash } from 'node:crypto';
import type { Decoded } from '../native/decoded.ts';
import {
  checkSnapshotHeader,
  CHUNK_OVERHEAD_BYTES,
  chunkOffset,
  decodeChunk,
  decodeManifestRecord,
  decodeTrailer,
  SNAPSHOT_HEADER_BYTES,
  TRAILER_BYTES,
} from '../native/snapshot-layout.ts';
import { CHUNK_BYTES } from '../native/snapshot-manifest.ts';
import { StorageDamagedError } from '../ports/damage.ts';
import type { DiskFile } from '../ports/disk.ts';
import type { SnapshotManifest, SnapshotReader } from '../ports/snapshot-files.ts';

/** A finished snapshot file. Holds one chunk in memory: streams ask for pieces of the same chunk one after another. */
export class ChunkedSnapshotReader implements SnapshotReader {
  readonly manifest: SnapshotManifest;
  readonly #file: DiskFile;
  readonly #path: string;
  #held: { readonly number: number; readonly content: Uint8Array } | null = null;

  private constructor(file: DiskFile, path: string, manifest: SnapshotManifest) {
    this.#file = file;
    this.#path = path;
    this.manifest = manifest;
  }

  /** Checks header, trailer, manifest and size; chunks are checked as they are read. The file stays the caller's until this returns. */
  static async over(file: DiskFile, path: string): Promise<ChunkedSnapshotReader> {
    const { manifest } = await readSnapshotEnd(file, path, await file.size());
    return new ChunkedSnapshotReader(file, path, manifest);
  }

  async read(offset: number, maxBytes: number): Promise<Uint8Array> {
    const end = Math.min(offset + maxBytes, this.manifest.bytes);
    const pieces: Uint8Array[] = [];
    for (let at = offset; at < end; ) {
      const number = Math.floor(at / CHUNK_BYTES);
      const content = await this.#chunk(number);
      const from = at - number * CHUNK_BYTES;
      const piece = content.subarray(from, from + end - at);
      pieces.push(piece);
      at += piece.length;
    }
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0].slice() : Uint8Array.from(Buffer.concat(pieces));
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256');
    for (let number = 0; number < this.manifest.chunks; number++) {
      const content = await this.#chunk(number);
      hash.update(content);
      yield content;
    }
    if (hash.digest('hex') !== this.manifest.sha256) throw new StorageDamagedError('snapshot-content', this.#path, 'the digest of the content is not the one in the manifest');
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #chunk(number: number): Promise<Uint8Array> {
    if (this.#held?.number === number) return this.#held.content;
    const bytes = chunkBytes(this.manifest, number);
    const record = await this.#file.read(chunkOffset(number), bytes + CHUNK_OVERHEAD_BYTES);
    const content = check(`${this.#path}, chunk ${number}`, decodeChunk(record, number));
    if (content.length !== bytes) throw new StorageDamagedError('record-invalid', `${this.#path}, chunk ${number}`, `it holds ${content.length} bytes instead of ${bytes}`);
    this.#held = { number, content };
    return content;
  }
}

/** The manifest of a finished file, and where it lies. Header, trailer and size are checked. @throws {StorageDamagedError} */
export async function readSnapshotEnd(file: DiskFile, path: string, size: number): Promise<{ readonly manifest: SnapshotManifest; readonly manifestOffset: number }> {
  if (size < SNAPSHOT_HEADER_BYTES + TRAILER_BYTES) throw new StorageDamagedError('record-damaged', path, `a snapshot file of ${size} bytes`);
  check(path, checkSnapshotHeader(await file.read(0, SNAPSHOT_HEADER_BYTES)));
  const { manifestOffset, manifestBytes } = check(path, decodeTrailer(await file.read(size - TRAILER_BYTES, TRAILER_BYTES), size));
  return { manifest: check(path, decodeManifestRecord(await file.read(manifestOffset, manifestBytes), manifestOffset)), manifestOffset };
}

/** Content bytes of a chunk: all but the last are whole. */
export function chunkBytes(manifest: SnapshotManifest, number: number): number {
  return Math.min(CHUNK_BYTES, manifest.bytes - number * CHUNK_BYTES);
}

function check<T>(path: string, result: Decoded<T>): T {
  if (result.ok) return result.value;
  throw new StorageDamagedError(result.rule, path, result.problem);
}
