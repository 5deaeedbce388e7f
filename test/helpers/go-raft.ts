import { execFileSync, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ROOT } from './run-cli.ts';

const SOURCE = path.join(ROOT, 'fixtures/go-raft/main.go');
const GOPATH = '/usr/share/gocode';
const PACKAGES = 'golang-go golang-github-hashicorp-raft-dev golang-github-hashicorp-raft-boltdb-dev';

/** What the real library made of a directory (fixtures/go-raft/main.go). */
export interface GoRaftResult {
  leader: boolean;
  state: string;
  term: number;
  lastIndex: number;
  applied: number;
  appliedSha256: string;
  restored: { bytes: number; sha256: string } | null;
  configuration: { id: string; address: string; suffrage: string }[];
  /** Index of the one entry written after the start. */
  accepted: number;
  error?: string;
}

/** Why the library cannot be started here; null when it can. */
export function goRaftMissing(): string | null {
  if (spawnSync('go', ['version']).status !== 0) return `Go is not installed (Debian: apt-get install ${PACKAGES})`;
  const missing = ['raft', 'raft-boltdb'].find((name) => !fs.existsSync(path.join(GOPATH, 'src/github.com/hashicorp', name)));
  return missing === undefined ? null : `the Go package hashicorp/${missing} is not installed (Debian: apt-get install ${PACKAGES})`;
}

/** Builds the program once for its source, outside the tree, and returns its path. */
export function buildGoRaft(): string {
  const digest = crypto.createHash('sha256').update(fs.readFileSync(SOURCE)).digest('hex').slice(0, 12);
  const directory = path.join(os.tmpdir(), 'raft-inspector-go-raft');
  const program = path.join(directory, `go-raft-${digest}`);
  if (fs.existsSync(program)) return program;
  fs.mkdirSync(directory, { recursive: true });
  const aside = `${program}.${process.pid}`;
  execFileSync('go', ['build', '-o', aside, SOURCE], { env: { ...process.env, GO111MODULE: 'off', GOPATH, GOCACHE: path.join(directory, 'cache') }, stdio: ['ignore', 'ignore', 'inherit'] });
  fs.renameSync(aside, program);
  return program;
}

/** Starts the library on `directory` as server `id`; it listens on loopback and ends by itself. */
export function startGoRaft(directory: string, id: string, timeoutSeconds = 10): GoRaftResult {
  return runGoRaft(['-dir', directory, '-id', id, '-timeout', `${timeoutSeconds}s`]);
}

/** What boltdb's own check says of the `.db` files in `directory`, or how it came to grief over them; null when they are sound. */
export function boltCheck(directory: string): string | null {
  try {
    return runGoRaft(['-dir', directory, '-check-only']).error ?? null;
  } catch (error) {
    // It walks in a goroutine of its own, where nobody can catch its panic: over a page of the wrong kind the whole program ends.
    return (error as Error).message;
  }
}

function runGoRaft(args: string[]): GoRaftResult {
  const { stdout, stderr, status } = spawnSync(buildGoRaft(), args, { encoding: 'utf8', timeout: 60_000, killSignal: 'SIGKILL' });
  const line = stdout.trim().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) throw new Error(`it ended with ${status} and told nothing: ${stderr.slice(-2000)}`);
  return JSON.parse(line) as GoRaftResult;
}
