import { InspectorError } from '../errors.ts';
import { CallError } from '../ports/node-api.ts';
import type { DrillLoad } from './drill-file.ts';
import type { Ending, HistoryFile, InvokeLine } from './history-file.ts';
import { pickOne } from './random.ts';

/** Every key of a drill begins so; nothing else in the cluster is touched. */
export const DRILL_PREFIX = 'drill/';
/** A key takes this many marks, then another set of keys is used: values stay small. */
const MARKS_PER_KEY = 50;
/** Operations of one run: more cannot be judged in memory. */
const MAX_OPERATIONS = 1_000_000;

/** How clients speak to a cluster. Both reject as the clients of live commands do: what may have happened is told from what did not. */
export interface KvPort {
  /** Adds a mark of so many bytes at the end of a key's list; gives the entry or revision that did it. */
  append(key: string, mark: string, bytes: number, timeoutMs: number): Promise<number>;
  /** The marks of a key in their order, read linearizably; null: there is no such key. */
  read(key: string, timeoutMs: number): Promise<{ readonly marks: readonly string[] | null; readonly index: number }>;
  close(): void;
}

/** One write, from the client's side. Times in milliseconds of the drill's clock. */
export interface Write {
  readonly key: string;
  /** Unique in the run: found once is done once. */
  readonly mark: string;
  readonly invokedAt: number;
  endedAt: number;
  /** `open`: still in flight. */
  outcome: 'open' | 'ok' | 'fail' | 'info';
  /** Index of the entry that did it; 0 when nobody said. */
  revision: number;
}

/**
 * Clients that append a mark of their own to shared keys, at a steady rate, and read some of them back. An append that is lost or done twice
 * shows in the value for ever. What ends as unknown is never asked again, so that it may count once at most.
 */
export class Traffic {
  readonly writes: Write[] = [];
  /** When operations of any kind ended, and how: for rates. */
  readonly endings: { readonly atMs: number; readonly ok: boolean; readonly isWrite: boolean }[] = [];
  /** Reads that lacked a write acknowledged before they began. */
  readonly staleReads: string[] = [];
  reads = 0;
  /** Set when the run grew too large to be judged. */
  overflow = false;
  /** What ended the clients for a reason of their own, as a full disk under their history; null: nothing. */
  failure: Error | null = null;
  private port: KvPort | null = null;
  private workers: Promise<void>[] = [];
  private isOpen = false;
  private lastProcess = 0;
  private sequence = 0;
  private readonly acknowledged = new Map<string, { readonly mark: string; readonly endedAt: number }[]>();

  constructor(
    private readonly load: DrillLoad,
    private readonly history: HistoryFile,
    private readonly nowMs: () => number,
    private readonly random: () => number,
  ) {}

  get isRunning(): boolean {
    return this.isOpen;
  }

  /** Lets clients in. */
  open(port: KvPort): void {
    this.port?.close();
    this.port = port;
    this.isOpen = true;
    this.workers = Array.from({ length: this.load.clients }, (_, at) =>
      this.work(at).catch((error: unknown) => {
        this.failure ??= error instanceof Error ? error : new Error(String(error));
        this.isOpen = false;
      }),
    );
  }

  /** Keeps clients out: no operation begins any more, and those in flight end. */
  async stop(): Promise<void> {
    this.isOpen = false;
    await Promise.all(this.workers);
  }

  close(): void {
    this.isOpen = false;
    this.port?.close();
  }

  /** Writes (`key mark`) that were lost with their disks: no read is stale for lacking them. */
  disregard(lost: ReadonlySet<string>): void {
    for (const [key, writes] of this.acknowledged) this.acknowledged.set(key, writes.filter((one) => !lost.has(`${key} ${one.mark}`)));
  }

  /** Operations that ended well, a second, over the last `windowMs`. */
  rate(windowMs: number): number {
    const since = this.nowMs() - windowMs;
    let count = 0;
    for (let at = this.endings.length - 1; at >= 0; at -= 1) {
      const one = this.endings[at];
      if (one === undefined || one.atMs < since) break;
      if (one.ok) count += 1;
    }
    return (count * 1000) / windowMs;
  }

  /** When the first write was acknowledged that ended after `atMs`; null: none so far. */
  firstAckAfter(atMs: number): number | null {
    for (const one of this.endings) if (one.isWrite && one.ok && one.atMs > atMs) return one.atMs;
    return null;
  }

