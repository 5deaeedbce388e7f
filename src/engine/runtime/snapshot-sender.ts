import type { MemberId } from '../core/types.ts';
import { crc32c } from '../native/crc32c.ts';
import { encodeManifest } from '../native/snapshot-manifest.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import { StorageDamagedError } from '../ports/damage.ts';
import type { SnapshotFiles, SnapshotManifest, SnapshotReader } from '../ports/snapshot-files.ts';
import type { SnapshotAck, SnapshotChunk } from '../ports/transport.ts';

const CHUNK_BYTES = 256 * 1024;
/** Bytes that may be under way to one peer. */
const WINDOW_BYTES = 1024 * 1024;
const SILENCE_MS = 500;
/** Silences in a row after which the transfer counts as failed: the core then decides anew. */
const MAX_SILENCES = 20;

export interface SenderHooks {
  send(chunk: Omit<SnapshotChunk, 'from' | 'term'>): void;
  ended(to: MemberId, index: number, outcome: 'delivered' | 'failed'): void;
  failed(error: unknown): void;
}

interface Sending {
  readonly to: MemberId;
  readonly id: string;
  readonly index: number;
  reader: SnapshotReader | null;
  /** The receiver holds everything before. */
  acked: number;
  /** What is sent next. */
  next: number;
  /** Offset whose repeated ack has led to sending again from there: once is enough. */
  rewoundTo: number;
  silences: number;
  timer: Timer | null;
  isPumping: boolean;
  isOver: boolean;
}

/**
 * Streams snapshots to peers: chunks inside a window, go-back on loss, resumed where the receiver wants. A transfer keeps the
 * snapshot it began with; a newer one is sent only when the core asks again.
 */
export class SnapshotSender {
  private readonly sendings = new Map<MemberId, Sending>();

  constructor(
    private readonly clock: Clock,
    private readonly files: SnapshotFiles,
    /**
     * That of this member: whatever snapshot its storage names is one of its own history, and goes out as such. One that an older
     * generation took says so in its file; who receives it knows nothing of that generation and takes none of its files.
     */
    private readonly lineage: { readonly clusterId: string; readonly generation: number },
    private readonly hooks: SenderHooks,
  ) {}

  /** Index of the oldest snapshot under way; null: none is. */
  get oldestIndex(): number | null {
    return this.sendings.size === 0 ? null : Math.min(...[...this.sendings.values()].map(({ index }) => index));
  }

  /** Does nothing when a transfer to this peer runs. */
  start(to: MemberId, snapshot: { readonly id: string; readonly index: number }): void {
    if (this.sendings.has(to)) return;
    const sending: Sending = { to, id: snapshot.id, index: snapshot.index, reader: null, acked: 0, next: 0, rewoundTo: -1, silences: 0, timer: null, isPumping: false, isOver: false };
    this.sendings.set(to, sending);
    this.files.open(snapshot.id).then(
      (reader) => {
        sending.reader = reader;
        if (sending.isOver) return this.close(sending);
        this.listen(sending);
        this.pump(sending);
      },
      (error: unknown) => this.break(sending, error),
    );
  }

  ack(ack: SnapshotAck): void {
    const sending = this.sendings.get(ack.from);
    if (sending === undefined || sending.id !== ack.snapshotId || sending.reader === null) return;
    const { bytes } = sending.reader.manifest;
    if (ack.status !== 'go-on') return this.end(sending, ack.status === 'done' ? 'delivered' : 'failed');
    if (!Number.isSafeInteger(ack.offset) || ack.offset < 0 || ack.offset > bytes) return;
    sending.silences = 0;
    this.listen(sending);
    if (ack.offset > sending.acked) {
      sending.acked = ack.offset;
      sending.next = Math.max(sending.next, ack.offset);
    } else if (ack.offset < sending.acked || sending.rewoundTo !== ack.offset) {
      // It lacks what was sent (lost on the way), or began anew after a restart.
      sending.acked = sending.next = sending.rewoundTo = ack.offset;
    }
    this.pump(sending);
  }

  /** The leadership is over, or the member stops. */
  cancelAll(): void {
    for (const sending of this.sendings.values()) this.drop(sending);
  }

  private listen(sending: Sending): void {
    sending.timer?.cancel();
    sending.timer = this.clock.after(SILENCE_MS, () => {
      if (sending.isOver) return;
      if (++sending.silences >= MAX_SILENCES) return this.end(sending, 'failed');
      sending.next = sending.acked;
      sending.rewoundTo = -1;
      this.listen(sending);
      this.pump(sending);
    });
  }

  private pump(sending: Sending): void {
    if (sending.isPumping || sending.isOver) return;
    sending.isPumping = true;
    this.sendWindow(sending).then(
      () => void (sending.isPumping = false),
      (error: unknown) => this.break(sending, error),
    );
  }

  private async sendWindow(sending: Sending): Promise<void> {
    const { reader } = sending;
    if (reader === null) return;
    const { manifest } = reader;
    while (!sending.isOver) {
      const offset = sending.next;
      const isStart = offset === 0;
      if (!isStart && (offset >= manifest.bytes || offset >= sending.acked + WINDOW_BYTES)) return;
      const bytes = offset < manifest.bytes ? await reader.read(offset, CHUNK_BYTES) : new Uint8Array(0);
      if (sending.isOver) return;
      if (sending.next !== offset) continue; // an ack moved it meanwhile
      sending.next = offset + bytes.length;
      const isLast = sending.next >= manifest.bytes;
      this.hooks.send({ kind: 'snapshot-chunk', to: sending.to, snapshotId: sending.id, manifest: isStart ? this.vouchedFor(manifest) : null, offset, bytes, crc32c: crc32c(bytes), isLast });
      // The first chunk goes alone: where the stream goes on is for the receiver to say.
      if (isStart) return;
    }
  }

  private vouchedFor(manifest: SnapshotManifest): Uint8Array {
    const { clusterId, generation } = this.lineage;
    return encodeManifest({ ...manifest, clusterId, generation });
  }

  private break(sending: Sending, error: unknown): void {
    if (sending.isOver) return;
    this.end(sending, 'failed');
    // Damage is never worked around; a file that newer snapshots replaced meanwhile is no damage.
    if (error instanceof StorageDamagedError) this.hooks.failed(error);
  }

  private end(sending: Sending, outcome: 'delivered' | 'failed'): void {
    this.drop(sending);
    this.hooks.ended(sending.to, sending.index, outcome);
  }

  private drop(sending: Sending): void {
    sending.isOver = true;
    sending.timer?.cancel();
    this.sendings.delete(sending.to);
    this.close(sending);
  }

  private close(sending: Sending): void {
    const { reader } = sending;
    sending.reader = null;
    reader?.close().catch((error: unknown) => this.hooks.failed(error));
  }
}
