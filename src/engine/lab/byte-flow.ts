import type net from 'node:net';

/** Bytes held back in one direction of one connection; above this nothing more is read. */
const MAX_HELD_BYTES = 4 * 1024 * 1024;
const TICK_BYTES = 16 * 1024;

/** How bytes travel at the moment. */
export interface FlowShape {
  readonly isStalled: boolean;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly bytesPerSecond: number | null;
}

interface Held {
  /** When it may leave, by `performance.now()`. */
  due: number;
  /** Null: the end of the stream. */
  bytes: Buffer | null;
}

/**
 * One direction of a proxied connection. Bytes keep their order; a stall stops reading, so that the sender feels it as a full
 * window and not as an error; when the shape becomes plain again, everything held leaves at once.
 */
export class ByteFlow {
  private readonly held: Held[] = [];
  private heldBytes = 0;
  private isBlocked = false;
  private timer: NodeJS.Timeout | undefined;
  private lastDue = 0;

  constructor(
    private readonly from: net.Socket,
    private readonly to: net.Socket,
    private shape: FlowShape,
    private readonly chance: () => number,
  ) {
    from.on('data', (bytes: Buffer) => this.take(bytes));
    from.on('end', () => this.take(null));
    to.on('drain', () => {
      this.isBlocked = false;
      this.pump();
    });
    if (shape.isStalled) from.pause();
  }

  reshape(shape: FlowShape): void {
    this.shape = shape;
    const isPlain = !shape.isStalled && shape.delayMs === 0 && shape.jitterMs === 0 && shape.bytesPerSecond === null;
    if (isPlain) {
      for (const one of this.held) one.due = 0;
      this.lastDue = 0;
    }
    this.pump();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.held.length = 0;
    this.heldBytes = 0;
  }

  private take(bytes: Buffer | null): void {
    const { delayMs, jitterMs, bytesPerSecond } = this.shape;
    // Throttled bytes leave in small pieces, so that the rate is even and not one burst a second.
    const pieces = bytes === null || bytesPerSecond === null ? [bytes] : slices(bytes, Math.min(TICK_BYTES, Math.max(1, Math.floor(bytesPerSecond / 20))));
    const now = performance.now();
    for (const piece of pieces) {
      const travel = delayMs + (jitterMs > 0 ? this.chance() * jitterMs : 0);
      const sending = bytesPerSecond === null || piece === null ? 0 : (piece.length * 1000) / bytesPerSecond;
      this.lastDue = Math.max(now + travel, this.lastDue) + sending;
      this.held.push({ due: travel === 0 && sending === 0 && this.held.length === 0 ? 0 : this.lastDue, bytes: piece });
      this.heldBytes += piece?.length ?? 0;
    }
    this.pump();
  }

  private pump(): void {
    clearTimeout(this.timer);
    if (this.shape.isStalled) {
      this.from.pause();
      return;
    }
    for (let head = this.held[0]; head !== undefined && !this.isBlocked; head = this.held[0]) {
      const wait = head.due - performance.now();
      if (wait > 0) {
        this.timer = setTimeout(() => this.pump(), wait);
        break;
      }
      this.held.shift();
      this.heldBytes -= head.bytes?.length ?? 0;
      if (head.bytes === null) this.to.end();
      else if (!this.to.destroyed) this.isBlocked = !this.to.write(head.bytes);
    }
    if (this.isBlocked || this.heldBytes > MAX_HELD_BYTES) this.from.pause();
    else this.from.resume();
  }
}

function slices(bytes: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}
