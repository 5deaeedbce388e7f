import { LmdbKvStore } from '../../src/engine/adapters/lmdb-kv-store.ts';
import { StorageFailedError } from '../../src/engine/ports/damage.ts';
import { LogStorage } from '../../src/engine/storage/log-storage.ts';
import { entry, write } from '../engine/storage/storage-fixtures.ts';

/** Text of entry `index` when it was written as part of `round`; a truncation brings a later round. */
export function roundPayload(index: number, round: number): string {
  return `${round}:${index}:${'x'.repeat((index * 37) % 900)}`;
}

/** Commits and prints `<last index> <round>` after each commit that returned. Every seventh takes back the entry before it. */
async function commitMany(storage: LogStorage, last: number, round: number, commits: number): Promise<void> {
  for (let n = 0; n < commits; n++) {
    const truncateFrom = n % 7 === 6 ? last : null;
    if (truncateFrom !== null) last--;
    const count = 1 + (n % 5);
    const entries = Array.from({ length: count }, (_, k) => entry(last + 1 + k, round, roundPayload(last + 1 + k, round)));
    await storage.commit(write({ truncateFrom, entries, hardState: { term: round, vote: 'n1', commit: 1 } }));
    last += count;
    process.stdout.write(`${last} ${round}\n`);
  }
}

/** Commits until it fails, then says what every later call does. */
async function fill(storage: LogStorage, last: number): Promise<void> {
  const told: string[] = [];
  const tell = async (what: string, run: () => Promise<unknown>): Promise<boolean> => {
    try {
      await run();
      return true;
    } catch (error) {
      told.push(`${what}: ${error instanceof StorageFailedError ? `failed ${error.reason}` : String(error)}`);
      return false;
    }
  };
  while (await tell('commit', () => storage.commit(write({ entries: [entry(last + 1, 1, new Uint8Array(50_000).fill(last))] })))) last++;
  await tell('again', () => storage.commit(write({ entries: [entry(last + 1, 1, '')] })));
  await tell('read', () => Promise.resolve().then(() => storage.entries(1, 2, 100)));
  await storage.close();
  process.stdout.write(`${JSON.stringify({ last, told })}\n`);
}

/** Makes new sub-databases, and says how long the event loop stood still meanwhile, at worst, and how long the commits took, at best. */
async function makeTables(directory: string): Promise<void> {
  const kv = await LmdbKvStore.open(directory);
  const key = Uint8Array.of(1);
  let [last, stallMs, commitMs] = [performance.now(), 0, Infinity];
  const look = (): void => {
    const now = performance.now();
    [stallMs, last] = [Math.max(stallMs, now - last), now];
  };
  const timer = setInterval(look, 5);
  for (let n = 0; n < 3; n++) {
    const startedMs = performance.now();
    await kv.transact([{ kind: 'put', database: `new-${n}`, key, value: key }]);
    commitMs = Math.min(commitMs, performance.now() - startedMs);
    look();
  }
  clearInterval(timer);
  await kv.close();
  process.stdout.write(`${JSON.stringify({ stallMs, commitMs })}\n`);
}

async function main([mode = '', directory = '']: string[]): Promise<void> {
  if (mode === 'tables') return await makeTables(directory);
  const storage = new LogStorage(await LmdbKvStore.open(directory));
  const { log, hardState } = await storage.open();
  const last = log.base.index + log.sizes.length;
  if (mode === 'fill') await fill(storage, last);
  else if (mode === 'commit') await commitMany(storage, last, hardState.term + 1, Infinity);
  else if (mode === 'three') await commitMany(storage, last, hardState.term + 1, 3);
}

if (process.argv[1]?.endsWith('storage-child.ts') === true) await main(process.argv.slice(2));
