import path from 'node:path';
import { DriftError, InspectorError, RefusedError } from '../../errors.ts';
import { makeDirectories, removeTree, syncPath } from '../../files/durable.ts';
import { differences, fingerprintTree, type TreeFile } from '../../files/tree.ts';
import type { AppliedStep, UndoReport } from '../../model/apply-report.ts';
import type { CheckLine } from '../../model/check-line.ts';
import { type RecoveryPlan, shortPlanId } from '../../model/plan.ts';
import { type Backup, verifyBackup } from './backup.ts';
import { isUntouched } from './exchange.ts';
import { Journal, type UndoManner, type UndoStepId } from './journal.ts';
import { type ApplyOptions, endIfRefuseOnly } from './options.ts';
import { notInUse, refusalOf } from './preflight.ts';
import { asOnlyRun, inWords, StepRun } from './run-steps.ts';
import { dressTree, holds, restoreFrom } from './staging.ts';
import { otherPlan, type Standing, standingOf } from './standing.ts';
import { placeOf, swapDirectory, swapFiles } from './swap.ts';
import { filesOf } from './words.ts';
import { type Workplace, workplaceOf } from './workplace.ts';
import { type ApplyWorld, REAL_WORLD } from './world.ts';

const STEPS: readonly { id: UndoStepId; kind: string }[] = [
  { id: 'check', kind: 'check' },
  { id: 'restore', kind: 'restore' },
];

/** What is lifted by `--override` when the data changed since the apply: it is then set aside, and kept. */
export const MOVED_ON = 'data-moved-on';

/** What an undo would do, and what stands in its way. Nothing is created or changed. */
export async function previewUndo(plan: RecoveryPlan, options: ApplyOptions, world: ApplyWorld = REAL_WORLD): Promise<UndoReport> {
  const startedAt = world.nowMs();
  const at = workplaceOf(plan, options);
  const standing = standingOf(Journal.read(at.journal, world.ops), plan.planId);
  const looked = await inWords(async () => {
    const found = await look(plan, at, standing, options, world);
    if (found.errors.length === 0 && found.manner !== null) await lookAtBackup(found, standing, plan, world);
    return found;
  });
  return {
    planId: plan.planId,
    state: looked.isUndone ? 'already-undone' : 'preview',
    dataDir: at.dataDir,
    // With nothing to exchange back there is nothing to check and restore.
    steps: (looked.manner === null && looked.errors.length === 0 ? [] : STEPS).map((one): AppliedStep => ({ ...one, status: 'not-started', durationMs: 0, detail: '' })),
    checks: looked.checks,
    refusals: looked.errors.map(refusalOf),
    setAside: looked.manner?.setAside ?? null,
    durationMs: Math.round(world.nowMs() - startedAt),
  };
}

/**
 * Brings the original back, byte by byte, with names, modes, owners and times: from the verified backup, built beside and exchanged by
 * rename. A run that was cut off is finished by the next one.
 * @throws {RefusedError} Nothing to undo, or a server runs. @throws {DriftError} `data-moved-on`. @throws {CorruptDataError} The backup is damaged.
 */
export async function undoPlan(plan: RecoveryPlan, options: ApplyOptions, world: ApplyWorld = REAL_WORLD): Promise<UndoReport> {
  const at = workplaceOf(plan, options);
  const early = await inWords(() => look(plan, at, standingOf(Journal.read(at.journal, world.ops), plan.planId), options, world));
  if (early.errors[0] !== undefined) throw early.errors[0];
  endIfRefuseOnly(options);
  return asOnlyRun(at, world, () => new UndoRun(plan, at, options, world).go());
}

/** A preview must not promise what the backup cannot keep; the undo itself verifies it between two lines of its journal. */
async function lookAtBackup({ checks, errors }: Looked, standing: Standing, plan: RecoveryPlan, world: ApplyWorld): Promise<void> {
  try {
    const { path: place } = await verifyBackup(standing.backup?.path ?? '', { planId: plan.planId, sha256: standing.backup?.manifest ?? null }, world.ops);
    checks.push({ name: 'backup', ok: true, detail: `the backup in ${place} is whole` });
  } catch (error) {
    if (!(error instanceof InspectorError)) throw error;
    checks.push({ name: 'backup', ok: false, detail: error.message });
    errors.push(error);
  }
}

