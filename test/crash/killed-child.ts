import fs from 'node:fs';
import process from 'node:process';
import { REAL_FILES } from '../../src/engine/files/file-ops.ts';
import type { RecoveryPlan } from '../../src/engine/model/plan.ts';
import { applyPlan } from '../../src/engine/recovery/apply/apply.ts';
import { undoPlan } from '../../src/engine/recovery/apply/undo.ts';
import { type ApplyWorld, REAL_WORLD } from '../../src/engine/recovery/apply/world.ts';
import { restoreSnapshot, type RestoreRequest } from '../../src/engine/recovery/restore/restore.ts';
import { FAKE_OPTIONS, fakeTarget } from '../helpers/fake-recovery.ts';

/** What a child is to do, and where it ends itself by SIGKILL: before or after its n-th call that changes a file; 0 never. */
export interface KilledJob {
  readonly verb: 'apply' | 'undo' | 'restore';
  readonly plan?: string;
  /** The small target of the tests in place of the plan's own. */
  readonly isFake?: boolean;
  readonly restore?: Omit<RestoreRequest, 'now'> & { now: string };
  readonly kill: number;
  readonly moment: 'before' | 'after';
}

const CHANGING = ['writeSync', 'writeFileSync', 'appendFileSync', 'ftruncateSync', 'truncateSync', 'fsyncSync', 'mkdirSync', 'mkdtempSync', 'rmdirSync', 'rmSync', 'renameSync', 'linkSync', 'unlinkSync', 'chmodSync', 'chownSync', 'utimesSync', 'copyFileSync'] as const;
const job = JSON.parse(process.argv[2] ?? '') as KilledJob;
let count = 0;

function dieHere(ordinal: number, moment: KilledJob['moment']): void {
  if (ordinal === job.kill && moment === job.moment) process.kill(process.pid, 'SIGKILL');
}

function counted(call: (...args: unknown[]) => unknown, changes: (args: unknown[]) => boolean): (...args: unknown[]) => unknown {
  return (...args) => {
    if (!changes(args)) return call.apply(fs, args);
    count += 1;
    // Some calls of the library make others: those are counted too.
    const own = count;
    dieHere(own, 'before');
    try {
      return call.apply(fs, args);
    } finally {
      dieHere(own, 'after');
    }
  };
}

const files = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
for (const name of CHANGING) files[name] = counted(files[name] as (...args: unknown[]) => unknown, () => true);
// Making a file is a change as well, opening one to read is not.
const isMaking = (flags: unknown): boolean => (typeof flags === 'number' ? (flags & fs.constants.O_CREAT) !== 0 : typeof flags === 'string' && !flags.startsWith('r'));
files['openSync'] = counted(files['openSync'] as (...args: unknown[]) => unknown, (args) => isMaking(args[1]));

const world: ApplyWorld = { ...REAL_WORLD, useOf: () => ({ users: [], hidden: 0 }), ...(job.isFake === true ? { targetOf: () => fakeTarget(REAL_FILES) } : {}) };
if (job.verb === 'restore') await restoreSnapshot({ ...(job.restore as NonNullable<typeof job.restore>), now: new Date(job.restore?.now ?? 0) });
else {
  const plan = JSON.parse(fs.readFileSync(job.plan ?? '', 'utf8')) as RecoveryPlan;
  await (job.verb === 'apply' ? applyPlan(plan, FAKE_OPTIONS, world) : undoPlan(plan, FAKE_OPTIONS, world));
}
const total = count;
fs.writeSync(1, String(total));
