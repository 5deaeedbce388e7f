import path from 'node:path';
import { CheckFailedError, CorruptDataError, DriftError, InspectorError, PartialError, RefusedError } from '../../errors.ts';
import { removeTree, syncPath } from '../../files/durable.ts';
import { listFiles, type TreeFile } from '../../files/tree.ts';
import type { AppliedStep, ApplyReport } from '../../model/apply-report.ts';
import type { CheckLine } from '../../model/check-line.ts';
import { type RecoveryPlan, shortPlanId } from '../../model/plan.ts';
import { makeBackup, verifyBackup } from './backup.ts';
import { exchangeOf, refuseMovedOn } from './exchange.ts';
import { applyInto } from './into.ts';
import { type ApplyStepId, Journal } from './journal.ts';
import { type ApplyOptions, endIfRefuseOnly } from './options.ts';
import { notInUse, type Preflight, preflight, refusalOf } from './preflight.ts';
import { asOnlyRun, inWords, StepRun } from './run-steps.ts';
import { buildResult, holds } from './staging.ts';
import { type Standing, standingOf } from './standing.ts';
import { placeOf, swapDirectory, swapFiles } from './swap.ts';
import { backupPlace, type Workplace, workplaceOf } from './workplace.ts';
import { filesOf } from './words.ts';
import { type ApplyWorld, REAL_WORLD } from './world.ts';

const STEPS: readonly ApplyStepId[] = ['backup', 'build', 'check', 'swap'];

/** What an apply would do, and everything that stands in its way. Nothing is created or changed. */
export async function previewApply(plan: RecoveryPlan, options: ApplyOptions, world: ApplyWorld = REAL_WORLD): Promise<ApplyReport> {
  const startedAt = world.nowMs();
  const at = workplaceOf(plan, options);
  const standing = standingOf(Journal.read(at.journal, world.ops), plan.planId);
  const known = options.into === undefined ? await inWords(() => standsAlready(plan, at, standing, world)) : null;
  const looked = known ?? (await preflight(plan, at, options, world));
  // A backup that is whole is only verified again; what was built before the exchange began is built anew.
  const goesOn = known === null && options.into === undefined && standing.state === 'applying';
  const kept = known !== null ? standing.done : goesOn && standing.backup?.manifest != null ? standing.done.filter((id) => id === 'backup') : [];
  const begun: CheckLine = { name: 'journal', ok: true, detail: `plan ${shortPlanId(plan)} was begun and cut off: goes on ${kept.length === 0 ? 'with the backup' : 'after the backup'}` };
  return {
    planId: plan.planId,
    state: known?.isApplied === true ? 'already-applied' : 'preview',
    dataDir: at.dataDir,
    result: options.into ?? at.dataDir,
    backup: standing.backup === null || standing.backup.manifest === null || options.into !== undefined ? null : { id: shortPlanId(plan), path: standing.backup.path, sha256: standing.backup.manifest },
    // Elsewhere there is nothing to back up.
    steps: STEPS.filter((id) => id !== 'backup' || options.into === undefined).map((id) => ({ id, kind: id, status: kept.includes(id) ? 'already' : 'not-started', durationMs: 0, detail: kept.includes(id) ? doneWords(standing, id) : '' })),
    checks: [...looked.checks, ...(goesOn ? [begun] : [])],
    refusals: looked.errors.map(refusalOf),
    neededBytes: looked.neededBytes,
    freeBytes: looked.freeBytes,
    durationMs: Math.round(world.nowMs() - startedAt),
  };
}

/** What a step of the run before found or did. */
function doneWords({ lines }: Standing, id: ApplyStepId): string {
  const line = lines.findLast((one) => one.event === 'done' && one.step === id);
  return line?.event === 'done' ? line.detail : '';
}

/**
 * Applies a plan: backup, build beside, check, exchange by rename, each step between two durable lines of the journal. A run that was cut
 * off anywhere is finished by the next one. Nothing is created before every check has passed.
 * @throws {RefusedError} A rule stands in the way. @throws {DriftError} The data is not what the plan was made for.
 * @throws {CheckFailedError} What was built is not as planned; nothing was exchanged. @throws {PartialError} Cut off; run it again.
 */