interface Looked {
  readonly checks: CheckLine[];
  readonly errors: InspectorError[];
  /** Null when there is nothing on the disk to exchange back. */
  readonly manner: UndoManner | null;
  readonly isUndone: boolean;
  /** All files as they are now. */
  readonly found: readonly TreeFile[];
}

async function look(plan: RecoveryPlan, at: Workplace, standing: Standing, options: ApplyOptions, world: ApplyWorld): Promise<Looked> {
  const { ops } = world;
  const checks: CheckLine[] = [];
  const errors: InspectorError[] = [];
  const fail = (name: string, error: InspectorError): void => {
    checks.push({ name, ok: false, detail: error.message });
    errors.push(error);
  };
  const done = (rest: Partial<Looked>): Looked => ({ checks, errors, manner: null, isUndone: false, found: [], ...rest });
  const name = shortPlanId(plan);
  const later = otherPlan(Journal.read(at.journal, ops), plan.planId);
  if (standing.state === 'planned') fail('journal', new RefusedError('nothing-to-undo', `plan ${name} was never applied to ${at.dataDir}`, 'raft-inspector recover undo alone lists what can be undone'));
  else if (later !== null && standing.state !== 'undone') fail('journal', new RefusedError('other-plan', `plan ${shortPlanId(later)} came after ${name} on this directory`, `Undo that first: raft-inspector recover undo ${shortPlanId(later)}`));
  if (errors.length > 0) return done({});
  try {
    checks.push({ name: 'in use', ...notInUse(at.dataDir, world) });
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    fail('in use', error);
  }
  if (standing.state === 'undone') {
    if (await holds(at.dataDir, plan.files, ops)) checks.push({ name: 'result', ok: true, detail: 'every file is as it was before the apply' });
    else fail('result', new DriftError(MOVED_ON, `plan ${name} was undone, and ${at.dataDir} has changed since`, 'There is nothing to take back any more'));
    return done({ isUndone: errors.length === 0 });
  }
  if (standing.undo !== null) {
    const { manner, from } = standing.undo;
    if (manner.setAside === null && options.overrides.includes(MOVED_ON)) return done({ manner: { kind: 'directory', path: '', setAside: asideName(at, plan, world) }, found: from });
    checks.push({ name: 'journal', ok: true, detail: 'an undo was begun and goes on' });
    return done({ manner, found: from });
  }
  if (!standing.swapStarted || (standing.state === 'applying' && isUntouched(at, plan, ops))) {
    const odd = await oddNow(plan, at, options, world);
    const few = `${odd.slice(0, 4).map((one) => `${one.path} ${one.what}`).join('; ')}${odd.length > 4 ? `; and ${odd.length - 4} more` : ''}`;
    if (odd.length === 0) checks.push({ name: 'files', ok: true, detail: `the apply was cut off before it exchanged anything: ${plan.files.length} of ${plan.files.length} files as the plan found them` });
    // Nothing of the apply is in there: to let go of the plan loses nothing, and what somebody else wrote is not ours to take away.
    else if (options.overrides.includes(MOVED_ON)) checks.push({ name: 'files', ok: null, detail: `the apply was cut off before it exchanged anything, and what differs stays as it is: ${few}` });
    else fail('files', new DriftError(MOVED_ON, `${at.dataDir} is not as plan ${name} found it, and the apply was cut off before it exchanged anything: ${few}`, `Somebody else wrote there, a server perhaps: there is nothing of the apply to take back, and nothing was changed. To let go of the plan and keep what is there: --override ${MOVED_ON}; then pick and plan again`, odd.map((one) => one.path)));
    return done({});
  }
  if (inGap(plan, at, standing, world)) {
    checks.push({ name: 'journal', ok: true, detail: 'the exchange of the apply was cut off half-way: it is finished first, then taken back' });
    return done({ manner: mannerOf(plan) });
  }
  const found = ops.facts(at.dataDir)?.kind === 'directory' ? await fingerprintTree(at.dataDir, { ops, progress: options.progress }) : [];
  const moved = movedOn(plan, standing, found);
  if (moved.length === 0) {
    checks.push({ name: 'files', ok: true, detail: standing.state === 'applied' ? `${found.length} of ${found.length} files as the apply left them` : 'every file is from before the apply or from it' });
    return done({ manner: mannerOf(plan), found });
  }
  const setAside = asideName(at, plan, world);
  if (options.overrides.includes(MOVED_ON)) {
    checks.push({ name: 'files', ok: true, detail: `${moved.length} files changed since the apply: what is there now is kept in ${setAside}` });
    return done({ manner: { kind: 'directory', path: '', setAside }, found });
  }
  fail('files', new DriftError(MOVED_ON, `${at.dataDir} has changed since plan ${name} was applied: ${moved.slice(0, 4).join(', ')}${moved.length > 4 ? ` and ${moved.length - 4} more` : ''}`, `Writes accepted since would be lost. To go back all the same: --override ${MOVED_ON}; what is there now is then kept in ${setAside}`, moved));
  return done({ found });
}

