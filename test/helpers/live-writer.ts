import type { InspectorError } from '../../src/engine/errors.ts';
import type { LiveCluster } from '../../src/engine/live/cluster.ts';
import { openLiveCluster } from '../../src/engine/live/registry.ts';
import type { LabConnection } from '../../src/engine/lab/lab-file.ts';
import { pause } from './pause.ts';

const CALL_MS = 3000;

/**
 * Writes keys that are each written once, from several tasks at a time, and remembers what it was told: `acked` took effect, `failed`
 * provably did not, `unknown` may have. An unknown write is never repeated, so every key may be in the log at most once.
 */
export class LiveWriter {
  readonly acked = new Map<string, { revision: number; value: string }>();
  readonly failed: string[] = [];
  readonly unknown: string[] = [];
  private readonly tasks: Promise<void>[] = [];
  private isStopped = false;
  private number = 0;

  private constructor(
    private readonly cluster: LiveCluster,
    private readonly prefix: string,
  ) {}

  static async start(lab: LabConnection, options: { prefix: string; tasks: number; everyMs: number }): Promise<LiveWriter> {
    const writer = new LiveWriter(await openLiveCluster('native', { endpoints: lab.endpoints, clusterId: lab.clusterId, tls: lab.tls }), options.prefix);
    for (let task = 0; task < options.tasks; task += 1) writer.tasks.push(writer.work(options.everyMs));
    return writer;
  }

  /** Longest time from now on until the next write is acknowledged, in milliseconds. */
  async nextAck(deadlineMs = 10_000): Promise<number> {
    const [before, startedAt] = [this.acked.size, performance.now()];
    while (this.acked.size === before) {
      if (performance.now() - startedAt > deadlineMs) throw new Error(`no write was acknowledged within ${deadlineMs} ms`);
      await pause(2);
    }
    return performance.now() - startedAt;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.tasks);
    await this.cluster.close();
  }

  private async work(everyMs: number): Promise<void> {
    const kv = this.cluster.kv();
    while (!this.isStopped) {
      this.number += 1;
      const key = `${this.prefix}${String(this.number).padStart(6, '0')}`;
      const value = `value of ${key}`;
      try {
        const { revision } = await kv.put(Buffer.from(key), Buffer.from(value), { timeoutMs: CALL_MS });
        this.acked.set(key, { revision, value });
      } catch (error) {
        // By its code: the test loader may hold the class of errors twice.
        const { code } = error as InspectorError;
        if (code !== 'OUTCOME_UNKNOWN' && code !== 'UNREACHABLE') throw error;
        (code === 'OUTCOME_UNKNOWN' ? this.unknown : this.failed).push(key);
      }
      await pause(everyMs);
    }
  }
}
