import path from 'node:path';
import { DriftError, PartialError } from '../../errors.ts';
import type { FileOps } from '../../files/file-ops.ts';
import { differences, fingerprintTree, type TreeFile } from '../../files/tree.ts';
import { type RecoveryPlan, shortPlanId } from '../../model/plan.ts';
import { holds } from './staging.ts';
import { placeOf } from './swap.ts';
import type { Workplace } from './workplace.ts';

type Exchange = Pick<RecoveryPlan, 'planId' | 'files' | 'changes' | 'swap'>;

/**
 * How far the exchange of an apply came that has not said that it is finished: `open` when something that was built still waits. It is all
 * the same whether a server has written to the result since.
 * @throws {PartialError} When what was built is gone and was not exchanged in: somebody made room, perhaps.
 */
export async function exchangeOf(at: Workplace, plan: Exchange, after: readonly TreeFile[], ops: FileOps): Promise<'open' | 'done'> {
  const { swap } = plan;
  const isWaiting =
    swap.kind === 'directory'
      ? ops.facts(path.join(at.staging, swap.path)) !== null
      : plan.changes.some((one) => (one.kind === 'remove' ? ops.facts(path.join(at.dataDir, one.path)) !== null : ops.facts(path.join(at.staging, one.path)) !== null));
  if (isWaiting) return 'open';
  // An exchange leaves what was there, or the place where it was built, until the run has said that it is finished.
  const leftTrace = swap.kind === 'directory' ? ops.facts(at.away) !== null && ops.facts(path.join(at.dataDir, swap.path)) !== null : ops.facts(at.staging) !== null;
  if (leftTrace || (await holds(at.dataDir, after, ops))) return 'done';
  const name = shortPlanId(plan);
  throw new PartialError(`what plan ${name} had built in ${at.staging} is gone before it was exchanged in`, `Bring back what was there, then apply again: raft-inspector recover undo ${name} --execute`);
}

/** Whether nothing has been exchanged, for certain: all that was built still waits. */
export function isUntouched(at: Workplace, { changes, swap }: Exchange, ops: FileOps): boolean {
  if (swap.kind === 'directory') return placeOf(at, { part: swap.path, away: at.away }, ops) === 'before' && ops.facts(path.join(at.dataDir, swap.path)) !== null;
  return changes.every((one) => ops.facts(path.join(one.kind === 'remove' ? at.dataDir : at.staging, one.path)) !== null);
}

/**
 * What is about to leave the directory has to be what the backup holds: a server that was started in between, and stopped again, left
 * files of equal length perhaps. Files that are exchanged one by one are compared when each is.
 * @throws {DriftError} `data-moved-on`.
 */
export async function refuseMovedOn(at: Workplace, plan: Exchange, ops: FileOps): Promise<void> {
  const { swap } = plan;
  // With the old directory away there is nothing left that a server could have written to.
  if (swap.kind === 'directory' && placeOf(at, { part: swap.path, away: at.away }, ops) !== 'before') return;
  const changing = new Set(swap.kind === 'files' ? plan.changes.map((one) => one.path) : []);
  const found = ops.facts(at.dataDir)?.kind === 'directory' ? await fingerprintTree(at.dataDir, { ops }) : [];
  const odd = differences(
    plan.files.filter((one) => !changing.has(one.path)),
    found.filter((one) => !changing.has(one.path)),
  ).map((one) => one.path);
  if (odd.length === 0) return;
  const name = shortPlanId(plan);
  throw new DriftError('data-moved-on', `${at.dataDir} has changed since the result of plan ${name} was built: ${odd.slice(0, 4).join(', ')}${odd.length > 4 ? ` and ${odd.length - 4} more` : ''}`, `A server ran on it, and what it wrote is in no backup: nothing was exchanged now. Let go of this plan, raft-inspector recover undo ${name} --override data-moved-on, then pick and plan again`, odd);
}
