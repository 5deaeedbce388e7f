import fs from 'node:fs';

const MAX_QUEUED_BYTES = 1024 * 1024;
const STUCK_MS = 1000;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** One JSON object a line: `{"time","level","msg",...}`. */
export interface Log {
  write(level: LogLevel, msg: string, fields?: Readonly<Record<string, unknown>>): void;
}

/**
 * A log that never blocks the member: lines are written beside the event loop, one batch at a time, and dropped (and counted) when
 * whoever reads them is too slow. Heartbeats matter more than lines.
 */
export class LineLog implements Log {
  private queued: string[] = [];
  private queuedBytes = 0;
  private dropped = 0;
  private writingSince: number | null = null;
  private isBroken = false;

  constructor(
    private readonly fd: number,
    private readonly base: Readonly<Record<string, unknown>>,
    private readonly minimum: LogLevel = 'info',
  ) {}

  write(level: LogLevel, msg: string, fields: Readonly<Record<string, unknown>> = {}): void {
    if (RANK[level] < RANK[this.minimum] || this.isBroken) return;
    const line = this.line(level, msg, fields);
    if (this.queuedBytes + line.length > MAX_QUEUED_BYTES) {
      this.dropped += 1;
      return;
    }
    this.queued.push(line);
    this.queuedBytes += line.length;
    this.pump();
  }

  /** The last line before the process ends: written at once, unless the reader has been stuck for a second. */
  last(level: LogLevel, msg: string, fields: Readonly<Record<string, unknown>> = {}): void {
    if (this.isBroken || (this.writingSince !== null && performance.now() - this.writingSince > STUCK_MS)) return;
    const text = [...this.queued, this.line(level, msg, fields)].join('');
    this.queued = [];
    try {
      fs.writeSync(this.fd, text);
    } catch {
      // Nobody is left to tell.
    }
  }

  private line(level: LogLevel, msg: string, fields: Readonly<Record<string, unknown>>): string {
    return `${JSON.stringify({ time: new Date().toISOString(), level, msg, ...this.base, ...fields })}\n`;
  }

  private pump(): void {
    if (this.writingSince !== null || this.queued.length === 0) return;
    if (this.dropped > 0) this.queued.push(this.line('warn', 'log lines dropped: their reader is too slow', { dropped: this.dropped }));
    this.dropped = 0;
    const bytes = Buffer.from(this.queued.join(''));
    this.queued = [];
    this.queuedBytes = 0;
    this.writingSince = performance.now();
    this.writeAll(bytes);
  }

  private writeAll(bytes: Buffer): void {
    fs.write(this.fd, bytes, (error, written) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.writeAll(bytes), 10).unref();
        return;
      }
      if (error === null && written < bytes.length) {
        this.writeAll(bytes.subarray(written));
        return;
      }
      this.isBroken = error !== null;
      this.writingSince = null;
      this.pump();
    });
  }
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3, fatal: 4 };
