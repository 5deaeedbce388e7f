import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const SIGNALS = ['SIGTERM', 'SIGHUP'] as const;
const scratch = new Set<string>();
let isWatching = false;

/** A private directory (mode 0700) for unpacked archives, removed when the process ends, by a signal too. */
export function scratchDirectory(): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-'));
  fs.chmodSync(directory, 0o700);
  scratch.add(directory);
  watch();
  return directory;
}

export function removeScratch(directory: string): void {
  scratch.delete(directory);
  fs.rmSync(directory, { recursive: true, force: true, maxRetries: 2 });
}

function removeAll(): void {
  for (const directory of scratch) removeScratch(directory);
}

function watch(): void {
  if (isWatching) return;
  isWatching = true;
  process.on('exit', removeAll);
  for (const signal of SIGNALS) {
    // Clean up, then die of the signal as if it had never been caught.
    process.once(signal, () => {
      removeAll();
      process.kill(process.pid, signal);
    });
  }
}
