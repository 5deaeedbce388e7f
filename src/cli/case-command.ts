import fs from 'node:fs';
import path from 'node:path';
import { InspectorError, RefusedError, UsageError } from '../engine/errors.ts';
import type { RecoveryPlan } from '../engine/model/plan.ts';
import { parsePlan } from '../engine/model/plan-schema.ts';
import { isFile } from '../engine/readers/file-source.ts';
import { caseDirectory, refuseInsideData, writeNewFile } from '../engine/recovery/case-directory.ts';
import { appendTranscript, caseDirectories, casePlan, findCase, isCaseDirectory, mayKeepIn, newPlanFile, planFiles, readPlanText } from '../engine/recovery/case-files.ts';
import { operatorName } from '../engine/recovery/plan/operator.ts';
import { ChangeCommand } from './change-command.ts';
import { escapeControl } from './escape.ts';
import { writeError } from './output.ts';
import { quote } from './quote.ts';

/** A plan as opened, and where its case is kept. */
export interface OpenedPlan {
  readonly plan: RecoveryPlan;
  readonly file: string;
  /** Relative as given or found; it need not exist when the plan was written elsewhere. */
  readonly caseDir: string;
  /** What names the plan again in a command to type: nothing where the default finds it. */
  readonly words: readonly string[];
}

/** A command on a case: it opens the plan that is meant, and each run leaves a line in the transcript of the case. */
export abstract class CaseCommand<T> extends ChangeCommand<T> {
  private caseDir: string | null = null;
  private data: readonly string[] = [];
  private isGiven = false;
  private opened: OpenedPlan | null = null;

  /** From now on the run belongs to this case, or to none; nothing is ever kept in `data`, the directories that are read. */
  protected keepIn(caseDir: string | null, data: readonly string[] = []): void {
    this.caseDir = caseDir;
    this.data = data;
  }

  /**
   * The plan that `word` names, a file or the first characters of an id; without a word the only plan of the case.
   * @throws {UsageError} When none or several are meant. @throws {CorruptDataError} @throws {RefusedError} As `parsePlan` does.
   */
  protected async openPlan(word: string | undefined, given: string | undefined): Promise<OpenedPlan> {
    const file = word === undefined ? casePlan(findCase(given)) : isFile(word) ? word : await planOfId(word, given);
    const home = path.dirname(file);
    // Noted before the plan is read: a plan that is refused belongs to its case too.
    if (given !== undefined || isCaseDirectory(home)) this.keepIn(given ?? home);
    const plan = await parsePlan(readPlanText(file), file);
    const caseDir = this.caseDir ?? caseDirectory(undefined, plan.cluster.clusterId, plan.source);
    this.keepIn(caseDir, plan.dataDir === null ? [] : [plan.dataDir]);
    this.isGiven = given !== undefined;
    this.opened = { plan, file, caseDir, words: planWords(word, given) };
    return this.opened;
  }

  /**
   * Makes sure that the opened plan lies in a case, before there is something to keep there: one that was written elsewhere is copied to the
   * case of its cluster, so that its results, its transcript and `recover undo` alone find it. A recovery does not hang on it: the answer is
   * null, or why nothing can be kept.
   * @throws {UsageError} When `--case` names a place inside the data. `dataDir`: where the data lies, if not where the plan says.
   */
  protected async beginCase(dataDir?: string): Promise<string | null> {
    if (this.opened === null) return null;
    const { plan, file, caseDir } = this.opened;
    const data = [...this.data, ...(dataDir === undefined ? [] : [dataDir])];
    this.keepIn(caseDir, data);
    try {
      refuseInsideData(caseDir, data);
      if (mayKeepIn(caseDir, data) && (await planInCase(caseDir, plan.planId)) !== null) return null;
      const copy = newPlanFile(caseDir);
      writeNewFile(copy, readPlanText(file));
      this.clearProgress();
      if (!this.globals.quiet) writeError(`${escapeControl(file)} is in no case: copied to ${escapeControl(copy)}, where the recovery is kept\n`);
      return null;
    } catch (error) {
      if (this.isGiven || !(error instanceof InspectorError)) throw error;
      return error.message;
    }
  }

  override async run(): Promise<void> {
    const startedAt = new Date();
    // An interrupt ends the process from inside: the line is written on the way out.
    const note = (exit: number): void => {
      if (this.caseDir === null) return;
      appendTranscript(this.caseDir, { at: startedAt.toISOString(), command: ['raft-inspector', ...(this.id ?? '').split(':'), ...this.argv].map(quote).join(' '), exit, durationMs: Date.now() - startedAt.getTime(), by: operatorName() }, this.data);
    };
    process.once('exit', note);
    await super.run();
    process.off('exit', note);
    note(Number(process.exitCode ?? 0));
  }
}

/** The plan of that very id, if the case holds it whole. */
export async function planInCase(caseDir: string, planId: string): Promise<{ plan: RecoveryPlan; file: string } | null> {
  for (const file of planFiles(caseDir)) {
    try {
      const plan = await parsePlan(readPlanText(file), file);
      if (plan.planId === planId) return { plan, file };
    } catch (error) {
      if (!(error instanceof InspectorError)) throw error; // not to be read, so not known to be it
    }
  }
  return null;
}

function isDirectory(word: string): boolean {
  return fs.statSync(word, { throwIfNoEntry: false })?.isDirectory() === true;
}

function planWords(word: string | undefined, given: string | undefined): string[] {
  return [...(word === undefined ? [] : [word]), ...(given === undefined ? [] : ['--case', given])];
}

/** What has to be typed so that the next command finds a plan that was just written: nothing where it is the only one. */
export function namingWords(file: string, caseDir: string, given: string | undefined): string[] {
  const isOnly = path.dirname(file) === path.normalize(caseDir) && planFiles(caseDir).length === 1;
  if (!isOnly) return [file];
  if (given === undefined && caseDirectories().filter((one) => planFiles(one).length > 0).length === 1) return [];
  return ['--case', caseDir];
}

/** Looks in the case, or in every case here, for the plan whose id begins with the word. */
async function planOfId(word: string, given: string | undefined): Promise<string> {
  const files = (given === undefined ? caseDirectories() : [findCase(given)]).flatMap(planFiles);
  const found: string[] = [];
  if (/^[0-9a-f-]{4,36}$/.test(word)) for (const file of files) if ((await idOf(file))?.startsWith(word) === true) found.push(file);
  if (found.length > 1) throw new UsageError(`${word} names several plans: ${found.join(', ')}`, 'Name the file');
  if (found[0] !== undefined) return found[0];
  if (isDirectory(word)) throw new UsageError(`${word} is a directory, not a plan file`, isCaseDirectory(word) ? `A case is named with --case ${quote(word)}` : 'Name the plan file, or the case directory with --case');
  throw new UsageError(`${word} is neither a plan file nor the id of a plan here`, files.length === 0 ? 'Name the plan file, or the case directory with --case' : `Plans here: ${files.join(', ')}`);
}

async function idOf(file: string): Promise<string | null> {
  try {
    return (await parsePlan(readPlanText(file), file)).planId;
  } catch (error) {
    // A plan that was edited is found by its id all the same, and refused when it is opened.
    const id = error instanceof RefusedError ? /"planId": ?"([0-9a-f-]{36})"/.exec(readPlanText(file))?.[1] : undefined;
    return id ?? null;
  }
}
