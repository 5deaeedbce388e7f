import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { PartialError, UsageError } from '../../errors.ts';
import { makeDirectories, removeTree, renameDurably, syncPath } from '../../files/durable.ts';
import { REAL_FILES } from '../../files/file-ops.ts';
import { linkNew } from '../../files/new-file.ts';
import type { AppliedStep, ApplyReport } from '../../model/apply-report.ts';
import { type RecoveryPlan, shortPlanId } from '../../model/plan.ts';
import { checkResult } from './apply.ts';
import { type ApplyOptions, endIfRefuseOnly } from './options.ts';
import { type Preflight, preflight } from './preflight.ts';
import { systemFailure } from './run-steps.ts';
import { buildResult, holds } from './staging.ts';
import { isArchive, type Workplace } from './workplace.ts';
import type { ApplyWorld } from './world.ts';

/**
 * Builds the result of a plan somewhere else and leaves the source untouched: beside the target, which gets its name when it is whole
 * and checked. There is nothing to back up, and nothing to undo.
 * @throws {UsageError} When something of that name exists and is not this very result.
 */
export async function applyInto(plan: RecoveryPlan, at: Workplace, options: ApplyOptions, world: ApplyWorld): Promise<ApplyReport> {
  const { ops } = world;
  const startedAt = world.nowMs();
  const target = path.resolve(options.into ?? '');
  const isPacked = isArchive(target);
  const looked = await preflight(plan, at, options, world);
  if (looked.errors[0] !== undefined) throw looked.errors[0];
  endIfRefuseOnly(options);
  // Locked against a second run, which would clean up what this one builds.
  const home = path.join(path.dirname(target), `.${path.basename(target)}.ri-${shortPlanId(plan)}`);
  const aside = path.join(home, 'new');
  const steps: AppliedStep[] = [];
  const lock = soleRun(home, world);
  try {
    if (ops.facts(target) !== null) {
      if (!isPacked && (await isResult(plan, at, target, aside, world))) return report('already-applied', []);
      throw new UsageError(`${target} exists already`, 'Name a new place with --into: nothing is ever overwritten');
    }
    await step('build', async () => {
      const result = await buildResult({ plan, target: world.targetOf(plan.target), dataDir: at.dataDir, into: aside, unchanged: 'copies', ops, progress: options.progress });
      return `${plan.changes.length} of ${result.length} files differ`;
    });
    await step('check', () => checkResult(plan, aside, world));
    await step('swap', () => {
      if (isPacked) pack(aside, target);
      else renameDurably(ops, aside, target);
      return Promise.resolve(`${target} is whole`);
    });
  } catch (error) {
    throw systemFailure(error, 'before');
  } finally {
    removeTree(ops, home);
    lock.release();
  }
  return report('applied', steps);

  async function step(id: string, work: () => Promise<string>): Promise<void> {
    const from = world.nowMs();
    options.onStep?.(id, 'started');
    try {
      steps.push({ id, kind: id, status: 'done', detail: await work(), durationMs: Math.round(world.nowMs() - from) });
      options.onStep?.(id, 'done', steps.at(-1));
    } catch (error) {
      options.onStep?.(id, 'failed', { id, kind: id, status: 'failed', detail: error instanceof Error ? error.message : String(error), durationMs: Math.round(world.nowMs() - from) });
      throw error;
    }
  }

  function report(state: ApplyReport['state'], done: AppliedStep[]): ApplyReport {
    const { checks, neededBytes, freeBytes }: Preflight = looked;
    return { planId: plan.planId, state, dataDir: at.dataDir, result: target, backup: null, steps: done, checks: [...checks], refusals: [], neededBytes, freeBytes, durationMs: Math.round(world.nowMs() - startedAt) };
  }
}

function soleRun(home: string, world: ApplyWorld): { release(): void } {
  try {
    makeDirectories(world.ops, path.dirname(home), 0o755);
    makeDirectories(world.ops, home, 0o700);
    return world.lock(home);
  } catch (error) {
    throw systemFailure(error, 'before');
  }
}

/** Equal files and parameters give an equal result: it is built once more and compared. */
async function isResult(plan: RecoveryPlan, at: Workplace, target: string, aside: string, world: ApplyWorld): Promise<boolean> {
  const { ops } = world;
  if (ops.facts(target)?.kind !== 'directory') return false;
  try {
    const result = await buildResult({ plan, target: world.targetOf(plan.target), dataDir: at.dataDir, into: aside, unchanged: 'links', ops }).catch((error: unknown) => {
      // Another filesystem than the source's: names cannot be shared.
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
      return buildResult({ plan, target: world.targetOf(plan.target), dataDir: at.dataDir, into: aside, unchanged: 'copies', ops });
    });
    return await holds(target, result, ops);
  } finally {
    removeTree(ops, aside);
  }
}

/** Packs a directory's content, holes and owners kept, into a new file, whole or not at all. */
function pack(directory: string, file: string): void {
  const part = `${directory}.part`;
  fs.rmSync(part, { force: true });
  try {
    // What is in it is for nobody else's eyes: tar alone would go by the umask.
    fs.closeSync(fs.openSync(part, 'wx', 0o600));
    const done = spawnSync('tar', ['--create', '--gzip', '--sparse', '--numeric-owner', '--file', part, '--directory', directory, '.'], { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' } });
    if (done.error !== undefined) throw new PartialError(`tar cannot be run: ${done.error.message}`, 'Install tar, or give --into a directory');
    if (done.status !== 0) throw new PartialError(`tar failed: ${done.stderr.split('\n')[0] ?? ''}`, 'Nothing was left behind. Is there room? Or give --into a directory');
    syncPath(REAL_FILES, part);
    linkNew(part, file);
  } finally {
    fs.rmSync(part, { force: true });
  }
  syncPath(REAL_FILES, path.dirname(file));
}
