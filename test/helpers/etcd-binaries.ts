import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export type EtcdMinor = '3.3' | '3.4' | '3.5';

const CACHE = process.env['RAFT_INSPECTOR_ETCD_CACHE'] ?? path.join(os.tmpdir(), 'raft-inspector-etcd');
const SCRIPT = path.resolve(import.meta.dirname, '../../scripts/etcd-binaries.sh');

let fetched: { reason: string | null } | undefined;

/** Directory of the binaries of one minor, as `scripts/etcd-binaries.sh` unpacks them. */
export function etcdBinaries(minor: EtcdMinor): string {
  return path.join(CACHE, minor, 'usr/bin');
}

/**
 * Fetches Debian's etcd 3.3, 3.4 and 3.5 where they are not there yet. Returns why they cannot be had, for a test to skip with; null
 * when all are there. Continuous integration must have them: there it throws.
 */
export function etcdBinariesMissing(): string | null {
  fetched ??= fetch();
  if (fetched.reason !== null && process.env['CI'] !== undefined) throw new Error(`the etcd binaries are needed here: ${fetched.reason}`);
  return fetched.reason;
}

function fetch(): { reason: string | null } {
  if ((['3.3', '3.4', '3.5'] as const).every((minor) => fs.existsSync(path.join(etcdBinaries(minor), 'etcd')))) return { reason: null };
  try {
    execFileSync('sh', [SCRIPT], { stdio: ['ignore', 'ignore', 'pipe'], timeout: 180_000, env: { ...process.env, RAFT_INSPECTOR_ETCD_CACHE: CACHE } });
    return { reason: null };
  } catch (error) {
    const stderr = String((error as { stderr?: Buffer }).stderr ?? error).trim();
    return { reason: `Debian's etcd packages cannot be fetched: ${stderr.slice(-300)}` };
  }
}
