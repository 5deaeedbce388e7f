import path from 'node:path';
import { RefusedError } from '../../errors.ts';
import type { FileOps } from '../../files/file-ops.ts';
import type { RecoveryPlan } from '../../model/plan.ts';
import { mayLink } from './backup.ts';
import type { ApplyOptions } from './options.ts';
import { realPlace, type Workplace } from './workplace.ts';

/** Room for the journal, the manifest and directories. */
const SPARE_BYTES = 256 * 1024;

/** What one filesystem has to take. */
export interface Room {
  /** A directory on it. */
  readonly directory: string;
  readonly neededBytes: number;
  /** Null where the system does not tell. */
  readonly freeBytes: number | null;
}

/** What an apply writes, by filesystem: first where the result is built, then where the backup goes when that is another one. */
export function roomsFor(plan: RecoveryPlan, at: Workplace, options: Pick<ApplyOptions, 'into' | 'backupDir'>, ops: FileOps): readonly [Room, ...Room[]] {
  const allocated = (file: string): number => ops.facts(path.join(at.dataDir, file))?.allocatedBytes ?? 0;
  const isCopied = (file: string): boolean => options.into !== undefined || options.backupDir !== undefined || !mayLink(plan, file);
  const copies = plan.files.filter((one) => isCopied(one.path)).reduce((sum, one) => sum + allocated(one.path), 0);
  const built = plan.changes.reduce((sum, one) => sum + (one.kind === 'remove' ? 0 : allocated(one.path) + Math.max(0, (one.bytesAfter ?? one.bytesBefore ?? 0) - (one.bytesBefore ?? 0))), 0);
  const home = path.dirname(options.into === undefined ? at.dataDir : path.resolve(options.into));
  const room = (directory: string, bytes: number): Room => ({ directory, neededBytes: bytes + SPARE_BYTES, freeBytes: ops.freeBytes(directory) });
  if (options.into !== undefined || options.backupDir === undefined) return [room(home, copies + built)];
  const there = existing(realPlace(options.backupDir), ops);
  return ops.facts(there)?.device === ops.facts(home)?.device ? [room(home, copies + built)] : [room(home, built), room(there, copies)];
}

/** @throws {RefusedError} `no-space`. */
export function enoughSpace(rooms: readonly [Room, ...Room[]]): { ok: boolean | null; detail: string } {
  const details: string[] = [];
  for (const { directory, neededBytes, freeBytes } of rooms) {
    if (freeBytes !== null && freeBytes < neededBytes) throw new RefusedError('no-space', `${freeBytes} bytes are free in ${directory}, about ${neededBytes} are needed`, 'Free some, or put the backup elsewhere with --backup-dir, or build the result elsewhere with --into');
    if (freeBytes !== null) details.push(`${freeBytes} bytes free, ${neededBytes} needed${rooms.length === 1 ? '' : ` in ${directory}`}`);
  }
  return details.length === 0 ? { ok: null, detail: 'free space is not known' } : { ok: true, detail: details.join('; ') };
}

/** The nearest directory that is there already. */
function existing(directory: string, ops: FileOps): string {
  let one = directory;
  while (ops.facts(one) === null && one !== path.dirname(one)) one = path.dirname(one);
  return one;
}
