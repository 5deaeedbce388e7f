import type { MemberReport } from '../../model/member-report.ts';
import type { Backend } from './backend.ts';
import type { LogRun } from './log-run.ts';
import type { SnapFile } from './snap-file.ts';

/**
 * Whether a member can be made to start from its own files. The keys live in the db alone (a `.snap` holds only members), so a
 * sound db that the log joins without a gap is enough: where etcd itself would refuse (damage in the log, a missing `.snap`, a
 * log that ends before the db), the recovery rebuilds the log around it. Without a db etcd replays a whole log from entry 1.
 */
export function startable(backend: Backend, run: LogRun, newest: SnapFile | undefined, hasSegments: boolean): MemberReport['startable'] {
  const no = (reason: string): MemberReport['startable'] => ({ ok: false, reason });
  if (!backend.db) {
    if (backend.name !== null) return no(backend.problem ?? 'its db cannot be read');
    if (newest || run.first !== 1 || run.isEmpty) return no('it has no db, and its log does not reach back to the first entry');
    return { ok: true };
  }
  if (backend.problem !== null) return no(backend.problem);
  if (!hasSegments) return { ok: true };
  const applied = backend.db.consistentIndex ?? 0;
  if (!run.isEmpty && run.first > applied + 1) return no(`entries ${applied + 1}-${run.first - 1} are missing between its db and its log`);
  if (run.isEmpty && applied === 0) return no('its log is empty and its db has applied nothing');
  return { ok: true };
}