export async function applyPlan(plan: RecoveryPlan, options: ApplyOptions, world: ApplyWorld = REAL_WORLD): Promise<ApplyReport> {
  const at = workplaceOf(plan, options);
  if (options.into !== undefined) return applyInto(plan, at, options, world);
  const known = Journal.read(at.journal, world.ops).lines.length;
  const early = await lookFirst(plan, at, options, world);
  return asOnlyRun(at, world, async () => {
    // Another run may have come in between: from here on the lock keeps it so.
    const isSame = Journal.read(at.journal, world.ops).lines.length === known;
    return new ApplyRun(plan, at, options, world).go(isSame ? early : await lookFirst(plan, at, options, world));
  });
}

interface Looked extends Preflight {
  readonly isApplied: boolean;
}

/** @throws What stands in the way, the strongest. */
async function lookFirst(plan: RecoveryPlan, at: Workplace, options: ApplyOptions, world: ApplyWorld): Promise<Looked> {
  const standing = standingOf(Journal.read(at.journal, world.ops), plan.planId);
  const looked: Looked = (await inWords(() => standsAlready(plan, at, standing, world))) ?? { ...(await preflight(plan, at, options, world)), isApplied: false };
  if (looked.errors[0] !== undefined) throw looked.errors[0];
  endIfRefuseOnly(options);
  return looked;
}

/** What there is to say when this plan's own journal is past the point where the data is as planned; null when it is not. */
async function standsAlready(plan: RecoveryPlan, at: Workplace, standing: Standing, world: ApplyWorld): Promise<Looked | null> {
  const begun = { neededBytes: 0, freeBytes: world.ops.freeBytes(path.dirname(at.dataDir)), isApplied: false };
  const name = shortPlanId(plan);
  const stopped = (error: InspectorError): Looked => ({ ...begun, errors: [error], checks: [{ name: 'result', ok: false, detail: error.message }] });
  const sealed = standing.lines.find((one) => one.event === 'begin')?.digest ?? plan.digest;
  if (sealed !== plan.digest && standing.state !== 'undone') return stopped(new RefusedError('other-plan', `another plan of the same id ${name} was begun on ${at.dataDir}`, `It lies in its backup, and is taken back with: raft-inspector recover undo --data ${at.dataDir}`));
  if (standing.state === 'undoing') return stopped(new RefusedError('undo-unfinished', `an undo of plan ${name} was begun and is not finished`, `Finish it: raft-inspector recover undo ${name} --execute`));
  if (standing.state === 'applied') {
    if (standing.result !== null && (await holds(at.dataDir, standing.result, world.ops))) return { ...begun, isApplied: true, errors: [], checks: [{ name: 'result', ok: true, detail: `plan ${name} is applied, and every file is as it left it` }] };
    return stopped(new DriftError('data-moved-on', `plan ${name} was applied, and ${at.dataDir} has changed since`, 'The server has run on it: that is how it should be. See: raft-inspector recover verify'));
  }
  if (standing.state !== 'applying' || !standing.swapStarted) return null;
  try {
    if ((await exchangeOf(at, plan, standing.result ?? [], world.ops)) === 'done') return { ...begun, errors: [], checks: [{ name: 'result', ok: true, detail: `plan ${name} was exchanged in, and only its last line is missing` }] };
    const use = notInUse(at.dataDir, world);
    await refuseMovedOn(at, plan, world.ops);
    return { ...begun, errors: [], checks: [{ name: 'in use', ...use }, { name: 'result', ok: true, detail: `plan ${name} was being exchanged in: goes on there` }] };
  } catch (error) {
    if (error instanceof InspectorError) return stopped(error);
    throw error;
  }
}

class ApplyRun extends StepRun {
  private readonly startedAt: number;
  private isBackupVerified = false;

  constructor(
    private readonly whole: RecoveryPlan,
    at: Workplace,
    private readonly how: ApplyOptions,
    world: ApplyWorld,
  ) {
    super(whole, at, how, world);
    this.startedAt = world.nowMs();
  }

