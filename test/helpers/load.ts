import assert from 'node:assert/strict';
import { KvClient } from '../../src/engine/client/kv-client.ts';
import { RaftClient } from '../../src/engine/client/raft-client.ts';
import type { LabConnection } from '../../src/engine/lab/lab-file.ts';
import { CallError } from '../../src/engine/ports/node-api.ts';

const utf8 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

export interface LoadOptions {
  /** Writers, one write in flight each. */
  readonly writers?: number;
  readonly timeoutMs?: number;
  /** Pause of a writer between writes, in milliseconds. */
  readonly restMs?: number;
  readonly prefix?: string;
}

/**
 * Writers that append a mark to a new key each time: an acknowledged append that took effect twice shows as two marks, one that was lost
 * as none. What was told `unknown` may be there or not, once at most; what was told `failed` must not be there.
 */
export class Load {
  readonly acked = new Map<string, number>();
  readonly unknown = new Set<string>();
  readonly failed = new Set<string>();
  /** When each acknowledgement came, by `performance.now()`. */
  readonly ackTimes: number[] = [];
  private readonly client: RaftClient;
  private readonly kv: KvClient;
  private isOver = false;
  private writers: Promise<void>[] = [];

  constructor(
    connection: LabConnection,
    private readonly options: LoadOptions = {},
  ) {
    this.client = new RaftClient({ endpoints: connection.endpoints, tls: connection.tls, clusterId: connection.clusterId, name: 'load', attemptMs: 200 });
    this.kv = new KvClient(this.client);
  }

  start(): this {
    this.writers = Array.from({ length: this.options.writers ?? 4 }, (_, at) => this.write(at));
    return this;
  }

  /** Lets the writes in flight end. */
  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.writers);
  }

  close(): void {
    this.isOver = true;
    this.client.close();
  }

  /** One more write, outside of the writers; it must be acknowledged. */
  async one(key: string, timeoutMs = 10_000): Promise<number> {
    const { revision } = await this.kv.append(Buffer.from(key), Buffer.from('x'), { timeoutMs });
    this.acked.set(key, revision);
    return revision;
  }

  /** Compares what the cluster holds with what it acknowledged. */
  async verify(timeoutMs = 20_000): Promise<void> {
    const found = new Map<string, { value: string; revision: number }>();
    for await (const pair of this.kv.range(Buffer.from(this.prefix), { level: { kind: 'linearizable' }, timeoutMs, pageItems: 1000 })) {
      found.set(utf8(pair.key), { value: utf8(pair.value), revision: pair.revision });
    }
    const wrong: string[] = [];
    for (const [key, revision] of this.acked) {
      const there = found.get(key);
      if (there === undefined) wrong.push(`${key}: acknowledged at ${revision} and lost`);
      else if (there.value !== 'x') wrong.push(`${key}: took effect ${there.value.length} times`);
      else if (there.revision !== revision) wrong.push(`${key}: acknowledged at ${revision}, found at ${there.revision}`);
    }
    for (const key of this.unknown) if ((found.get(key)?.value ?? 'x') !== 'x') wrong.push(`${key}: of unknown outcome, took effect ${found.get(key)?.value.length} times`);
    for (const key of this.failed) if (found.has(key)) wrong.push(`${key}: told as failed, and is there`);
    for (const key of found.keys()) if (!this.acked.has(key) && !this.unknown.has(key)) wrong.push(`${key}: nobody wrote it`);
    assert.deepEqual(wrong.slice(0, 10), [], `${wrong.length} of ${this.acked.size} acknowledged writes are wrong`);
  }

  private get prefix(): string {
    return this.options.prefix ?? 'load/';
  }

  private async write(writer: number): Promise<void> {
    for (let at = 0; !this.isOver; at += 1) {
      const key = `${this.prefix}${writer}/${at}`;
      try {
        const { revision } = await this.kv.append(Buffer.from(key), Buffer.from('x'), { timeoutMs: this.options.timeoutMs ?? 5000 });
        this.acked.set(key, revision);
        this.ackTimes.push(performance.now());
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        (error.outcome === 'unknown' ? this.unknown : this.failed).add(key);
      }
      if ((this.options.restMs ?? 0) > 0) await new Promise((resolve) => setTimeout(resolve, this.options.restMs));
    }
  }
}
