import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DriftError, InspectorError, RefusedError, UsageError } from '../errors.ts';
import { showSize } from '../model/measure-words.ts';
import type { CheckLine } from '../model/check-line.ts';
import type { RecoveryPlan } from '../model/plan.ts';
import type { Progress } from '../model/reading.ts';
import type { RehearsalReport, RehearsedPhase } from '../model/verify-report.ts';
import { applyPlan } from '../recovery/apply/apply.ts';
import { workplaceOf } from '../recovery/apply/workplace.ts';
import { copyTree } from './copy-tree.ts';
import { type StartedResult, starterFor, type StartOptions } from './start-result.ts';

export interface RehearseOptions extends Omit<StartOptions, 'scratch'> {
  /** Where the source lies on this machine; default the plan's own. Only read. */
  readonly dataDir?: string | undefined;
  /** Where the copy is made, in a directory of its own that is removed again; default: the system's place for temporary files. */
  readonly scratch?: string | undefined;
  readonly overrides?: readonly string[] | undefined;
  readonly verifyMs?: number | undefined;
  readonly progress?: Progress | undefined;
  /** Told of each phase as it begins, for screens. */
  readonly onPhase?: ((name: RehearsedPhase['name']) => void) | undefined;
}

const VERIFY_MS = 60_000;

/**
 * The whole plan on a copy: copied, applied in place like the real thing, started, verified with a write, stopped, thrown away. The source is
 * only read, and nothing is started that could speak to its cluster: everything listens on loopback, alone.
 * @throws {DriftError} The source is not what the plan was made for. @throws {RefusedError} A rule would refuse the apply as well.
 */
export async function rehearse(plan: RecoveryPlan, options: RehearseOptions): Promise<RehearsalReport> {
  const source = workplaceOf(plan, options).dataDir;
  const root = scratchIn(options.scratch ?? os.tmpdir());
  const remove = (): void => fs.rmSync(root, { recursive: true, force: true, maxRetries: 2 });
  process.once('exit', remove);
  try {
    return await new Rehearsal(plan, source, root, options).run();
  } finally {
    process.off('exit', remove);
    remove();
  }
}

function scratchIn(parent: string): string {
  try {
    return fs.mkdtempSync(path.join(parent, 'raft-inspector-rehearsal-'));
  } catch (cause) {
    throw new UsageError(`no copy can be made in ${parent} (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, 'Name a directory that exists and can be written with --scratch', { cause });
  }
}

/** Whether an error is the system's: a full disk, no permission. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

/** What is wrong with the copy is wrong with what it was copied from; the copy itself is gone by the time anybody reads of it. */
function ofSource(error: unknown, copy: string, source: string): unknown {
  if (!(error instanceof DriftError) && !(error instanceof RefusedError)) return error;
  const named = (text: string): string => text.replaceAll(copy, source);
  return Object.assign(error, { message: named(error.message), hint: named(error.hint) }, error instanceof DriftError ? { files: error.files.map(named) } : {});
}

class Rehearsal {
  private readonly phases: RehearsedPhase[] = [];
  private readonly checks: CheckLine[] = [];
  private readonly startedAt = performance.now();
  private server: string | null = null;
  private stateHash: number | string | null = null;
  private revision: number | null = null;

  constructor(
    private readonly plan: RecoveryPlan,
    private readonly source: string,
    private readonly root: string,
    private readonly options: RehearseOptions,
  ) {}

  async run(): Promise<RehearsalReport> {
    const { plan, options } = this;
    const data = path.join(this.root, 'data');
    const copied = await this.phase('copy', async () => {
      const { files, bytes } = await copyTree(this.source, data, { progress: options.progress });
      return `${files} files, ${showSize(bytes)}`;
    });
    if (!copied) return this.report('fail', 'the copy could not be made');
    const applied = await this.phase('apply', async () => {
      const report = await applyPlan(plan, { dataDir: data, caseDir: null, overrides: options.overrides ?? [], progress: options.progress }).catch((error: unknown) => {
        throw ofSource(error, data, this.source);
      });
      const failed = report.steps.find((one) => one.status === 'failed');
      if (failed !== undefined) throw new RefusedError('step-failed', `${failed.id}: ${failed.detail}`, '');
      return report.steps.map((one) => one.id).join(', ');
    });
    if (!applied) return this.report('fail', 'the plan could not be applied to the copy');
    const starter = await starterFor(plan, data, { ...options, scratch: this.root });
    if ('why' in starter) return this.report('unverifiable', starter.why);
    this.server = starter.software;
    const started: { result: StartedResult | null } = { result: null };
    let verdict: [RehearsalReport['verdict'], string] = ['fail', `${starter.software} does not start on the result`];
    try {
      const isUp = await this.phase('start', async () => {
        started.result = await starter.start();
        return `pid ${started.result.server.pid}`;
      });
      if (isUp && started.result !== null) verdict = (await this.verify(started.result)) ? ['pass', `${starter.software} started on the result, and every check held`] : ['fail', `${starter.software} started on the result, and a check failed`];
    } finally {
      await this.stop(started.result);
    }
    return this.report(...verdict);
  }

  private async verify(result: StartedResult): Promise<boolean> {
    let isVerified = false;
    await this.phase('verify', async () => {
      const done = await result.verify(this.options.verifyMs ?? VERIFY_MS);
      this.checks.push(...done.checks);
      [this.stateHash, this.revision] = [done.stateHash, done.revision];
      const failed = done.checks.filter((one) => one.ok === false);
      isVerified = failed.length === 0;
      if (!isVerified) throw new RefusedError('check-failed', failed.map((one) => `${one.name}: ${one.detail}`).join('; '), '');
      return `${done.checks.length} checks`;
    });
    return isVerified;
  }

  private async stop(started: StartedResult | null): Promise<void> {
    if (started === null) return;
    await this.phase('stop', async () => {
      await started.stop();
      return '';
    });
  }

  /** Times a phase; what refuses an apply refuses the rehearsal, every other failure is what a rehearsal is for. */
  private async phase(name: RehearsedPhase['name'], work: () => Promise<string>): Promise<boolean> {
    this.options.onPhase?.(name);
    const startedAt = performance.now();
    const end = (ok: boolean, detail: string): boolean => {
      this.phases.push({ name, ok, durationMs: Math.round(performance.now() - startedAt), detail });
      return ok;
    };
    try {
      return end(true, await work());
    } catch (error) {
      if (isSystemError(error)) return end(false, error.message);
      if (error instanceof DriftError || error instanceof UsageError || !(error instanceof InspectorError)) throw error;
      if (name !== 'verify' && error instanceof RefusedError && error.rule !== 'step-failed') throw error;
      return end(false, error.message.replace(/^(step|check)-failed: /, ''));
    }
  }

  private report(verdict: RehearsalReport['verdict'], detail: string): RehearsalReport {
    return {
      planId: this.plan.planId,
      verdict,
      server: this.server,
      detail,
      phases: this.phases,
      checks: this.checks,
      stateHash: this.stateHash,
      revision: this.revision,
      durationMs: Math.round(performance.now() - this.startedAt),
    };
  }
}