/** What is not as the plan found it, a few words each. Something that no fingerprint can be taken of, such as a link, was not there either. */
async function oddNow(plan: RecoveryPlan, at: Workplace, options: ApplyOptions, { ops }: ApplyWorld): Promise<{ path: string; what: string }[]> {
  if (ops.facts(at.dataDir)?.kind !== 'directory') return [{ path: at.dataDir, what: 'is no directory' }];
  try {
    return differences(plan.files, await fingerprintTree(at.dataDir, { ops, progress: options.progress }));
  } catch (error) {
    if (error instanceof RefusedError) return [{ path: at.dataDir, what: `cannot be compared (${error.message})` }];
    throw error;
  }
}

/** Files that are neither as before the apply nor as it left them. An apply that was cut off leaves some of each. */
function movedOn(plan: RecoveryPlan, standing: Standing, found: readonly TreeFile[]): string[] {
  const result = standing.result ?? [];
  if (standing.state === 'applied' || plan.swap.kind === 'directory') {
    const after = differences(result, found).map((one) => one.path);
    return standing.state === 'applied' || after.length === 0 ? after : differences(plan.files, found).map((one) => one.path);
  }
  const known = new Set([...plan.files, ...result].map((one) => `${one.path} ${one.sha256}`));
  const changed = new Set(plan.changes.map((one) => one.path));
  const names = new Set(found.map((one) => one.path));
  return [...found.filter((one) => !known.has(`${one.path} ${one.sha256}`)).map((one) => one.path), ...plan.files.filter((one) => !changed.has(one.path) && !names.has(one.path)).map((one) => one.path)];
}

function mannerOf({ swap }: RecoveryPlan): UndoManner {
  return swap.kind === 'files' ? { kind: 'files', path: '', setAside: null } : { kind: 'directory', path: swap.path, setAside: null };
}

function inGap(plan: RecoveryPlan, at: Workplace, standing: Standing, { ops }: ApplyWorld): boolean {
  return standing.state === 'applying' && standing.swapStarted && plan.swap.kind === 'directory' && placeOf(at, { part: plan.swap.path, away: at.away }, ops) === 'gap';
}

function asideName(at: Workplace, plan: RecoveryPlan, { ops }: ApplyWorld): string {
  for (let number = 1; ; number += 1) {
    const place = path.join(at.work, `set-aside-${shortPlanId(plan)}${number === 1 ? '' : `-${number}`}`);
    if (ops.facts(place) === null) return place;
  }
}

class UndoRun extends StepRun {
  private readonly startedAt: number;

  constructor(
    private readonly whole: RecoveryPlan,
    at: Workplace,
    private readonly how: ApplyOptions,
    world: ApplyWorld,
  ) {
    super(whole, at, how, world);
    this.startedAt = world.nowMs();
  }

  async go(): Promise<UndoReport> {
    const { ops } = this.world;
    const before = standingOf(this.journal, this.plan.planId);
    if (inGap(this.whole, this.at, before, this.world) && this.whole.swap.kind === 'directory') swapDirectory(this.at, { part: this.whole.swap.path, away: this.at.away }, ops);
    const looked = await look(this.whole, this.at, before, this.how, this.world);
    if (looked.errors[0] !== undefined) throw looked.errors[0];
    if (looked.isUndone) {
      this.cleanUp();
      return this.report('already-undone', looked);
    }
    // What the apply had moved away has its copy in the backup, which is verified below.
    if (looked.manner !== null && JSON.stringify(looked.manner) !== JSON.stringify(before.undo?.manner)) {
      const backup = await this.verified(before);
      removeTree(ops, this.at.staging);
      removeTree(ops, this.at.away);
      this.note({ event: 'undo', manner: looked.manner, from: looked.found, overrides: this.how.overrides });
      await this.restore(backup, looked);
    } else if (looked.manner !== null) await this.restore(await this.verified(before), looked);
    this.note({ event: 'undone', ...(looked.manner === null && this.how.overrides.length > 0 ? { overrides: this.how.overrides } : {}) });
    this.cleanUp();
    return this.report(before.undo === null ? 'undone' : 'resumed', looked);
  }

