import { InspectorError, PartialError, RefusedError, UnreachableError } from '../../errors.ts';
import { makeDirectories } from '../../files/durable.ts';
import type { AppliedStep } from '../../model/apply-report.ts';
import type { RecoveryPlan } from '../../model/plan.ts';
import { Journal, type JournalEvent } from './journal.ts';
import type { ApplyOptions } from './options.ts';
import type { Workplace } from './workplace.ts';
import type { ApplyWorld } from './world.ts';

/** One run on one data directory, which holds the lock: its journal, and what it has done so far. */
export class StepRun {
  readonly steps: AppliedStep[] = [];
  readonly journal: Journal;

  constructor(
    readonly plan: Pick<RecoveryPlan, 'planId'>,
    readonly at: Workplace,
    readonly options: Pick<ApplyOptions, 'caseDir' | 'onStep'>,
    readonly world: ApplyWorld,
  ) {
    this.journal = Journal.read(at.journal, world.ops);
  }

  note(event: JournalEvent): void {
    const now = this.world.now();
    this.journal.append(this.plan.planId, now, event);
    const { caseDir } = this.options;
    // The lists of files are for machines.
    if (caseDir !== null) this.world.tell(caseDir, `${JSON.stringify({ at: now.toISOString(), plan: this.plan.planId, dataDir: this.at.dataDir, ...event, result: undefined, from: undefined })}\n`);
  }

  /** Runs one step between its two lines in the journal; `work` gives what it did, in a few words, or null when there was nothing to do. */
  async step<Id extends string>(id: Id, kind: string, lines: { before: JournalEvent; after: (detail: string) => JournalEvent; failed?: (detail: string) => JournalEvent }, work: () => Promise<{ detail: string; status?: 'done' | 'already' }>): Promise<void> {
    const startedAt = this.world.nowMs();
    const end = (status: AppliedStep['status'], detail: string): void => {
      this.steps.push({ id, kind, status, durationMs: Math.round(this.world.nowMs() - startedAt), detail });
    };
    this.options.onStep?.(id, 'started');
    this.note(lines.before);
    try {
      const { detail, status = 'done' } = await work();
      this.note(lines.after(detail));
      end(status, detail);
      this.options.onStep?.(id, 'done', this.steps.at(-1));
    } catch (error) {
      end('failed', error instanceof Error ? error.message : String(error));
      this.options.onStep?.(id, 'failed', this.steps.at(-1));
      if (lines.failed !== undefined && error instanceof Error) this.noteQuietly(lines.failed(error.message));
      throw error;
    }
  }

  /** On a full disk even the line that says so may not fit. */
  private noteQuietly(event: JournalEvent): void {
    try {
      this.note(event);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }
}

/** Runs `work` as the only run beside this data directory. A directory that had to be made and stayed empty goes again. */
export async function asOnlyRun<T>(at: Workplace, world: ApplyWorld, work: () => Promise<T>): Promise<T> {
  const { ops } = world;
  const isNew = ops.facts(at.work) === null;
  try {
    makeDirectories(ops, at.work, 0o700);
  } catch (error) {
    throw systemFailure(error, 'before');
  }
  let lock: { release(): void } | null = null;
  try {
    lock = world.lock(at.work);
    return await work();
  } catch (error) {
    throw systemFailure(error, ops.facts(at.journal) === null ? 'before' : 'within');
  } finally {
    lock?.release();
    // Another run may have come into it by now: only what is empty goes.
    if (isNew && ops.facts(at.work) !== null && ops.list(at.work).length === 0) removeEmpty(at.work, ops);
  }
}

function removeEmpty(directory: string, ops: ApplyWorld['ops']): void {
  try {
    ops.removeDirectory(directory);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** Says errors of the system in words, for work that changes nothing. */
export async function inWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw systemFailure(error, 'before');
  }
}

const WORDS: Readonly<Record<string, { problem: string; hint: string }>> = {
  ENOSPC: { problem: 'the disk is full', hint: 'Nothing is lost. Free some space and run it again: it goes on where it was' },
  EDQUOT: { problem: 'the quota is used up', hint: 'Nothing is lost. Free some space and run it again: it goes on where it was' },
  EROFS: { problem: 'the filesystem is mounted read-only', hint: 'Mount it writable (a failing disk remounts itself read-only: copy it first), or use --into' },
  EACCES: { problem: 'no permission', hint: 'Run it as root, or as the user that owns the directory and the one above it' },
  EPERM: { problem: 'not permitted', hint: 'Run it as root, or as the user that owns the directory and the one above it' },
  EIO: { problem: 'an I/O error', hint: 'The disk may be failing: copy it with ddrescue, and work on the copy. Nothing that was there is gone' },
};

/** An error of the system in the operator's words: `before` anything was done it is a refusal, `within` it leaves something to go on with. */
export function systemFailure(error: unknown, when: 'before' | 'within'): unknown {
  const { code, path: file } = error as NodeJS.ErrnoException;
  // Time was up in the middle of it.
  if (error instanceof UnreachableError && when === 'within') return new PartialError(error.message, 'Nothing is lost. Run it again, with a longer --timeout: it goes on where it was', { cause: error });
  if (error instanceof InspectorError || typeof code !== 'string') return error;
  const words = WORDS[code] ?? { problem: `${code} from the system`, hint: 'Nothing is lost. Run it again once the cause is gone: it goes on where it was' };
  const message = `${words.problem}${file === undefined ? '' : ` at ${file}`}`;
  return when === 'before' ? new RefusedError('not-possible', `${message}; nothing was changed`, words.hint, { cause: error }) : new PartialError(message, words.hint, { cause: error });
}

