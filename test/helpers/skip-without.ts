import { spawnSync } from 'node:child_process';
import type { Context } from 'mocha';

/** Skips a test where something it needs is missing, and says what. In CI nothing may be missing: there it fails. */
export function skipWithout(test: Context, missing: string | null): void {
  if (missing === null) return;
  if (process.env['CI'] === 'true') throw new Error(`${missing}: CI must not skip this`);
  skipSaying(test, missing);
}

/** Skips a test for a reason that holds in CI as well, as a right that a container does not give. */
export function skipSaying(test: Context, reason: string): void {
  console.error(`    skipped: ${reason}`);
  test.skip();
}

/** Why a program cannot be run; null when it can. */
export function programMissing(program: string, ...words: string[]): string | null {
  return spawnSync(program, words).status === 0 ? null : `${program} is not installed`;
}
