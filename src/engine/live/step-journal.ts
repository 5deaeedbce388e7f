import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.ts';
import { syncDirectory } from '../files/new-file.ts';
import type { PlannedStep } from './membership-plan.ts';
import type { StepJournal, StepReport } from './membership-run.ts';

/** A journal that keeps nothing: for changes of one step, which the cluster itself remembers by their id. */
export const NO_JOURNAL: StepJournal = { started: () => undefined, ended: () => undefined };

/**
 * A journal file, a JSON document a line, each durable before the run goes on. It says what was begun and what came of it; where a run
 * has to go on is read from the cluster, never from here.
 */
export class StepJournalFile implements StepJournal {
  private constructor(
    readonly file: string,
    private readonly fd: number,
  ) {}

  /** Opens to append. @throws {UsageError} When the place cannot be written. */
  static open(file: string, head: Record<string, unknown>): StepJournalFile {
    try {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      const journal = new StepJournalFile(file, fs.openSync(file, 'a', 0o600));
      journal.add({ event: 'run', ...head });
      syncDirectory(path.dirname(file));
      return journal;
    } catch (cause) {
      throw new UsageError(`${file} cannot be written: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`, 'Name a directory that can be written with --case', { cause });
    }
  }

  started(step: PlannedStep): void {
    this.add({ event: 'started', step: step.id, changeId: step.changeId });
  }

  ended(step: PlannedStep, report: StepReport): void {
    this.add({ event: 'ended', step: step.id, status: report.status, index: report.index, durationMs: report.durationMs });
  }

  close(): void {
    fs.closeSync(this.fd);
  }

  private add(line: Record<string, unknown>): void {
    fs.writeSync(this.fd, `${JSON.stringify({ at: new Date().toISOString(), ...line })}\n`);
    fs.fsyncSync(this.fd);
  }
}
