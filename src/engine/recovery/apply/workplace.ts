import fs from 'node:fs';
import path from 'node:path';
import { RefusedError, UsageError } from '../../errors.ts';
import { type RecoveryPlan, shortPlanId } from '../../model/plan.ts';
import type { ApplyOptions } from './options.ts';

/** Where a recovery works: all of it beside the data directory, on its filesystem, so that a rename is one step. */
export interface Workplace {
  /** Absolute. */
  readonly dataDir: string;
  /** `<data directory>.ri`. */
  readonly work: string;
  readonly journal: string;
  /** The result while it is being built. */
  readonly staging: string;
  /** What a swapped-away directory is called until it is no longer needed. */
  readonly away: string;
}

export function workplaceAt(dataDir: string): Workplace {
  const root = path.resolve(dataDir);
  if (root === path.parse(root).root) throw new UsageError(`${dataDir} is the root of the file system`, 'Name the data directory of one member');
  const work = `${root}.ri`;
  return { dataDir: root, work, journal: path.join(work, 'journal.ndjson'), staging: path.join(work, 'new'), away: path.join(work, 'old') };
}

/** @throws {UsageError} When neither the plan nor the options say where the data is. */
export function workplaceOf(plan: RecoveryPlan, options: Pick<ApplyOptions, 'dataDir'>): Workplace {
  const dataDir = options.dataDir ?? plan.dataDir;
  if (dataDir === null) throw new UsageError(`plan ${shortPlanId(plan)} was made from an archive or evidence and names no directory`, 'Say where the data of this member is: --data <directory>');
  return workplaceAt(dataDir);
}

/** Where the backup of a plan lies. @throws {RefusedError} `backup-inside` when that is inside the data directory, or of what a run removes. */
export function backupPlace(plan: RecoveryPlan, at: Workplace, backupDir: string | undefined): string {
  const place = path.join(backupDir === undefined ? at.work : path.resolve(backupDir), shortPlanId(plan));
  refuseInside(place, at, { what: 'the backup directory', flag: '--backup-dir' });
  return place;
}

/**
 * Nothing is written into the directory that a plan is about, nor where a run builds and cleans up, by whatever name it is called.
 * @throws {RefusedError} `backup-inside`.
 */
export function refuseInside(place: string, at: Workplace, { what, flag }: { what: string; flag: string }): void {
  const real = realPlace(place);
  if (isInside(real, realPlace(at.dataDir))) throw new RefusedError('backup-inside', `${what} ${place} lies inside the data directory`, `Name another one with ${flag}${flag === '--backup-dir' ? ', or leave it out: the default lies beside the data' : ''}`);
  for (const own of [at.staging, at.away]) if (isInside(real, realPlace(own))) throw new RefusedError('backup-inside', `${what} ${place} lies in ${own}, which every run removes`, `Name another one with ${flag}`);
}

/** The real path of what is there, with what is not there yet behind it. */
export function realPlace(file: string): string {
  const whole = path.resolve(file);
  for (let at = whole; ; at = path.dirname(at)) {
    if (fs.existsSync(at)) return path.join(fs.realpathSync(at), path.relative(at, whole));
    if (at === path.dirname(at)) return whole;
  }
}

/** Whether the result of an apply is to be packed. */
export function isArchive(into: string): boolean {
  return /\.(?:tgz|tar\.gz)$/.test(into);
}

/** Whether `file` is `directory` or lies below it. Both absolute. */
export function isInside(file: string, directory: string): boolean {
  const relative = path.relative(directory, file);
  return relative === '' || (!relative.startsWith(`..${path.sep}`) && relative !== '..' && !path.isAbsolute(relative));
}
