import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import tty from 'node:tty';
import { Worker } from 'node:worker_threads';
import { parseDuration } from './measure.ts';
import { leadingFlags, leadingWords } from './resolve.ts';

/** Commands that only read members; anything that asks questions or changes a member keeps the main thread and its terminal. */
const LOOKS: Readonly<Record<string, readonly string[]>> = {
  inspect: ['member', 'log', 'membership', 'timeline', 'fsck', 'evidence'],
  recover: ['collect', 'pick', 'compare'],
  snapshot: ['list', 'inspect', 'verify', 'diff'],
};

const TERMINATE_MS = 2000;

/** What the thread needs to run one command line; `stage[0]` becomes 1 once it has written to stdout. */
export interface ThreadData {
  words: string[];
  root: string;
  stage: Int32Array;
}

/**
 * Runs one command line. Readers are synchronous, so a command that looks runs in a thread of its own: the main thread stays
 * free to answer Ctrl-C (exit 5) and to keep `--timeout` (exit 6) at once, however large or hostile the file is.
 */
export async function run(words: string[], root: URL): Promise<void> {
  if (looksOnly(words)) return supervise(words, root);
  const { main } = await import('./main.ts');
  return main(words, root);
}

/** Whether these words name a command that only reads members. */
export function looksOnly(words: readonly string[]): boolean {
  if (words.some((word) => word === '--help' || word === '-h')) return false;
  const [first = '', second = ''] = leadingWords(words.slice(leadingFlags(words).length));
  const verbs = LOOKS[first];
  return verbs === undefined ? /[/.]/.test(first) : verbs.includes(second);
}

function supervise(words: string[], root: URL): Promise<void> {
  const stage = new Int32Array(new SharedArrayBuffer(4));
  const data: ThreadData = { words, root: root.href, stage };
  const scratch = scratchRoot();
  const env: NodeJS.ProcessEnv = { ...process.env, ...(scratch === undefined ? {} : { TMPDIR: scratch }) };
  // A thread cannot ask the terminal for its size.
  if (env['COLUMNS'] === undefined && tty.isatty(1)) env['COLUMNS'] = String(process.stdout.columns);
  // Opening it makes a pipe non-blocking: a thread stuck in a write to a reader that sleeps could never be stopped.
  void process.stdout;
  const worker = new Worker(new URL('./thread.js', import.meta.url), { workerData: data, env });
  return new Promise((resolve) => {
    let isStopping = false;
    const stop = async (reason: 'interrupt' | 'timeout' | 'crash', error?: Error): Promise<void> => {
      if (isStopping) return;
      isStopping = true;
      const { endEarly } = await import('./end-early.ts');
      // The thread has to be gone before its unpacked archives are removed; one that hangs in a system call is not waited for.
      await Promise.race([worker.terminate(), new Promise((late) => setTimeout(late, TERMINATE_MS))]);
      process.exit(await endEarly(reason, words, Atomics.load(stage, 0) === 1, error));
    };
    const timer = deadlineOf(words);
    const alarm = timer === undefined ? undefined : setTimeout(() => void stop('timeout'), timer);
    process.on('SIGINT', () => void stop('interrupt'));
    worker.once('error', (error) => void stop('crash', error));
    worker.once('exit', (code) => {
      if (isStopping) return;
      clearTimeout(alarm);
      process.removeAllListeners('SIGINT');
      process.exitCode = code;
      resolve();
    });
  });
}

/**
 * A private directory for what the thread unpacks. Signals never reach a thread, so this one removes it, however the run ends.
 * Undefined where nothing can be created: most commands need none.
 */
function scratchRoot(): string | undefined {
  let directory: string;
  try {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-run-'));
  } catch {
    return undefined;
  }
  const remove = (): void => fs.rmSync(directory, { recursive: true, force: true, maxRetries: 2 });
  process.once('exit', remove);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
    // Clean up, then die of the signal as if it had never been caught.
    process.once(signal, () => {
      remove();
      process.kill(process.pid, signal);
    });
  }
  return directory;
}

/** `--timeout` in milliseconds; a wrong one is the command's to complain about. */
function deadlineOf(words: readonly string[]): number | undefined {
  const at = words.findIndex((word) => word === '--timeout' || word.startsWith('--timeout='));
  const text = at === -1 ? undefined : words[at]?.includes('=') ? words[at]?.slice('--timeout='.length) : words[at + 1];
  try {
    return text === undefined ? undefined : parseDuration(text);
  } catch {
    return undefined;
  }
}
