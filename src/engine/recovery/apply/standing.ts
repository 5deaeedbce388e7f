import type { TreeFile } from '../../files/tree.ts';
import type { ApplyStepId, Journal, JournalLine, UndoManner } from './journal.ts';

/** Where a plan stands on one data directory, as its journal tells. */
export interface Standing {
  readonly state: 'planned' | 'applying' | 'applied' | 'undoing' | 'undone';
  /** Steps of the apply that are known finished. */
  readonly done: readonly ApplyStepId[];
  readonly swapStarted: boolean;
  /** The backup's directory, and the digest of its manifest once it is whole. */
  readonly backup: { readonly path: string; readonly manifest: string | null } | null;
  /** All files of the directory as the apply leaves it; null before its check. */
  readonly result: readonly TreeFile[] | null;
  /** Of an undo that has begun: how, and what was there before it. */
  readonly undo: { readonly manner: UndoManner; readonly from: readonly TreeFile[] } | null;
  readonly lines: readonly JournalLine[];
}

/** A plan may have been applied and undone several times: only what follows the last `begin` counts. */
export function standingOf(journal: Journal, planId: string): Standing {
  const all = journal.linesOf(planId);
  const start = all.findLastIndex((one) => one.event === 'begin');
  const lines = start < 0 ? [] : all.slice(start);
  const done: ApplyStepId[] = [];
  let [state, swapStarted, result, manifest]: [Standing['state'], boolean, readonly TreeFile[] | null, string | null] = ['planned', false, null, null];
  let [undo, backup]: [Standing['undo'], string | null] = [null, null];
  for (const line of lines) {
    switch (line.event) {
      case 'begin':
        [state, backup] = ['applying', line.backup];
        break;
      case 'started':
        if (line.step === 'swap') swapStarted = true;
        // What is built anew is not what was built before.
        if (line.step === 'build') done.splice(0, done.length, ...done.filter((one) => one === 'backup'));
        break;
      case 'done':
        if (!done.includes(line.step)) done.push(line.step);
        if (line.manifest !== undefined) manifest = line.manifest;
        if (line.result !== undefined) result = line.result;
        break;
      case 'applied':
        state = 'applied';
        break;
      case 'undo':
        [state, undo] = ['undoing', { manner: line.manner, from: line.from }];
        break;
      case 'undone':
        state = 'undone';
        break;
      default:
    }
  }
  return { state, done, swapStarted, backup: backup === null ? null : { path: backup, manifest }, result, undo, lines };
}

/** The plan that last had to do with this directory, when it is another one and was neither finished nor undone, or is in force. */
export function otherPlan(journal: Journal, planId: string): { planId: string; state: 'applying' | 'applied' | 'undoing' } | null {
  const last = journal.lines.findLast((one) => one.event === 'begin');
  if (last === undefined || last.plan === planId) return null;
  const { state } = standingOf(journal, last.plan);
  return state === 'applying' || state === 'applied' || state === 'undoing' ? { planId: last.plan, state } : null;
}
