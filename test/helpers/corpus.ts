import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';

/** The captured data directories, in the repository. */
export const CORPUS = path.resolve(import.meta.dirname, '../../fixtures/corpus');

/** All cases, as `system/case`. */
export function corpusCases(): string[] {
  return ['etcd', 'hashicorp-raft', 'consul'].flatMap((system) =>
    fs
      .readdirSync(path.join(CORPUS, system))
      .sort()
      .map((name) => `${system}/${name}`),
  );
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Truth = any;

export function truthOf(name: string): Truth {
  return JSON.parse(fs.readFileSync(path.join(CORPUS, name, 'truth.json'), 'utf8'));
}

/** Where unpacked cases live between runs: outside the tree, holes kept. `RAFT_INSPECTOR_CORPUS_CACHE` moves it. */
const CACHE = process.env['RAFT_INSPECTOR_CORPUS_CACHE'] ?? path.join(os.tmpdir(), 'raft-inspector-corpus');

/**
 * Unpacks a case once (system tar: the archives are sparse) and returns its directory: one folder per member, or the
 * snapshot files. Treat it as read-only: other tests share it; use `copyMember` to damage a copy.
 */
export function unpackCase(name: string): string {
  const source = path.join(CORPUS, name);
  const fingerprint = crypto.createHash('sha256').update(fs.readFileSync(path.join(source, 'truth.json'))).digest('hex').slice(0, 12);
  const target = path.join(CACHE, `${name.replace('/', '--')}-${fingerprint}`);
  if (fs.existsSync(target)) return target;
  fs.mkdirSync(CACHE, { recursive: true });
  const aside = fs.mkdtempSync(`${target}.tmp-`);
  for (const file of fs.readdirSync(source)) {
    const from = path.join(source, file);
    if (file.endsWith('.tar.gz')) execFileSync('tar', ['-xzf', from, '-C', aside]);
    else if (file.endsWith('.gz')) fs.writeFileSync(path.join(aside, file.slice(0, -3)), zlib.gunzipSync(fs.readFileSync(from)));
    else if (file.endsWith('.snap')) fs.copyFileSync(from, path.join(aside, file));
  }
  try {
    fs.renameSync(aside, target);
  } catch (error) {
    if (!fs.existsSync(target)) throw error; // another process was faster
    fs.rmSync(aside, { recursive: true, force: true });
  }
  return target;
}

/** The directory of one member of a case. */
export function unpackMember(name: string, member: string): string {
  return path.join(unpackCase(name), member);
}

/** A private copy of a member's directory to damage, holes kept; the caller removes it. */
export function copyMember(name: string, member: string): string {
  const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-copy-'));
  execFileSync('cp', ['-r', '--sparse=always', unpackMember(name, member), parent]);
  return path.join(parent, member);
}
