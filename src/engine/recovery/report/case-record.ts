import path from 'node:path';
import { readSmallFile } from '../../files/durable.ts';
import { REAL_FILES } from '../../files/file-ops.ts';
import { hashFile, listFiles, type TreeName } from '../../files/tree.ts';
import type { CheckLine } from '../../model/check-line.ts';
import type { RecoveryPlan } from '../../model/plan.ts';
import type { RehearsalReport, VerifyReport } from '../../model/verify-report.ts';
import { REHEARSAL_FILE } from '../apply/rehearsed.ts';
import { workplaceAt } from '../apply/workplace.ts';
import { CASE_JOURNAL, CASE_TRANSCRIPT, type TranscriptLine } from '../case-files.ts';
import { isVerb } from './moments.ts';

const MAX_RESULT_BYTES = 8 * 1024 ** 2;
const MAX_LINES_BYTES = 64 * 1024 ** 2;
const MAX_ARTEFACTS = 200;
const MAX_ARTEFACT_BYTES = 256 * 1024 ** 2;

/** A line of the case's copy of the journal, as far as a report needs it. */
export interface CaseEvent {
  /** RFC 3339, UTC. */
  at: string;
  event: string;
  step: string | null;
  detail: string;
  dataDir: string | null;
  backup: string | null;
  overrides: string[];
}

/** Everything a case directory knows of one plan. */
export interface CaseRecord {
  caseDir: string;
  plan: RecoveryPlan;
  planFile: string;
  planText: string;
  transcript: TranscriptLine[];
  /** Of this plan only, in order. */
  events: CaseEvent[];
  rehearsal: Pick<RehearsalReport, 'verdict' | 'server' | 'detail' | 'checks' | 'durationMs'> | null;
  verification: Pick<VerifyReport, 'verdict' | 'leader' | 'term' | 'checks' | 'voters' | 'failuresTolerated' | 'durationMs' | 'endpoints'> | null;
  artefacts: { name: string; sha256: string }[];
  /** What could not be read and why, one sentence each: a report says so and is made all the same. */
  problems: string[];
}

/**
 * Reads a case directory; nothing in it is changed. Lines that cannot be read, results of another plan and files too large to be ours are
 * left out, and `problems` says so.
 */
export async function readCase(caseDir: string, planFile: string, plan: RecoveryPlan, planText: string, verificationFile: string): Promise<CaseRecord> {
  const problems: string[] = [];
  const lines = (name: string): unknown[] => linesOf(caseDir, name, problems);
  const result = (name: string): Record<string, unknown> | null => resultOf(caseDir, name, plan.planId, problems);
  return {
    caseDir,
    plan,
    planFile,
    planText,
    // Telling what was done is no part of it.
    transcript: lines(CASE_TRANSCRIPT).flatMap(transcriptLine).filter((one) => !isVerb(one, 'report')),
    events: eventsOf(lines(CASE_JOURNAL), plan, problems),
    rehearsal: rehearsalOf(result(REHEARSAL_FILE)),
    verification: verificationOf(result(verificationFile)),
    artefacts: await artefactsOf(caseDir, planFile, problems),
    problems,
  };
}

/** The case's copy of the journal, or the journal beside the data where that knows more: a case may have been read-only, or elsewhere. */
function eventsOf(copied: readonly unknown[], plan: RecoveryPlan, problems: string[]): CaseEvent[] {
  const known = copied.flatMap((line) => caseEvent(line, plan.planId));
  if (plan.dataDir === null) return known;
  const { journal } = workplaceAt(plan.dataDir);
  const beside = linesOf(path.dirname(journal), path.basename(journal), problems).flatMap((line) => caseEvent(line, plan.planId));
  return beside.length > known.length ? beside : known;
}

function linesOf(caseDir: string, name: string, problems: string[]): unknown[] {
  const text = small(caseDir, name, MAX_LINES_BYTES, problems);
  if (text === null) return [];
  let broken = 0;
  const lines = text.split('\n').flatMap((line) => {
    if (line === '') return [];
    try {
      return [JSON.parse(line) as unknown];
    } catch {
      broken += 1;
      return [];
    }
  });
  if (broken > 0) problems.push(`${name}: ${broken} ${broken === 1 ? 'line' : 'lines'} cannot be read, left out.`);
  return lines;
}

function resultOf(caseDir: string, name: string, planId: string, problems: string[]): Record<string, unknown> | null {
  const text = small(caseDir, name, MAX_RESULT_BYTES, problems);
  if (text === null) return null;
  try {
    const value = JSON.parse(text) as unknown;
    if (!isObject(value)) throw new SyntaxError('no object');
    if (value['planId'] === planId) return value;
    problems.push(`${name} is of another plan, and left out.`);
  } catch {
    problems.push(`${name} is not JSON, and left out.`);
  }
  return null;
}

