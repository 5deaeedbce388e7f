import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.ts';
import { looksLikePlan, MAX_PLAN_BYTES } from '../model/plan-schema.ts';
import { FileSource, isDirectory, isFile, listDirectory } from '../readers/file-source.ts';
import { detectReader } from '../readers/index.ts';
import { isInside, realPlace } from './apply/workplace.ts';

/** Names inside a case directory. */
export const CASE_EVIDENCE = 'evidence';
export const CASE_JOURNAL = 'journal.ndjson';
export const CASE_TRANSCRIPT = 'transcript.ndjson';

const PLAN_NAME = /^plan(?:-\d+)?\.json$/;
const HEAD_BYTES = 512;
const MAKE_ONE = 'Make one: raft-inspector recover plan <place...>';

/** One command that was run on a case. */
export interface TranscriptLine {
  /** When it began, RFC 3339, UTC. */
  at: string;
  /** As typed, shell-quoted. */
  command: string;
  exit: number;
  durationMs: number;
  /** `user@host`. */
  by: string;
}

/** All plan files of a case, in the order of their names; an empty list when there is no such directory. */
export function planFiles(caseDir: string): string[] {
  return listDirectory(caseDir)
    .filter((name) => name.endsWith('.json') && (PLAN_NAME.test(name) || beginsLikePlan(path.join(caseDir, name))))
    .sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
    .map((name) => path.join(caseDir, name));
}

/**
 * The case's only plan file.
 * @throws {UsageError} When there is none, or there are several and one has to be named.
 */
export function casePlan(caseDir: string): string {
  const plans = planFiles(caseDir);
  const [only] = plans;
  if (only === undefined) throw new UsageError(isDirectory(caseDir) ? `${caseDir} holds no plan` : `${caseDir} is no case directory`, MAKE_ONE);
  if (plans.length > 1) throw new UsageError(`${caseDir} holds ${plans.length} plans: ${plans.map((one) => path.basename(one)).join(', ')}`, `Name the one that is meant, for example ${only}; or move the others away`);
  return only;
}

/** Name for one more plan: `plan.json`, then `plan-2.json` and so on, so that no plan is ever overwritten. */
export function newPlanFile(caseDir: string): string {
  for (let number = 1; ; number += 1) {
    const file = path.join(caseDir, number === 1 ? 'plan.json' : `plan-${number}.json`);
    if (!fs.existsSync(file)) return file;
  }
}

/**
 * The case directory: the one given, else the only `case-*` below the working directory that holds a plan.
 * @throws {UsageError} When there is none, or there are several.
 */
export function findCase(given: string | undefined, workingDirectory = '.'): string {
  if (given !== undefined) {
    if (!isDirectory(given)) throw new UsageError(`${given} is no case directory`, MAKE_ONE);
    return given;
  }
  const cases = caseDirectories(workingDirectory).filter((one) => planFiles(one).length > 0);
  const [only] = cases;
  if (only === undefined) throw new UsageError('no plan was named, and no ./case-* directory here holds one', MAKE_ONE);
  if (cases.length > 1) throw new UsageError(`several cases lie here: ${cases.join(', ')}`, `Say which one is meant: --case ${only}`);
  return only;
}

/** Every `case-*` below a directory. */
export function caseDirectories(workingDirectory = '.'): string[] {
  return listDirectory(workingDirectory)
    .filter((name) => name.startsWith('case-') && isDirectory(path.join(workingDirectory, name)))
    .map((name) => (workingDirectory === '.' ? name : path.join(workingDirectory, name)));
}

/** Whether a directory is where a case was kept. */
export function isCaseDirectory(directory: string): boolean {
  return path.basename(path.resolve(directory)).startsWith('case-') || isDirectory(path.join(directory, CASE_EVIDENCE)) || isFile(path.join(directory, CASE_TRANSCRIPT));
}

/**
 * Whether something may be kept there: in a directory that holds a case already, and is neither a member's data nor inside the `data` that
 * was read. A new file in there would be a change of the very files that a plan is made for.
 */
export function mayKeepIn(directory: string, data: readonly string[] = []): boolean {
  const isCase = isDirectory(path.join(directory, CASE_EVIDENCE)) || isFile(path.join(directory, CASE_TRANSCRIPT)) || planFiles(directory).length > 0;
  if (!isCase || detectReader(directory) !== null) return false;
  const real = realPlace(directory);
  return !data.some((one) => isInside(real, realPlace(one)));
}

/**
 * Adds a line to the transcript of a case that exists; `data` are the directories that were read. What was done does not hang on it: a case
 * that cannot be written is left alone.
 */
export function appendTranscript(caseDir: string, line: TranscriptLine, data: readonly string[] = []): void {
  if (!mayKeepIn(caseDir, data)) return;
  try {
    fs.appendFileSync(path.join(caseDir, CASE_TRANSCRIPT), `${JSON.stringify(line)}\n`, { mode: 0o600 });
  } catch {
    // A full disk or a read-only case must not turn a finished recovery into a failed one.
  }
}

/**
 * The text of a plan file, bounded.
 * @throws {UnreadableError} When it is missing or no regular file.
 */
export function readPlanText(file: string): string {
  const source = FileSource.open(file, file);
  try {
    // One byte more than is allowed lets the parser see that it is too long.
    return source.read(0, MAX_PLAN_BYTES + 1).toString('utf8');
  } finally {
    source.close();
  }
}

function beginsLikePlan(file: string): boolean {
  try {
    const source = FileSource.open(file);
    try {
      return looksLikePlan(source.read(0, HEAD_BYTES).toString('utf8'));
    } finally {
      source.close();
    }
  } catch {
    return false;
  }
}
