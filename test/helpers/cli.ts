import { spawnSync } from 'node:child_process';
import path from 'node:path';
import type { Finding } from '../../src/engine/model/finding.ts';

/** The command as installed: `bin/run.js` over the built `dist`. */
export const BIN = path.resolve(import.meta.dirname, '../../bin/run.js');

export interface CliOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Runs as this user and group; only root can ask for it. */
  uid?: number;
  timeoutMs?: number;
}

export interface CliResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** The envelope of every `--json` answer (command contract, JSON). */
export interface Envelope<T> {
  schema: string;
  command: string;
  version: string;
  startedAt: string;
  durationMs: number;
  exit: { code: number; name: string };
  data: T;
  error?: { code: string; message: string; hint: string };
  findings: Finding[];
  next: string[];
}

/** Runs the command line as a process of its own, without a terminal and without colours. */
export function runCli(args: string[], options: CliOptions = {}): CliResult {
  const done = spawnSync(process.execPath, [BIN, ...args], {
    encoding: 'utf8',
    timeout: options.timeoutMs ?? 120_000,
    maxBuffer: 256 << 20,
    input: '',
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  if (done.error !== undefined && done.status === null) throw new Error(`${args.join(' ')}: ${done.error.message}`, { cause: done.error });
  return { code: done.status, signal: done.signal, stdout: done.stdout, stderr: done.stderr };
}

/** Runs with `--json` and parses the one document on stdout. */
export function runJson<T>(args: string[], options: CliOptions = {}): CliResult & { envelope: Envelope<T> } {
  const result = runCli([...args, '--json'], options);
  try {
    return { ...result, envelope: JSON.parse(result.stdout) as Envelope<T> };
  } catch (cause) {
    throw new Error(`${args.join(' ')} --json gave no JSON (exit ${result.code}): ${result.stdout.slice(0, 400)}\n${result.stderr.slice(0, 800)}`, { cause });
  }
}