function small(caseDir: string, name: string, most: number, problems: string[]): string | null {
  try {
    return readSmallFile(REAL_FILES, path.join(caseDir, name), most)?.toString('utf8') ?? null;
  } catch (error) {
    problems.push(`${name} cannot be read: ${(error as Error).message}.`);
    return null;
  }
}

function transcriptLine(raw: unknown): TranscriptLine[] {
  if (!isObject(raw)) return [];
  const { at, command, exit, durationMs, by } = raw;
  if (!isTime(at) || typeof command !== 'string' || typeof exit !== 'number' || !isCount(durationMs)) return [];
  return [{ at, command, exit, durationMs, by: typeof by === 'string' ? by : '' }];
}

function caseEvent(raw: unknown, planId: string): CaseEvent[] {
  if (!isObject(raw) || raw['plan'] !== planId || !isTime(raw['at']) || typeof raw['event'] !== 'string') return [];
  const text = (name: string): string | null => (typeof raw[name] === 'string' ? raw[name] : null);
  return [{ at: raw['at'], event: raw['event'], step: text('step'), detail: text('detail') ?? '', dataDir: text('dataDir'), backup: text('backup'), overrides: Array.isArray(raw['overrides']) ? raw['overrides'].filter((one) => typeof one === 'string') : [] }];
}

function rehearsalOf(raw: Record<string, unknown> | null): CaseRecord['rehearsal'] {
  const verdict = raw?.['verdict'];
  if (raw === null || (verdict !== 'pass' && verdict !== 'fail' && verdict !== 'unverifiable')) return null;
  return { verdict, server: words(raw['server']), detail: words(raw['detail']) ?? '', checks: checksOf(raw['checks']), durationMs: isCount(raw['durationMs']) ? raw['durationMs'] : 0 };
}

function verificationOf(raw: Record<string, unknown> | null): CaseRecord['verification'] {
  const verdict = raw?.['verdict'];
  if (raw === null || (verdict !== 'verified' && verdict !== 'failed')) return null;
  const count = (name: string): number | null => (isCount(raw[name]) ? raw[name] : null);
  return { verdict, leader: words(raw['leader']), term: count('term'), checks: checksOf(raw['checks']), voters: count('voters'), failuresTolerated: count('failuresTolerated'), durationMs: count('durationMs') ?? 0, endpoints: Array.isArray(raw['endpoints']) ? raw['endpoints'].filter((one) => typeof one === 'string') : [] };
}

function checksOf(raw: unknown): CheckLine[] {
  if (!Array.isArray(raw)) return [];
  return raw.flatMap((one: unknown) => (isObject(one) && typeof one['name'] === 'string' ? [{ name: one['name'], ok: typeof one['ok'] === 'boolean' ? one['ok'] : null, detail: words(one['detail']) ?? '' }] : []));
}

/** Digests of the case's files. Two of them grow with each command: their names say how many bytes the digest is over. */
async function artefactsOf(caseDir: string, planFile: string, problems: string[]): Promise<{ name: string; sha256: string }[]> {
  const artefacts: { name: string; sha256: string }[] = [];
  const isElsewhere = path.relative(caseDir, planFile).startsWith('..');
  const files: { name: string; file: string; bytes: number }[] = (isElsewhere ? [planFile] : []).map((file) => ({ name: file, file, bytes: REAL_FILES.facts(file)?.bytes ?? 0 }));
  for (const one of namesIn(caseDir, problems)) files.push({ name: one.path, file: path.join(caseDir, one.path), bytes: one.facts.bytes });
  for (const { name, file, bytes } of files.slice(0, MAX_ARTEFACTS)) {
    if (bytes > MAX_ARTEFACT_BYTES) {
      problems.push(`${name} is larger than anything a case keeps, and not hashed.`);
      continue;
    }
    try {
      const hashed = await hashFile(file);
      artefacts.push({ name: name === CASE_TRANSCRIPT || name === CASE_JOURNAL ? `${name}, first ${hashed.bytes} bytes` : name, sha256: hashed.sha256 });
    } catch (error) {
      problems.push(`${name} cannot be hashed: ${(error as Error).message}.`);
    }
  }
  if (files.length > MAX_ARTEFACTS) problems.push(`${files.length - MAX_ARTEFACTS} more files of the case are not hashed.`);
  return artefacts;
}

function namesIn(caseDir: string, problems: string[]): TreeName[] {
  try {
    return REAL_FILES.facts(caseDir)?.kind === 'directory' ? listFiles(caseDir) : [];
  } catch (error) {
    problems.push(`The files of the case are not hashed: ${(error as Error).message}.`);
    return [];
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function words(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}
