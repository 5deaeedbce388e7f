import type { Entry } from '../core/entry.ts';
import type { LogIndex } from '../core/types.ts';
import type { Clock } from '../ports/clock.ts';
import type { StateMachine } from '../ports/state-machine.ts';

/** What one turn of the event loop may apply, so that heartbeats are never late because of it. */
const TURN_ENTRIES = 256;
const TURN_BYTES = 1024 * 1024;

export interface ApplyHooks {
  /** Up to where entries may be applied now: committed, and durable on the own disk. */
  limit(): LogIndex;
  read(from: LogIndex, until: LogIndex, maxBytes: number): Entry[];
  /** In order; `result` is null for an entry that is no command. */
  applied(entry: Entry, result: Uint8Array | null): void;
  /** After each batch, and after a restore. */
  advanced(index: LogIndex): void;
  failed(error: unknown): void;
}

/**
 * Gives committed entries to the state machine, beside replication. One thing at a time: a batch of entries, or a restore, which
 * goes before any further entry.
 */
export class ApplyLoop {
  private isRunning = false;
  private hasEnded = false;
  private readonly restores: (() => Promise<LogIndex>)[] = [];
  private idle: (() => void)[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly machine: StateMachine,
    private appliedIndex: LogIndex,
    private readonly hooks: ApplyHooks,
  ) {}

  get index(): LogIndex {
    return this.appliedIndex;
  }

  /** A restore waits or runs: the machine must not be asked for a view. */
  get isRestoring(): boolean {
    return this.restores.length > 0;
  }

  /** There may be something to apply. */
  kick(): void {
    if (this.isRunning || this.hasEnded || !this.hasWork()) return;
    this.isRunning = true;
    void this.turn();
  }

  /** Replaces the state before anything more is applied. `run` gives the index the machine then stands at. */
  restore(run: () => Promise<LogIndex>): void {
    this.restores.push(run);
    this.kick();
  }

  /** Starts nothing more; settles when what runs is done. */
  async end(): Promise<void> {
    this.hasEnded = true;
    if (this.isRunning) await new Promise<void>((resolve) => void this.idle.push(resolve));
  }

  private hasWork(): boolean {
    return this.isRestoring || this.hooks.limit() > this.appliedIndex;
  }

  private async turn(): Promise<void> {
    try {
      const restore = this.restores[0];
      if (restore !== undefined && !this.hasEnded) await this.restoreOne(restore);
      else if (!this.hasEnded) await this.applySome();
    } catch (error) {
      if (!this.hasEnded) this.hooks.failed(error);
      this.hasEnded = true;
    }
    if (!this.hasEnded && this.hasWork()) return this.clock.soon(() => void this.turn());
    this.isRunning = false;
    for (const resolve of this.idle.splice(0)) resolve();
  }

  private async restoreOne(run: () => Promise<LogIndex>): Promise<void> {
    const index = await run();
    this.restores.shift();
    if (this.hasEnded) return;
    this.appliedIndex = index;
    this.hooks.advanced(index);
  }

  private async applySome(): Promise<void> {
    const from = this.appliedIndex + 1;
    const until = Math.min(this.hooks.limit(), this.appliedIndex + TURN_ENTRIES) + 1;
    const entries = this.hooks.read(from, until, TURN_BYTES);
    const last = entries.at(-1);
    if (last === undefined) throw new RangeError(`committed entries from ${from} on are not in the log`);
    const commands = entries.filter((entry) => entry.kind === 'command');
    const results = await this.machine.apply(commands, last.index);
    if (this.hasEnded) return;
    this.appliedIndex = last.index;
    let next = 0;
    for (const entry of entries) this.hooks.applied(entry, entry.kind === 'command' ? (results[next++] ?? new Uint8Array(0)) : null);
    this.hooks.advanced(last.index);
  }
}
