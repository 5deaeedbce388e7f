import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../..');
export const BIN = path.join(ROOT, 'bin/run.js');
/** The built tool as a program with its first words: for what starts it itself. */
export const BUILT_PROGRAM: readonly [string, ...string[]] = [process.execPath, BIN];

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the built tool the way a shell does, without a terminal. Colour variables of the caller do not leak in. */
export function runCli(argv: readonly string[], options: { env?: Record<string, string>; cwd?: string; input?: string } = {}): Ran {
  return runNode([BIN, ...argv], options);
}

export function runNode(argv: readonly string[], options: { env?: Record<string, string>; cwd?: string; input?: string } = {}): Ran {
  const { NO_COLOR: _no, FORCE_COLOR: _force, ...env } = process.env;
  const ran = spawnSync(process.execPath, argv, {
    encoding: 'utf8',
    cwd: options.cwd ?? ROOT,
    env: { ...env, ...options.env },
    input: options.input ?? '',
    timeout: 60_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  return { code: ran.status, stdout: ran.stdout, stderr: ran.stderr };
}

/** Builds when a source is newer than the last build, so that tests never look at yesterday's tool. */
export function ensureBuilt(): void {
  const manifest = fs.statSync(path.join(ROOT, 'oclif.manifest.json'), { throwIfNoEntry: false });
  const bundle = fs.statSync(path.join(ROOT, 'dist/cli/main.js'), { throwIfNoEntry: false });
  if (manifest && bundle && newest(path.join(ROOT, 'src')) < manifest.mtimeMs) return;
  const flag = process.env['RAFT_INSPECTOR_BUILD_FLAG'];
  const built = runNode([path.join(ROOT, 'scripts/build.mjs'), ...(flag === undefined ? [] : [flag])]);
  if (built.code !== 0) throw new Error(`the build failed:\n${built.stderr}`);
}

function newest(directory: string): number {
  let latest = 0;
  for (const entry of fs.readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) latest = Math.max(latest, fs.statSync(path.join(entry.parentPath, entry.name)).mtimeMs);
  }
  return latest;
}
