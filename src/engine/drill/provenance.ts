import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ToolPlace } from './world.ts';

const PIPELINES = ['GITHUB_RUN_ID', 'CI_PIPELINE_URL', 'CI_PIPELINE_ID', 'BUILD_URL', 'BUILDKITE_BUILD_URL'] as const;

/** Where a run comes from and what it ran on: facts, no claims. */
export function provenanceOf(tool: ToolPlace, seed: string, engine: string | null): { name: string; value: string }[] {
  const pipeline = PIPELINES.find((name) => process.env[name] !== undefined);
  const rows: [name: string, value: string | null][] = [
    ['tool', `raft-inspector ${tool.version}`],
    ['build', buildDigest(tool)],
    ['engine', `${engine ?? `native ${tool.version}`}, node ${process.version}`],
    ['host', `${os.hostname()}, ${os.type()} ${os.release()} ${os.arch()}`],
    ['machine', `${os.availableParallelism()} cores, ${os.cpus()[0]?.model ?? 'unknown processor'}, ${Math.round(os.totalmem() / 2 ** 30)} GiB`],
    ['load average', os.loadavg().map((one) => one.toFixed(2)).join(' ')],
    ['seed', seed],
    ['commit', commit()],
    ['pipeline', pipeline === undefined ? null : `${pipeline}=${process.env[pipeline]}`],
    ['initiator', userName()],
    ['clock skew', 'none: one clock for all members and clients'],
    ['redaction', 'values are marks of the drill itself'],
    ['how to check', 'sha256sum -c over the artefacts below'],
  ];
  return rows.flatMap(([name, value]) => (value === null ? [] : [{ name, value }]));
}

/** Of the script that was run; null where it cannot be read. */
function buildDigest(tool: ToolPlace): string | null {
  try {
    const main = path.join(path.dirname(tool.supervisor), 'main.js');
    return createHash('sha256').update(fs.readFileSync(main)).digest('hex').slice(0, 16);
  } catch {
    return null;
  }
}

function commit(): string | null {
  const named = process.env['GITHUB_SHA'] ?? process.env['CI_COMMIT_SHA'];
  if (named !== undefined) return named;
  try {
    return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 2000 }).trim();
  } catch {
    return null; // no repository here
  }
}

function userName(): string {
  try {
    return os.userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
