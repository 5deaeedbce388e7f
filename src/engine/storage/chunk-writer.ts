import { createHash, type Hash } from 'node:crypto';
import { CHUNK_BYTES, MAX_MANIFEST_BYTES } from '../native/snapshot-manifest.ts';
import { CHUNK_OVERHEAD_BYTES, chunkOffset, encodeChunk, encodeSnapshotEnd, encodeSnapshotHeader } from '../native/snapshot-layout.ts';
import type { DiskFile } from '../ports/disk.ts';
import type { SnapshotManifest } from '../ports/snapshot-files.ts';

/** What an earlier attempt left, read back and found good. */
export interface ChunkProgress {
  readonly wholeChunks: number;
  /** Content behind the last whole chunk. */
  readonly rest: Uint8Array;
  /** Over all whole chunks. */
  readonly hash: Hash;
}

/** Cuts content into chunks and writes them one after another; at most one chunk is held in memory. */
export class ChunkWriter {
  readonly #file: DiskFile;
  readonly #hash: Hash;
  readonly #held = Buffer.allocUnsafe(CHUNK_BYTES);
  #heldBytes = 0;
  #chunks: number;

  private constructor(file: DiskFile, progress: ChunkProgress) {
    this.#file = file;
    this.#hash = progress.hash;
    this.#chunks = progress.wholeChunks;
    this.#held.set(progress.rest);
    this.#heldBytes = progress.rest.length;
  }

  static async begin(file: DiskFile): Promise<ChunkWriter> {
    await file.truncate(0);
    await file.write(0, encodeSnapshotHeader());
    return new ChunkWriter(file, { wholeChunks: 0, rest: new Uint8Array(0), hash: createHash('sha256') });
  }

  /** Goes on behind what is there; anything after it goes. */
  static async resume(file: DiskFile, progress: ChunkProgress): Promise<ChunkWriter> {
    await file.truncate(chunkOffset(progress.wholeChunks));
    return new ChunkWriter(file, progress);
  }

  /** Bytes of content so far. */
  get bytes(): number {
    return this.#chunks * CHUNK_BYTES + this.#heldBytes;
  }

  async add(bytes: Uint8Array): Promise<void> {
    let offset = 0;
    while (offset < bytes.length) {
      const taken = Math.min(bytes.length - offset, CHUNK_BYTES - this.#heldBytes);
      this.#held.set(bytes.subarray(offset, offset + taken), this.#heldBytes);
      this.#heldBytes += taken;
      offset += taken;
      if (this.#heldBytes === CHUNK_BYTES) await this.#flush();
    }
  }

  /** Writes what is held as a short chunk, so that a later attempt finds it. */
  async flushRest(): Promise<void> {
    if (this.#heldBytes > 0) await this.#file.write(chunkOffset(this.#chunks), encodeChunk(this.#chunks, this.#held.subarray(0, this.#heldBytes)));
  }

  /** Writes the last chunk and gives the digest; the manifest made of it then ends the file, with its fsync. */
  async end(manifestOf: (content: { readonly bytes: number; readonly sha256: string }) => SnapshotManifest): Promise<SnapshotManifest> {
    const bytes = this.bytes;
    const offset = this.#heldBytes === 0 ? chunkOffset(this.#chunks) : chunkOffset(this.#chunks) + CHUNK_OVERHEAD_BYTES + this.#heldBytes;
    if (this.#heldBytes > 0) await this.#flush();
    const manifest = manifestOf({ bytes, sha256: this.#hash.digest('hex') });
    const end = encodeSnapshotEnd(manifest, offset);
    if (end.length > MAX_MANIFEST_BYTES) throw new RangeError(`manifest of ${end.length} bytes`);
    await this.#file.write(offset, end);
    await this.#file.sync();
    return manifest;
  }

  async #flush(): Promise<void> {
    const content = this.#held.subarray(0, this.#heldBytes);
    this.#hash.update(content);
    await this.#file.write(chunkOffset(this.#chunks), encodeChunk(this.#chunks, content));
    this.#chunks++;
    this.#heldBytes = 0;
  }
}
