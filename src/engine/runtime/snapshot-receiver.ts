import type { LogIndex, MemberId, Term } from '../core/types.ts';
import { crc32c } from '../native/crc32c.ts';
import { parseManifest } from '../native/snapshot-manifest.ts';
import { StorageDamagedError } from '../ports/damage.ts';
import type { SnapshotFiles, SnapshotManifest, SnapshotReceiver } from '../ports/snapshot-files.ts';
import type { Identity } from '../ports/storage.ts';
import type { SnapshotAck, SnapshotChunk } from '../ports/transport.ts';

/** Chunks that may wait for the disk; more are dropped and sent again. */
const MAX_WAITING = 8;

export interface ReceiverHooks {
  ack(ack: Omit<SnapshotAck, 'from' | 'term'>): void;
  currentTerm(): Term;
  commitIndex(): LogIndex;
  /** Settles when a new file may be made. */
  mayBegin(): Promise<void>;
  received(from: MemberId, term: Term, manifest: SnapshotManifest): void;
  refused(rule: string, from: MemberId): void;
  failed(error: unknown): void;
}

/**
 * Takes in one snapshot at a time, chunk after chunk, in order. Never mixes two: a chunk of another snapshot either begins that one
 * or is answered with where it must begin.
 */
export class IncomingSnapshot {
  private receiver: SnapshotReceiver | null = null;
  /** Term of the sender that the open stream is from. */
  private term: Term = 0;
  private waiting = 0;
  private work: Promise<void> = Promise.resolve();
  private hasEnded = false;
  /** Whole and verified, not yet named or refused by the core. */
  private whole: SnapshotManifest | null = null;

  constructor(
    private readonly files: SnapshotFiles,
    private readonly identity: Identity,
    private readonly hooks: ReceiverHooks,
  ) {}

  /** Files that are not named lie in the directory and are needed. */
  get isBusy(): boolean {
    return this.receiver !== null || this.waiting > 0 || this.whole !== null;
  }

  /** The whole snapshot at this place, if it arrived. */
  take(index: LogIndex): SnapshotManifest | null {
    const { whole } = this;
    if (whole?.index !== index) return null;
    this.whole = null;
    return whole;
  }

  /** The core does not need what arrived. */
  drop(): void {
    this.whole = null;
  }

  add(chunk: SnapshotChunk): void {
    if (this.hasEnded || this.waiting >= MAX_WAITING) return;
    if (chunk.term < this.hooks.currentTerm()) return this.answer(chunk, 0, 'refused');
    this.waiting++;
    this.work = this.work
      .then(() => this.takeIn(chunk))
      .catch((error: unknown) => this.break(chunk, error))
      .finally(() => void this.waiting--);
  }

  /** The log brought the state past the snapshot under way: its sender is gone, and nobody waits for it any more. */
  outgrown(appliedIndex: LogIndex): void {
    const isPast = (): boolean => this.receiver !== null && this.receiver.manifest.index <= appliedIndex;
    if (!isPast()) return;
    this.work = this.work.then(async () => (isPast() ? await this.abandon() : undefined)).catch((error: unknown) => this.hooks.failed(error));
  }

  /** Keeps what arrived for a later attempt. */
  async end(): Promise<void> {
    this.hasEnded = true;
    await this.work;
    await this.abandon();
  }

  private async takeIn(chunk: SnapshotChunk): Promise<void> {
    if (this.hasEnded) return;
    if (crc32c(chunk.bytes) !== chunk.crc32c) return this.hooks.refused('chunk-checksum', chunk.from);
    if (this.whole?.id === chunk.snapshotId) return this.answer(chunk, this.whole.bytes, 'done');
    if (this.receiver?.manifest.id !== chunk.snapshotId && !(await this.begin(chunk))) return;
    const { receiver } = this;
    if (receiver === null) return;
    if (chunk.offset === receiver.offset && chunk.bytes.length > 0 && receiver.offset + chunk.bytes.length <= receiver.manifest.bytes) await receiver.add(chunk.bytes);
    if (receiver.offset < receiver.manifest.bytes) return this.answer(chunk, receiver.offset, 'go-on');
    this.receiver = null;
    const manifest = await receiver.finish();
    if (this.hasEnded) return;
    this.whole = manifest;
    this.answer(chunk, manifest.bytes, 'done');
    this.hooks.received(chunk.from, chunk.term, manifest);
  }

  /** Whether a stream for this chunk's snapshot is open now. */
  private async begin(chunk: SnapshotChunk): Promise<boolean> {
    if (chunk.manifest === null) {
      this.answer(chunk, 0, 'go-on'); // this process knows nothing of it: from the start, please
      return false;
    }
    const manifest = this.accepted(chunk);
    if (manifest === null) {
      this.answer(chunk, 0, 'refused');
      return false;
    }
    if (manifest.index <= this.hooks.commitIndex()) {
      this.answer(chunk, manifest.bytes, 'done'); // committed here already: the log will do
      return false;
    }
    // A late repeat of an older transfer must not push the present one aside; a newer leader may.
    if (this.receiver !== null && chunk.term === this.term && manifest.index < this.receiver.manifest.index) return false;
    await this.abandon();
    await this.hooks.mayBegin();
    this.receiver = await this.files.receive(manifest);
    this.term = chunk.term;
    return true;
  }

  private accepted(chunk: SnapshotChunk): SnapshotManifest | null {
    try {
      const manifest = parseManifest(chunk.manifest ?? new Uint8Array(0));
      const { clusterId, generation, machine } = this.identity;
      const fits = manifest.id === chunk.snapshotId && manifest.clusterId === clusterId && manifest.generation === generation && manifest.machine === machine;
      if (fits) return manifest;
      this.hooks.refused('manifest-lineage', chunk.from);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.hooks.refused('manifest-malformed', chunk.from);
    }
    return null;
  }

  private async abandon(): Promise<void> {
    const { receiver } = this;
    this.receiver = null;
    await receiver?.abandon();
  }

  private break(chunk: SnapshotChunk, error: unknown): void {
    this.receiver = null;
    if (this.hasEnded) return;
    // What arrived was not what its manifest said; the part is gone, and nothing of this member is damaged.
    if (!(error instanceof StorageDamagedError)) return this.hooks.failed(error);
    this.hooks.refused('snapshot-content', chunk.from);
    this.answer(chunk, 0, 'refused');
  }

  private answer(chunk: SnapshotChunk, offset: number, status: SnapshotAck['status']): void {
    this.hooks.ack({ kind: 'snapshot-ack', to: chunk.from, snapshotId: chunk.snapshotId, offset, status });
  }
}
