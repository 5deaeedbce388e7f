import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { ROOT } from '../helpers/run-cli.ts';
import type { KilledJob } from './killed-child.ts';

/** `RAFT_INSPECTOR_CRASH=long`: every call; else a spread of them, since each child takes a quarter of a second. */
export const LONG = process.env['RAFT_INSPECTOR_CRASH'] === 'long';

/** Children that end themselves by SIGKILL at a call of their choice. Bundled once: translating sources first takes a second each time. */
export class KilledChildren {
  private constructor(private readonly script: string) {}

  static async make(): Promise<KilledChildren> {
    const script = path.join(ROOT, 'node_modules', `.killed-child-${process.pid}-${Math.random().toString(36).slice(2, 8)}.mjs`);
    await build({ entryPoints: [path.join(ROOT, 'test/crash/killed-child.ts')], outfile: script, bundle: true, format: 'esm', platform: 'node', target: 'node20', packages: 'external', logLevel: 'error' });
    return new KilledChildren(script);
  }

  run(job: KilledJob): { killed: boolean; calls: number } {
    const done = spawnSync(process.execPath, [this.script, JSON.stringify(job)], { encoding: 'utf8' });
    if (done.signal === 'SIGKILL') return { killed: true, calls: 0 };
    assert.equal(done.status, 0, done.stderr);
    return { killed: false, calls: Number(done.stdout) };
  }

  remove(): void {
    fs.rmSync(this.script, { force: true });
  }
}

/** Names, modes, owners, times of change and content: what an undo has to bring back. */
export function tree(root: string): string[] {
  const names = fs.readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
  return ['.', ...names].map((name) => {
    const file = path.join(root, name);
    const stat = fs.lstatSync(file, { bigint: true });
    return `${name} ${stat.mode.toString(8)} ${stat.uid}:${stat.gid} ${stat.mtimeNs} ${stat.isFile() ? digest(file) : ''}`;
  });
}

function digest(file: string): string {
  return spawnSync('sha256sum', ['--', file], { encoding: 'utf8' }).stdout.slice(0, 64);
}
