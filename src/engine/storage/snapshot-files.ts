import { SNAPSHOT_DIRECTORY } from '../native/layout.ts';
import { encodeSnapshotEnd, PART_SUFFIX, SNAPSHOT_SUFFIX } from '../native/snapshot-layout.ts';
import { isSnapshotId, manifestOf } from '../native/snapshot-manifest.ts';
import { StorageDamagedError, StorageMisuseError } from '../ports/damage.ts';
import type { Disk, DiskFile } from '../ports/disk.ts';
import type { SnapshotFiles, SnapshotHead, SnapshotManifest, SnapshotReader, SnapshotReceiver } from '../ports/snapshot-files.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { ChunkedSnapshotReader, readSnapshotEnd } from './snapshot-reader.ts';
import { PartReceiver } from './snapshot-receiver.ts';
import { toStorageFailure } from './storage-failure.ts';

const RAW_BYTES = 1024 * 1024;

/**
 * The snapshot files of one member, in one directory of a `Disk`. A file is written under another name, fsynced, renamed, and the
 * directory fsynced; only then may the storage name it. So a crash leaves no snapshot or a whole one, and a part to go on with.
 */
export class SnapshotFileStore implements SnapshotFiles {
  readonly #disk: Disk;
  readonly #directory: string;
  /** Parts that are being written: `keepOnly` leaves them. */
  readonly #active = new Set<string>();

  /** @param directory Below the root of `disk`, without a slash at its end; empty: the root itself. */
  constructor(disk: Disk, directory: string = SNAPSHOT_DIRECTORY) {
    this.#disk = disk;
    this.#directory = directory;
  }