  async go(looked: Looked): Promise<ApplyReport> {
    const before = standingOf(this.journal, this.plan.planId);
    if (before.state === 'applied') {
      await this.cleanUp();
      return this.report('already-applied', looked, before);
    }
    // A backup that is not whole may go elsewhere in the next run: the disk it was meant for was full, perhaps.
    const isMoved = this.how.backupDir !== undefined && !before.done.includes('backup') && before.backup?.path !== backupPlace(this.whole, this.at, this.how.backupDir);
    if (before.state !== 'applying' || isMoved) {
      const place = backupPlace(this.whole, this.at, this.how.backupDir);
      this.note({ event: 'begin', digest: this.whole.digest, dataDir: this.at.dataDir, backup: place, overrides: [...new Set([...this.how.overrides, ...this.whole.overrides.map((one) => one.rule)])], tool: this.whole.tool });
    }
    const begun = standingOf(this.journal, this.plan.planId);
    if (!begun.swapStarted) {
      await this.backUp();
      await this.buildAndCheck();
    } else for (const id of begun.done) this.steps.push({ id, kind: id, status: 'already', durationMs: 0, detail: 'by the run before' });
    await this.swap();
    this.note({ event: 'applied' });
    await this.cleanUp();
    return this.report(before.state === 'applying' ? 'resumed' : 'applied', looked, standingOf(this.journal, this.plan.planId));
  }

  private async backUp(): Promise<void> {
    const { backup, done } = standingOf(this.journal, this.plan.planId);
    this.isBackupVerified = true;
    const place = backup?.path ?? backupPlace(this.whole, this.at, this.how.backupDir);
    const { ops } = this.world;
    let sha256 = '';
    await this.step('backup', 'backup', { before: { event: 'started', step: 'backup' }, after: (detail) => ({ event: 'done', step: 'backup', detail, manifest: sha256 }), failed: (detail) => ({ event: 'failed', step: 'backup', detail }) }, async () => {
      if (done.includes('backup') && backup?.manifest != null) {
        ({ sha256 } = await verifyBackup(place, { planId: this.plan.planId, sha256: backup.manifest }, ops));
        return { detail: `${filesOf(this.whole.files.length)}, sha256 equal`, status: 'already' };
      }
      const total = this.whole.files.reduce((sum, one) => sum + one.bytes, 0);
      let bytes = 0;
      await makeBackup({ plan: this.whole, dataDir: this.at.dataDir, place, ops, onBytes: (more) => this.how.progress?.((bytes += more), total, 'backup') });
      // Read back from the disk, by the same eyes that an undo will have.
      ({ sha256 } = await verifyBackup(place, { planId: this.plan.planId, sha256: null }, ops));
      return { detail: `${filesOf(this.whole.files.length)}, sha256 equal` };
    });
  }

  private async buildAndCheck(): Promise<void> {
    const { ops } = this.world;
    const target = this.world.targetOf(this.whole.target);
    let result: TreeFile[] = [];
    await this.step('build', 'build', stepLines('build'), async () => {
      result = await buildResult({ plan: this.whole, target, dataDir: this.at.dataDir, into: this.at.staging, unchanged: 'links', ops, progress: this.how.progress });
      return { detail: `${this.whole.changes.length} of ${result.length} files differ` };
    });
    await this.step('check', 'check', { ...stepLines('check'), after: (detail) => ({ event: 'done', step: 'check', detail, result }) }, async () => {
      const detail = await checkResult(this.whole, this.at.staging, this.world);
      if (!(await holds(this.at.staging, result, ops))) throw new CheckFailedError('the result changed while it was checked', 'Nothing was exchanged. This is a defect of the tool: report it');
      return { detail };
    });
  }

  private async swap(): Promise<void> {
    const { ops } = this.world;
    const { result, swapStarted } = standingOf(this.journal, this.plan.planId);
    const after = result ?? [];
    const isDone = swapStarted && (await exchangeOf(this.at, this.whole, after, ops)) === 'done';
    // A server may have been started since the preflight.
    if (!isDone) notInUse(this.at.dataDir, this.world);
    if (!swapStarted) this.stillAsPlanned();
    if (!isDone && (swapStarted || this.whole.swap.kind === 'directory')) await refuseMovedOn(this.at, this.whole, ops);
    // Between two renames there is no data directory: that comes to an end first.
    if (!isDone && !this.isInGap()) await this.sureOfBackup();
    await this.step('swap', 'swap', stepLines('swap'), async () => {
      const { swap } = this.whole;
      if (isDone && !(await holds(this.at.dataDir, after, ops))) return { detail: 'by the run before; a server has written to it since', status: 'already' };
      if (swap.kind === 'directory') swapDirectory(this.at, { part: swap.path, away: this.at.away }, ops);
      else await swapFiles(this.at, { changes: this.whole.changes, before: this.whole.files, after }, ops);
      if (!(await holds(this.at.dataDir, after, ops))) throw new DriftError('data-moved-on', `${this.at.dataDir} is not what was exchanged in: somebody writes to it`, `Find out who, then bring the original back: raft-inspector recover undo ${shortPlanId(this.whole)} --override data-moved-on`);
      return { detail: swap.kind === 'directory' ? `${path.join(this.at.dataDir, swap.path)} exchanged` : `${filesOf(this.whole.changes.length)} exchanged` };
    });
  }

