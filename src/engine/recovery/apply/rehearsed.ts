import fs from 'node:fs';
import path from 'node:path';
import type { RecoveryPlan } from '../../model/plan.ts';
import type { RehearsalReport } from '../../model/verify-report.ts';

/** What `recover rehearse` leaves in the case directory. */
export const REHEARSAL_FILE = 'rehearsal.json';
const MAX_BYTES = 8 * 1024 ** 2;

/** When this very plan was rehearsed, and what came of it; a plan may be applied unrehearsed, and then that is said. */
export function lastRehearsal(plan: RecoveryPlan, caseDir: string | null): { ok: boolean | null; detail: string } {
  const report = caseDir === null ? null : read(path.join(caseDir, REHEARSAL_FILE));
  if (report === null || report.planId !== plan.planId) return { ok: null, detail: 'not rehearsed' };
  if (report.verdict === 'pass') return { ok: true, detail: `rehearsed ${report.at}` };
  return { ok: null, detail: `rehearsed ${report.at}: ${report.verdict}` };
}

/** The time is that of the file: it was written when the rehearsal ended. */
function read(file: string): (Pick<RehearsalReport, 'planId' | 'verdict'> & { at: string }) | null {
  try {
    const stat = fs.statSync(file);
    if (!stat.isFile() || stat.size > MAX_BYTES) return null;
    const { planId, verdict } = JSON.parse(fs.readFileSync(file, 'utf8')) as Partial<RehearsalReport>;
    return typeof planId === 'string' && (verdict === 'pass' || verdict === 'fail' || verdict === 'unverifiable') ? { planId, verdict, at: stat.mtime.toISOString() } : null;
  } catch {
    return null;
  }
}