  private async verified(standing: Standing): Promise<Backup> {
    let backup: Backup | undefined;
    await this.step('check', 'check', { before: { event: 'undo-started', step: 'check' }, after: (detail) => ({ event: 'undo-done', step: 'check', detail }) }, async () => {
      backup = await verifyBackup(standing.backup?.path ?? '', { planId: this.plan.planId, sha256: standing.backup?.manifest ?? null }, this.world.ops);
      return { detail: `${filesOf(this.whole.files.length)} of the backup, sha256 equal` };
    });
    return backup as Backup;
  }

  private async restore(backup: Backup, { manner, found }: Looked): Promise<void> {
    const { ops } = this.world;
    if (manner === null) return;
    notInUse(this.at.dataDir, this.world);
    await this.step('restore', 'restore', { before: { event: 'undo-started', step: 'restore' }, after: (detail) => ({ event: 'undo-done', step: 'restore', detail }) }, async () => {
      if (manner.kind === 'files') await this.restoreFiles(backup, found);
      else await this.restoreDirectory(backup, manner, found);
      if (!(await holds(this.at.dataDir, this.whole.files, ops))) throw new DriftError(MOVED_ON, `${this.at.dataDir} is not what was restored: somebody writes to it`, `Find out who, stop it, and run this again with --override ${MOVED_ON}`);
      dressTree(this.at.dataDir, backup.manifest.entries, ops);
      return { detail: `${filesOf(this.whole.files.length)} as they were, sha256 equal` };
    });
  }

  private async restoreFiles(backup: Backup, found: readonly TreeFile[]): Promise<void> {
    const { ops } = this.world;
    // The reverse of the apply, step by step: each one leaves what one step less of the apply had left.
    const changes = [...this.whole.changes].reverse().map((one) => ({ path: one.path, kind: one.kind === 'create' ? ('remove' as const) : one.kind === 'remove' ? ('create' as const) : one.kind }));
    await restoreFrom(backup, this.at.staging, { files: changes.filter((one) => one.kind !== 'remove').map((one) => one.path) }, ops);
    await swapFiles(this.at, { changes, before: found, after: this.whole.files }, ops);
    const kept = new Set(backup.manifest.entries.map((one) => one.path));
    for (const one of changes) {
      for (let directory = path.dirname(one.path); directory !== '.' && !kept.has(directory); directory = path.dirname(directory)) {
        const place = path.join(this.at.dataDir, directory);
        if (ops.facts(place) !== null && ops.list(place).length === 0) ops.removeDirectory(place);
      }
    }
  }

  private async restoreDirectory(backup: Backup, manner: UndoManner, found: readonly TreeFile[]): Promise<void> {
    const { ops } = this.world;
    const swap = { part: manner.path, away: manner.setAside ?? this.at.away };
    // Once the present directory is away, the staged one is whole: it is never built anew in the gap.
    if (ops.facts(swap.away) === null) {
      const moved = (): DriftError => new DriftError(MOVED_ON, `${this.at.dataDir} has changed since this undo was begun`, `Writes accepted since would be lost. To go back all the same: --override ${MOVED_ON}; what is there now is then kept`);
      if (manner.setAside === null && !(await holds(this.at.dataDir, found, ops))) throw moved();
      await restoreFrom(backup, this.at.staging, { part: manner.path }, ops);
      // Somebody moved all of it away: what is exchanged then is an empty directory.
      const live = path.join(this.at.dataDir, manner.path);
      if (ops.facts(live) === null) makeDirectories(ops, live, 0o700);
    }
    swapDirectory(this.at, swap, ops);
  }

  private cleanUp(): void {
    const { ops } = this.world;
    removeTree(ops, this.at.staging);
    removeTree(ops, this.at.away);
    syncPath(ops, this.at.work);
  }

  private report(state: UndoReport['state'], looked: Looked): UndoReport {
    return { planId: this.plan.planId, state, dataDir: this.at.dataDir, steps: this.steps, checks: looked.checks, refusals: [], setAside: looked.manner?.setAside ?? null, durationMs: Math.round(this.world.nowMs() - this.startedAt) };
  }
}