  private isInGap(): boolean {
    const { swap } = this.whole;
    return swap.kind === 'directory' && placeOf(this.at, { part: swap.path, away: this.at.away }, this.world.ops) === 'gap';
  }

  /** The backup of a run before this one may have been damaged or deleted since. @throws {CorruptDataError} */
  private async sureOfBackup(): Promise<void> {
    if (this.isBackupVerified) return;
    const { backup } = standingOf(this.journal, this.plan.planId);
    await verifyBackup(backup?.path ?? '', { planId: this.plan.planId, sha256: backup?.manifest ?? null }, this.world.ops);
    this.isBackupVerified = true;
  }

  /** Names and sizes once more; content was hashed moments ago and is again when it is renamed over. */
  private stillAsPlanned(): void {
    const now = new Map(listFiles(this.at.dataDir, this.world.ops).map((one) => [one.path, one.facts.bytes]));
    const odd = [...this.whole.files.filter((one) => now.get(one.path) !== one.bytes).map((one) => one.path), ...[...now.keys()].filter((one) => !this.whole.files.some((file) => file.path === one))];
    if (odd.length > 0) throw new DriftError('drift', `${odd.slice(0, 4).join(', ')} changed while the result was built`, 'A server was started meanwhile. Stop it, then pick and plan again; the backup of this run is kept', odd);
  }

  /** What was exchanged away goes only while the backup holds it. */
  private async cleanUp(): Promise<void> {
    const { ops } = this.world;
    removeTree(ops, this.at.staging);
    if (ops.facts(this.at.away) !== null) {
      await this.sureOfBackup().catch((cause: unknown) => {
        if (!(cause instanceof CorruptDataError)) throw cause;
        throw new PartialError(`the result is in place, and the backup is damaged: the original is kept in ${this.at.away}`, 'Copy that directory to a safe place: it is the only one that is whole', { cause });
      });
      removeTree(ops, this.at.away);
    }
    syncPath(ops, this.at.work);
  }

  private report(state: ApplyReport['state'], looked: Looked, standing: Standing): ApplyReport {
    const steps = state === 'already-applied' ? STEPS.map((id): AppliedStep => ({ id, kind: id, status: 'already', durationMs: 0, detail: '' })) : this.steps;
    return {
      planId: this.plan.planId,
      state,
      dataDir: this.at.dataDir,
      result: this.at.dataDir,
      backup: standing.backup === null || standing.backup.manifest === null ? null : { id: shortPlanId(this.plan), path: standing.backup.path, sha256: standing.backup.manifest },
      steps,
      checks: [...looked.checks],
      refusals: [],
      neededBytes: looked.neededBytes,
      freeBytes: looked.freeBytes,
      durationMs: Math.round(this.world.nowMs() - this.startedAt),
    };
  }
}

/** @throws {CheckFailedError} With the first lines that are not as planned. */
export async function checkResult(plan: RecoveryPlan, directory: string, world: Pick<ApplyWorld, 'targetOf'>): Promise<string> {
  const lines = await world.targetOf(plan.target).check(directory, plan.outcome, plan.parameters);
  const wrong = lines.filter((one) => one.ok === false);
  if (wrong.length > 0) throw new CheckFailedError(`what was built is not as planned: ${wrong.slice(0, 3).map((one) => `${one.name}: ${one.detail}`).join('; ')}`, 'Nothing was exchanged, the data is as it was. This is a defect of the tool: report it with the plan');
  return `${lines.filter((one) => one.ok).length} of ${lines.length} as planned`;
}

function stepLines(step: ApplyStepId): { before: { event: 'started'; step: ApplyStepId }; after: (detail: string) => { event: 'done'; step: ApplyStepId; detail: string }; failed: (detail: string) => { event: 'failed'; step: ApplyStepId; detail: string } } {
  return { before: { event: 'started', step }, after: (detail) => ({ event: 'done', step, detail }), failed: (detail) => ({ event: 'failed', step, detail }) };
}
