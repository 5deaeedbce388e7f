import fs from 'node:fs';
import path from 'node:path';
import { replaceDurably } from '../files/durable.ts';
import { REAL_FILES } from '../files/file-ops.ts';
import type { RehearsalReport } from '../model/verify-report.ts';
import { REHEARSAL_FILE } from '../recovery/apply/rehearsed.ts';
import { mayKeepIn } from '../recovery/case-files.ts';

/** What `recover verify` leaves in the case directory. */
export const VERIFICATION_FILE = 'verification.json';
const MAX_BYTES = 8 * 1024 ** 2;

/** Keeps a result in a case that exists, and says whether it could; the one before is replaced. What was found out does not hang on it. */
export function writeCaseFile(caseDir: string, name: string, report: unknown): boolean {
  if (!mayKeepIn(caseDir)) return false;
  try {
    replaceDurably(REAL_FILES, path.join(caseDir, name), `${JSON.stringify(report, null, 2)}\n`, 0o600);
    return true;
  } catch {
    // A full disk or a read-only case must not hide the result.
    return false;
  }
}

/** The rehearsal of this very plan that passed; null when there is none. */
export function passedRehearsal(caseDir: string, planId: string): Pick<RehearsalReport, 'stateHash' | 'revision'> | null {
  const file = path.join(caseDir, REHEARSAL_FILE);
  try {
    if (fs.statSync(file).size > MAX_BYTES) return null;
    const report = JSON.parse(fs.readFileSync(file, 'utf8')) as Partial<RehearsalReport>;
    if (report.planId !== planId || report.verdict !== 'pass') return null;
    return { stateHash: report.stateHash ?? null, revision: report.revision ?? null };
  } catch {
    return null;
  }
}
