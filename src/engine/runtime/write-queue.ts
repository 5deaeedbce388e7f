import type { StorageWrite } from '../ports/storage.ts';
import { mergeWrites } from './merge-writes.ts';

interface Waiting {
  write: StorageWrite;
  /** Newest write number of the core in it; null: it holds none. */
  number: number | null;
  /** What waits for it to be durable, in order. */
  readonly after: (() => void)[];
}

/**
 * Storage commits, one at a time and in order. While one runs, later writes merge into the next (double buffering), so that a slow
 * disk makes larger commits and not a longer queue. Nothing runs after a failure.
 */
export class WriteQueue {
  private running: Waiting | null = null;
  private waiting: Waiting[] = [];
  private hasFailed = false;
  private drained: (() => void)[] = [];

  constructor(
    private readonly commit: (write: StorageWrite) => Promise<void>,
    private readonly onWritten: (number: number) => void,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  get isIdle(): boolean {
    return this.running === null && this.waiting.length === 0;
  }

  /** Commits under way or waiting: bounded, since what merges does not add one. */
  get length(): number {
    return this.waiting.length + (this.running === null ? 0 : 1);
  }

  add(write: StorageWrite, number: number | null): void {
    const newest = this.waiting.at(-1);
    const merged = newest === undefined ? null : mergeWrites(newest.write, write);
    if (newest !== undefined && merged !== null) {
      newest.write = merged;
      newest.number = number ?? newest.number;
    } else this.waiting.push({ write, number, after: [] });
    this.start();
  }

  /** Runs when everything added so far is durable; at once when it is. Never after a failure. */
  whenDurable(run: () => void): void {
    const newest = this.waiting.at(-1) ?? this.running;
    if (this.hasFailed) return;
    if (newest === null) run();
    else newest.after.push(run);
  }

  /** Settles when no commit runs any more. */
  async drain(): Promise<void> {
    if (this.isIdle || this.hasFailed) return;
    await new Promise<void>((resolve) => void this.drained.push(resolve));
  }

  private start(): void {
    if (this.running !== null || this.hasFailed) return;
    const next = this.waiting.shift();
    if (next === undefined) {
      for (const resolve of this.drained.splice(0)) resolve();
      return;
    }
    this.running = next;
    this.commit(next.write).then(
      () => this.finish(next),
      (error: unknown) => this.fail(error),
    );
  }

  private finish(done: Waiting): void {
    this.running = null;
    // The disk goes on before anybody is told, but what is told is only what is done.
    this.start();
    for (const run of done.after) run();
    if (done.number !== null) this.onWritten(done.number);
  }

  private fail(error: unknown): void {
    this.hasFailed = true;
    this.running = null;
    this.waiting = [];
    for (const resolve of this.drained.splice(0)) resolve();
    this.onFailure(error);
  }
}
