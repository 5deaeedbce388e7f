import fs from 'node:fs';
import path from 'node:path';
import { DataLock } from '../../adapters/data-lock.ts';
import { thisHost } from '../../adapters/host-facts.ts';
import { InspectorError, RefusedError } from '../../errors.ts';
import { type FileOps, REAL_FILES } from '../../files/file-ops.ts';
import type { TargetKind } from '../../model/plan.ts';
import { LOCK_FILE } from '../../native/layout.ts';
import { openPlaces } from '../../places/open.ts';
import { CASE_JOURNAL } from '../case-files.ts';
import { targetOfKind } from '../targets/index.ts';
import type { RecoveryTarget } from '../targets/target.ts';
import { type DirectoryUse, useOf } from './directory-use.ts';

/** What applying needs of the world; a test puts its own in place. */
export interface ApplyWorld {
  readonly ops: FileOps;
  now(): Date;
  /** Monotonic milliseconds. */
  nowMs(): number;
  useOf(dataDir: string): DirectoryUse;
  /** Who runs this, as far as that limits whom files can be given to; null or left out: root, who can give them to anybody. */
  readonly user?: { readonly uid: number; readonly groups: readonly number[] } | null;
  /** One run at a time works beside one data directory. @throws {RefusedError} `apply-running`. */
  lock(work: string): { release(): void };
  targetOf(kind: TargetKind): RecoveryTarget;
  /** Whose data lies there; null when it cannot be read. */
  identify(dataDir: string): Promise<{ store: string; clusterId: string | null; memberId: string | null } | null>;
  /** The copy of a journal line that the case keeps, for people. */
  tell(caseDir: string, line: string): void;
}

export const REAL_WORLD: ApplyWorld = {
  ops: REAL_FILES,
  now: () => new Date(),
  nowMs: () => performance.now(),
  useOf,
  user: process.geteuid === undefined || process.geteuid() === 0 ? null : { uid: process.geteuid(), groups: [process.getegid?.() ?? -1, ...(process.getgroups?.() ?? [])] },
  lock(work) {
    try {
      const lock = DataLock.take(work);
      removeOrphans(work);
      return lock;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      throw new RefusedError('apply-running', `another run works beside this directory (${error.message.replace(/^[a-z-]+: /, '')})`, 'Wait until it has ended; if it hangs, stop it and run this again: it goes on where that one was', { cause: error });
    }
  },
  targetOf: targetOfKind,
  async identify(dataDir) {
    try {
      const [member] = await openPlaces([dataDir], { depth: 'log', need: 'report' });
      return member?.kind === 'reading' ? { store: member.reading.report.store, clusterId: member.reading.report.clusterId, memberId: member.reading.report.memberId } : null;
    } catch (error) {
      if (error instanceof InspectorError) return null;
      throw error;
    }
  },
  tell(caseDir, line) {
    try {
      if (fs.existsSync(caseDir)) fs.appendFileSync(path.join(caseDir, CASE_JOURNAL), line, { mode: 0o600 });
    } catch {
      // The journal beside the data is the one that counts; a case on a full disk must not stop a recovery.
    }
  },
};

/** What a run that was killed while it took the lock left: the file it wrote before linking it. */
function removeOrphans(work: string): void {
  for (const name of fs.readdirSync(work)) {
    const pid = new RegExp(`^${LOCK_FILE}(?:\\.stale)?\\.(\\d+)$`).exec(name)?.[1];
    if (pid !== undefined && thisHost.startTicksOf(Number(pid)) === null) fs.rmSync(path.join(work, name), { force: true });
  }
}
