import { createHash } from 'node:crypto';
import { frameLength } from '../native/record-frame.ts';
import { checkSnapshotHeader, CHUNK_STRIDE, chunkOffset, decodeChunk, SNAPSHOT_HEADER_BYTES } from '../native/snapshot-layout.ts';
import { StorageDamagedError, StorageMisuseError } from '../ports/damage.ts';
import type { DiskFile } from '../ports/disk.ts';
import type { SnapshotManifest, SnapshotReceiver } from '../ports/snapshot-files.ts';
import { ChunkWriter, type ChunkProgress } from './chunk-writer.ts';
import { chunkBytes } from './snapshot-reader.ts';

const FRAME_HEADER_BYTES = 8;

/** How a receiver ends its file: by name on the disk, or not at all. */
export interface PartFile {
  readonly file: DiskFile;
  readonly path: string;
  /** Renames the closed file to its final name, durably. */
  publish(): Promise<void>;
  remove(): Promise<void>;
  /** The part belongs to nobody any more. */
  release(): void;
}

/** A snapshot on its way in. What it wrote before a crash is found again by its checksums, chunk by chunk. */
export class PartReceiver implements SnapshotReceiver {
  readonly manifest: SnapshotManifest;
  readonly #part: PartFile;
  readonly #writer: ChunkWriter;
  #isOver = false;

  private constructor(manifest: SnapshotManifest, part: PartFile, writer: ChunkWriter) {
    this.manifest = manifest;
    this.#part = part;
    this.#writer = writer;
  }

  static async over(part: PartFile, manifest: SnapshotManifest): Promise<PartReceiver> {
    const header = await part.file.read(0, SNAPSHOT_HEADER_BYTES);
    const isOurs = checkSnapshotHeader(header).ok;
    const writer = isOurs ? await ChunkWriter.resume(part.file, await findProgress(part.file, manifest)) : await ChunkWriter.begin(part.file);
    return new PartReceiver(manifest, part, writer);
  }

  get offset(): number {
    return this.#writer.bytes;
  }

  async add(bytes: Uint8Array): Promise<void> {
    this.#mustBeOpen();
    if (this.offset + bytes.length > this.manifest.bytes) {
      await this.#discard();
      throw new StorageDamagedError('snapshot-content', this.#part.path, `more than the ${this.manifest.bytes} bytes of its manifest arrived`);
    }
    await this.#writer.add(bytes);
  }

  async finish(): Promise<SnapshotManifest> {
    this.#mustBeOpen();
    const { manifest } = this;
    try {
      await this.#writer.end(({ bytes, sha256 }) => {
        if (bytes === manifest.bytes && sha256 === manifest.sha256) return manifest;
        throw new StorageDamagedError('snapshot-content', this.#part.path, `${bytes} bytes with sha256 ${sha256} arrived, the manifest says ${manifest.bytes} and ${manifest.sha256}`);
      });
    } catch (error) {
      if (error instanceof StorageDamagedError) await this.#discard();
      throw error;
    }
    this.#isOver = true;
    await this.#part.file.close();
    await this.#part.publish();
    this.#part.release();
    return manifest;
  }

  async abandon(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      await this.#writer.flushRest();
    } finally {
      this.#part.release();
      await this.#part.file.close();
    }
  }

  async #discard(): Promise<void> {
    this.#isOver = true;
    this.#part.release();
    await this.#part.file.close();
    await this.#part.remove();
  }

  #mustBeOpen(): void {
    if (this.#isOver) throw new StorageMisuseError('receiver-over', `${this.#part.path} was finished or abandoned`);
  }
}

/** How far an earlier attempt came: whole chunks in order, and a short one behind them. */
async function findProgress(file: DiskFile, manifest: SnapshotManifest): Promise<ChunkProgress> {
  const hash = createHash('sha256');
  let wholeChunks = 0;
  for (; wholeChunks < manifest.chunks; wholeChunks++) {
    const content = await readChunk(file, wholeChunks);
    const wanted = chunkBytes(manifest, wholeChunks);
    if (content === null || content.length > wanted) break;
    // The last chunk is as short as the content makes it: it stays in hand, to be written again.
    if (content.length < wanted || wholeChunks === manifest.chunks - 1) return { wholeChunks, rest: content, hash };
    hash.update(content);
  }
  return { wholeChunks, rest: new Uint8Array(0), hash };
}

async function readChunk(file: DiskFile, number: number): Promise<Uint8Array | null> {
  const record = await file.read(chunkOffset(number), CHUNK_STRIDE);
  const length = frameLength(record.subarray(0, FRAME_HEADER_BYTES), CHUNK_STRIDE);
  if (length === null || length > record.length) return null;
  const content = decodeChunk(record.subarray(0, length), number);
  return content.ok ? content.value : null;
}