  private async work(client: number): Promise<void> {
    const everyMs = (this.load.clients * 1000) / this.load.rate;
    let next = this.nowMs() + (everyMs * client) / this.load.clients;
    let process = this.nextProcess();
    while (this.isOpen) {
      const waitMs = next - this.nowMs();
      if (waitMs > 0.5) await new Promise((resolve) => setTimeout(resolve, waitMs));
      if (!this.isOpen) return;
      // Who was held up does not catch up: a burst after an outage would measure itself.
      next = Math.max(next + everyMs, this.nowMs());
      const isRead = this.random() * 100 < this.load.readPercent && this.acknowledged.size > 0;
      const isKnown = isRead ? await this.read(process) : await this.write(process);
      if (!isKnown) process = this.nextProcess(); // a process that was left in doubt says nothing any more
      if (this.writes.length + this.reads >= MAX_OPERATIONS) [this.isOpen, this.overflow] = [false, true];
    }
  }

  private async write(process: number): Promise<boolean> {
    const number = (this.sequence += 1);
    const key = `${DRILL_PREFIX}${Math.floor(number / (this.load.keys * MARKS_PER_KEY))}/${number % this.load.keys}`;
    const mark = `${number}`;
    const id = `${process}:${number}`;
    const line: InvokeLine = { p: process, op: 'append', k: key, x: `${mark};`, id };
    const write: Write = { key, mark, invokedAt: this.nowMs(), endedAt: 0, outcome: 'open', revision: 0 };
    this.writes.push(write);
    this.history.invoke(line);
    const ending = await this.ask(async (kv) => {
      const revision = await kv.append(key, mark, this.load.valueBytes, this.load.timeoutMs);
      write.revision = revision;
      return { t: 'ok', r: null, index: revision };
    });
    this.history.end(line, ending);
    Object.assign(write, { outcome: ending.t, endedAt: this.nowMs() });
    this.endings.push({ atMs: write.endedAt, ok: ending.t === 'ok', isWrite: true });
    if (ending.t === 'ok') this.acknowledged.set(key, [...(this.acknowledged.get(key) ?? []), { mark, endedAt: write.endedAt }]);
    return ending.t !== 'info';
  }

  private async read(process: number): Promise<boolean> {
    const key = pickOne([...this.recentKeys()], this.random);
    const invokedAt = this.nowMs();
    const line: InvokeLine = { p: process, op: 'get', k: key, id: `${process}:r${(this.reads += 1)}` };
    this.history.invoke(line);
    const ending = await this.ask(async (kv) => {
      const { marks, index } = await kv.read(key, this.load.timeoutMs);
      const there = new Set(marks);
      const lacks = (this.acknowledged.get(key) ?? []).filter((one) => one.endedAt < invokedAt && !there.has(one.mark));
      if (lacks.length > 0) this.staleReads.push(`${key} at ${index} lacks ${lacks.map((one) => one.mark).join(', ')}`);
      return { t: 'ok', r: marks === null ? null : marks.map((mark) => `${mark};`).join(''), index };
    });
    this.history.end(line, ending);
    this.endings.push({ atMs: this.nowMs(), ok: ending.t === 'ok', isWrite: false });
    return ending.t !== 'info';
  }

  private async ask(call: (kv: KvPort) => Promise<Ending>): Promise<Ending> {
    try {
      if (this.port === null) throw new CallError('failed', 'unreachable', 'no cluster');
      return await call(this.port);
    } catch (error) {
      if (error instanceof CallError) return { t: error.outcome === 'unknown' ? 'info' : 'fail', err: error.rule };
      if (error instanceof InspectorError) return { t: error.code === 'OUTCOME_UNKNOWN' ? 'info' : 'fail', err: error.code.toLowerCase() };
      throw error;
    }
  }

  /** Keys written lately: reads of them are the ones that could be stale. */
  private recentKeys(): string[] {
    const recent = this.writes.slice(-64).filter((one) => one.outcome === 'ok').map((one) => one.key);
    return recent.length > 0 ? recent : [...this.acknowledged.keys()].slice(0, 1);
  }

  private nextProcess(): number {
    this.lastProcess += 1;
    return this.lastProcess;
  }
}

/** `12......;`: a mark of exactly that many bytes, so that values can be told apart again. */
export function padded(mark: string, bytes: number): string {
  return `${mark.padEnd(bytes - 1, '.')};`;
}

/** The marks in a value, in the order they were appended. */
export function marksOf(value: Uint8Array): string[] {
  return Buffer.from(value)
    .toString('latin1')
    .split(';')
    .filter((part) => part !== '')
    .map((part) => part.replace(/\.+$/, ''));
}
