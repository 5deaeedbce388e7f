import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { LmdbKvStore } from '../../src/engine/adapters/lmdb-kv-store.ts';
import { initialise } from '../../src/engine/storage/initialise.ts';
import { LogStorage } from '../../src/engine/storage/log-storage.ts';
import { CONFIGURATION, entries, IDENTITY, write } from '../engine/storage/storage-fixtures.ts';

/**
 * Durable commits per second of the log storage over LMDB, against an append and fdatasync of the same payload bytes. Both are
 * measured in turns, commit by commit, so that a slow moment of the disk meets both; medians are compared.
 * Run: node --import tsx test/bench/storage.ts [directory] [seconds per size]
 */
const SIZES = [1, 16, 256];
const ENTRY_BYTES = 256;

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint();
  await run();
  return Number(process.hrtime.bigint() - start) / 1e3;
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}

async function measure(storage: LogStorage, raw: fs.FileHandle, first: number, count: number, ms: number): Promise<{ next: number; own: number[]; plain: number[] }> {
  const [own, plain]: [number[], number[]] = [[], []];
  const bytes = Buffer.alloc(count * ENTRY_BYTES, 7);
  let next = first;
  for (const end = Date.now() + ms; Date.now() < end; next += count) {
    const list = entries(next, next + count, 1, ENTRY_BYTES);
    own.push(await timed(() => storage.commit(write({ entries: list, hardState: { term: 1, vote: 'n1', commit: next - 1 } }))));
    plain.push(
      await timed(async () => {
        await raw.write(bytes);
        await raw.datasync();
      }),
    );
  }
  return { next, own, plain };
}

async function main([parent = os.tmpdir(), seconds = '3']: string[]): Promise<void> {
  const directory = await fs.mkdtemp(path.join(parent, 'raft-inspector-bench-'));
  try {
    const kv = await LmdbKvStore.open(path.join(directory, 'raft'));
    await initialise(kv, IDENTITY, CONFIGURATION);
    const storage = new LogStorage(kv);
    await storage.open();
    const raw = await fs.open(path.join(directory, 'raw'), 'a');
    console.log('entries  commits/s  median us  p99 us   raw median us  raw p99 us   ratio of medians');
    let next = 2;
    for (const count of SIZES) {
      await measure(storage, raw, next, count, 300).then((warm) => (next = warm.next));
      const result = await measure(storage, raw, next, count, Number(seconds) * 1000);
      next = result.next;
      const [own, plain] = [quantile(result.own, 0.5), quantile(result.plain, 0.5)];
      const cells = [count, (1e6 / own).toFixed(0), own.toFixed(0), quantile(result.own, 0.99).toFixed(0), plain.toFixed(0), quantile(result.plain, 0.99).toFixed(0), (own / plain).toFixed(2)];
      console.log(cells.map((cell) => String(cell).padStart(9)).join('  '));
    }
    const last = next - 1;
    const opening = await timed(async () => {
      const again = new LogStorage(kv);
      await again.open();
    });
    console.log(`open of ${last} entries: ${(opening / 1000).toFixed(0)} ms, ${((last / opening) * 1e6).toFixed(0)} entries/s verified`);
    await raw.close();
    await storage.close();
  } finally {
    await fs.rm(directory, { recursive: true });
  }
}

await main(process.argv.slice(2));
