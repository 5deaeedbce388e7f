import path from 'node:path';
import { InspectorError } from '../../errors.ts';
import { readSmallFile } from '../../files/durable.ts';
import { type FileOps, REAL_FILES } from '../../files/file-ops.ts';
import type { RecoveryStatus } from '../../model/apply-report.ts';
import { type RecoveryPlan, shortPlanId } from '../../model/plan.ts';
import { parsePlan } from '../../model/plan-schema.ts';
import { CASE_JOURNAL, planFiles, readPlanText } from '../case-files.ts';
import { Journal, type JournalLine } from './journal.ts';
import type { ApplyOptions } from './options.ts';
import { type Standing, standingOf } from './standing.ts';
import { placeOf } from './swap.ts';
import { type Workplace, workplaceOf } from './workplace.ts';

/** Where a plan stands on its data directory, from the journal beside it. Only reads. */
export function recoveryStatus(plan: RecoveryPlan, options: Pick<ApplyOptions, 'dataDir'>, ops: FileOps = REAL_FILES): RecoveryStatus {
  const at = workplaceOf(plan, options);
  const standing = standingOf(Journal.read(at.journal, ops), plan.planId);
  const { backup, state } = standing;
  return {
    planId: plan.planId,
    dataDir: at.dataDir,
    state,
    lastStep: lastStep(plan, at, standing, ops),
    backup: backup?.manifest == null ? null : { id: shortPlanId(plan), path: backup.path, sha256: backup.manifest },
    events: standing.lines.map((one) => ({ at: one.at, ...wordsOf(one) })),
  };
}

function lastStep(plan: RecoveryPlan, at: Workplace, standing: Standing, ops: FileOps): string | null {
  if (standing.state === 'applying' && standing.swapStarted && plan.swap.kind === 'directory') {
    const place = placeOf(at, { part: plan.swap.path, away: at.away }, ops);
    const live = path.join(at.dataDir, plan.swap.path);
    if (place === 'gap') return `swap, cut off half-way: ${live} is absent for the moment. Finish before anything is started: recover apply --execute`;
    if (place === 'foreign') return `swap, cut off half-way, and ${live} was made anew by somebody since`;
  }
  const last = standing.lines.findLast((one) => one.event === 'done' || one.event === 'undo-done');
  return last !== undefined && 'step' in last ? last.step : null;
}

function wordsOf(line: JournalLine): { event: string; detail: string } {
  switch (line.event) {
    case 'begin':
      return { event: 'begin', detail: `on ${line.dataDir}, backup in ${line.backup}${line.overrides.length === 0 ? '' : `, override ${line.overrides.join(', ')}`}` };
    case 'started':
    case 'undo-started':
      return { event: line.event, detail: line.step };
    case 'done':
    case 'failed':
    case 'undo-done':
      return { event: line.event, detail: `${line.step}: ${line.detail}` };
    case 'undo':
      return { event: 'undo', detail: line.manner.setAside === null ? '' : `what was there is kept in ${line.manner.setAside}` };
    case 'undone':
      return { event: 'undone', detail: line.overrides === undefined ? '' : `override ${line.overrides.join(', ')}` };
    case 'fenced':
      return { event: 'fenced', detail: line.to };
    default:
      return { event: line.event, detail: '' };
  }
}

/** A plan of a case that has left something to take back, or to go on with. */
export interface Undoable {
  readonly planId: string;
  readonly file: string;
  readonly dataDir: string;
  readonly state: RecoveryStatus['state'];
  /** When its journal was last written. */
  readonly at: string | null;
  readonly backup: string | null;
}

/** The plans of a case that were begun, newest first. Those whose directory is elsewhere are left out. */
export async function undoable(caseDir: string, ops: FileOps = REAL_FILES): Promise<Undoable[]> {
  const found: Undoable[] = [];
  for (const file of planFiles(caseDir)) {
    const plan = await planOr(file);
    if (plan === null) continue;
    const dataDir = lastDirectory(plan, caseDir, ops);
    if (dataDir === null) continue;
    const status = recoveryStatus(plan, { dataDir }, ops);
    if (status.state === 'planned') continue;
    found.push({ planId: plan.planId, file, dataDir: status.dataDir, state: status.state, at: status.events.at(-1)?.at ?? null, backup: status.backup?.path ?? null });
  }
  return found.sort((a, b) => ((a.at ?? '') < (b.at ?? '') ? 1 : -1));
}

/** A plan that cannot be read must not hide the others; who names it is told why. */
async function planOr(file: string): Promise<RecoveryPlan | null> {
  try {
    return await parsePlan(readPlanText(file), file);
  } catch (error) {
    if (error instanceof InspectorError) return null;
    throw error;
  }
}

/** Where the plan was applied: the directory that the case's own copy of the journal names last, else the plan's. */
export function lastDirectory(plan: RecoveryPlan, caseDir: string, ops: FileOps = REAL_FILES): string | null {
  const line = caseLines(caseDir, ops).findLast((one) => one.plan === plan.planId && typeof one.dataDir === 'string');
  return line?.dataDir ?? plan.dataDir;
}

const MAX_CASE_BYTES = 64 * 1024 ** 2;

function caseLines(caseDir: string, ops: FileOps): { plan?: string; dataDir?: string }[] {
  try {
    return (readSmallFile(ops, path.join(caseDir, CASE_JOURNAL), MAX_CASE_BYTES)?.toString('utf8') ?? '').split('\n').flatMap(parsed);
  } catch {
    return []; // for people: the journal beside the data is the one that counts
  }
}

function parsed(line: string): { plan?: string; dataDir?: string }[] {
  try {
    const value = JSON.parse(line) as { plan?: string; dataDir?: string } | null;
    return value === null ? [] : [value];
  } catch {
    return []; // for people: what cannot be read is left out
  }
}