  write(head: SnapshotHead, content: AsyncIterable<Uint8Array>): Promise<SnapshotManifest> {
    const part = `local-${head.term}-${head.index}${PART_SUFFIX}`;
    return this.#guarded('writing a snapshot', async () => {
      const file = await this.#openPart(part, 'create');
      let isOpen = true;
      try {
        const writer = await ChunkWriter.begin(file);
        for await (const piece of labelled(content)) await writer.add(piece);
        const manifest = await writer.end((written) => manifestOf(head, written));
        isOpen = false;
        await file.close();
        await this.#publish(part, manifest.id);
        return manifest;
      } catch (error) {
        await this.#giveUp(part, isOpen ? file : null);
        throw error;
      } finally {
        this.#active.delete(part);
      }
    });
  }

  receive(manifest: SnapshotManifest): Promise<SnapshotReceiver> {
    return this.#guarded('receiving a snapshot', async () => {
      if (!isSnapshotId(manifest.id)) throw new StorageMisuseError('snapshot-id', `"${manifest.id}" is no id of a snapshot`);
      const part = `${manifest.id}${PART_SUFFIX}`;
      const file = await this.#openPart(part, 'update');
      try {
        const receiver = await PartReceiver.over(
          {
            file,
            path: this.#path(part),
            publish: () => this.#publish(part, manifest.id),
            remove: () => this.#disk.remove(this.#path(part)),
            release: () => void this.#active.delete(part),
          },
          manifest,
        );
        return this.#guardReceiver(receiver);
      } catch (error) {
        this.#active.delete(part);
        await file.close();
        throw error;
      }
    });
  }

  open(id: string): Promise<SnapshotReader> {
    return this.#guarded('opening a snapshot', async () => {
      const path = this.#pathOf(id);
      const file = await this.#openFinished(path);
      try {
        const reader = await ChunkedSnapshotReader.over(file, path);
        if (reader.manifest.id !== id) throw new StorageDamagedError('record-invalid', path, `the file holds snapshot ${reader.manifest.id}`);
        return reader;
      } catch (error) {
        await file.close();
        throw error;
      }
    });
  }

  keepOnly(ids: readonly string[]): Promise<void> {
    return this.#guarded('removing old snapshots', async () => {
      const kept = new Set(ids.map((id) => `${id}${SNAPSHOT_SUFFIX}`));
      const names = await this.#disk.list(this.#directory);
      const useless = names.filter((name) => (name.endsWith(SNAPSHOT_SUFFIX) || name.endsWith(PART_SUFFIX)) && !kept.has(name) && !this.#active.has(name));
      for (const name of useless) await this.#disk.remove(this.#path(name));
      if (useless.length > 0) await this.#disk.syncDirectory(this.#directory);
    });
  }

  async *raw(id: string, lineage: { readonly clusterId: string; readonly generation: number }): AsyncGenerator<Uint8Array> {
    const path = this.#pathOf(id);
    const file = await this.#guarded('opening a snapshot', () => this.#openFinished(path));
    try {
      const size = await file.size();
      const { manifest, manifestOffset } = await readSnapshotEnd(file, path, size);
      for (let at = 0; at < manifestOffset; ) {
        const bytes = await file.read(at, Math.min(RAW_BYTES, manifestOffset - at));
        if (bytes.length === 0) throw new StorageDamagedError('record-damaged', path, `the file ends at byte ${at}, it had ${size}`);
        at += bytes.length;
        yield bytes;
      }
      // Equal manifests have equal bytes: a file of this lineage goes out as it lies.
      yield encodeSnapshotEnd({ ...manifest, clusterId: lineage.clusterId, generation: lineage.generation }, manifestOffset);
    } catch (error) {
      throw toStorageFailure(error, 'reading a snapshot');
    } finally {
      await file.close();
    }
  }

  /** Makes the directory, with its own name durable, and claims the part. */
  async #openPart(part: string, mode: 'create' | 'update'): Promise<DiskFile> {
    if (this.#active.has(part)) throw new StorageMisuseError('snapshot-busy', `${part} is being written already`);
    this.#active.add(part);
    try {
      if (this.#directory !== '') await this.#disk.makeDirectory(this.#directory);
      return await this.#disk.open(this.#path(part), mode);
    } catch (error) {
      this.#active.delete(part);
      throw error;
    }
  }

  async #publish(part: string, id: string): Promise<void> {
    await this.#disk.rename(this.#path(part), this.#pathOf(id));
    await this.#disk.syncDirectory(this.#directory);
  }

  /** Frees the space of a part that will never be whole. The first error is the one that counts. */
  async #giveUp(part: string, file: DiskFile | null): Promise<void> {
    try {
      await file?.close();
      await this.#disk.remove(this.#path(part));
    } catch {
      // The next keepOnly removes it.
    }
  }

  async #openFinished(path: string): Promise<DiskFile> {
    try {
      return await this.#disk.open(path, 'read');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') throw new StorageDamagedError('snapshot-missing', path, 'the file is not there', { cause: error });
      throw error;
    }
  }

  #guardReceiver(inner: SnapshotReceiver): SnapshotReceiver {
    const guarded = <T>(run: () => Promise<T>): Promise<T> => this.#guarded('receiving a snapshot', run);
    return {
      manifest: inner.manifest,
      get offset() {
        return inner.offset;
      },
      add: (bytes) => guarded(() => inner.add(bytes)),
      finish: () => guarded(() => inner.finish()),
      abandon: () => guarded(() => inner.abandon()),
    };
  }

  async #guarded<T>(what: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      // Whoever makes the content knows what its own errors mean.
      if (error instanceof ContentError) throw error.cause;
      throw toStorageFailure(error, what);
    }
  }

  #pathOf(id: string): string {
    if (!isSnapshotId(id)) throw new StorageMisuseError('snapshot-id', `"${id}" is no id of a snapshot`);
    return this.#path(`${id}${SNAPSHOT_SUFFIX}`);
  }

  #path(name: string): string {
    return this.#directory === '' ? name : `${this.#directory}/${name}`;
  }
}

class ContentError extends Error {}

/** Tells an error of whoever makes the content from one of the disk. */
async function* labelled(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* content;
  } catch (error) {
    throw new ContentError('the content ended early', { cause: error });
  }
}
