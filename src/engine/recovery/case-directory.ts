import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.ts';
import { detectReader } from '../readers/index.ts';
import { isInside, realPlace } from './apply/workplace.ts';
import { cannotWrite, linkNew, syncDirectory } from '../files/new-file.ts';

/** Where a recovery keeps its evidence, plan and journal: named after the cluster, or after the first member without an id. */
export function caseDirectory(given: string | undefined, clusterId: string | null, fallback: string): string {
  return given ?? `case-${(clusterId ?? fallback).replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 8)}`;
}

/**
 * A case inside a member's data would change the very directory it is about.
 * @throws {UsageError} When the case directory would lie in one of them, or is the data of any other member.
 */
export function refuseInsideData(caseDir: string, directories: readonly string[]): void {
  const hint = 'Go to another directory, or name one with --case';
  const target = realPlace(caseDir);
  for (const one of directories) {
    if (isInside(target, realPlace(one))) throw new UsageError(`the case directory ${caseDir} would lie inside the data of ${one}`, hint);
  }
  if (detectReader(caseDir) !== null) throw new UsageError(`${caseDir} is a member's data, no case directory`, hint);
}

/** The same for a file named with `-o`. @throws {UsageError} When it would lie in one of them. */
export function refuseFileInsideData(file: string, directories: readonly string[]): void {
  const target = realPlace(file);
  for (const one of directories) {
    if (isInside(target, realPlace(one))) throw new UsageError(`${file} would lie inside the data of ${one}`, 'Name a place outside it with -o');
  }
}

/**
 * Writes a new file whole or not at all, and never over another: a temporary file beside it, synced, then linked into place.
 * @throws {UsageError} When the file exists or its directory cannot be written.
 */
export function writeNewFile(file: string, text: string): void {
  const directory = path.dirname(file);
  const aside = path.join(directory, `.${path.basename(file)}.${process.pid}.tmp`);
  try {
    writeAside(aside, text, file);
    linkNew(aside, file);
  } finally {
    // Where a file stands in the way of the directory there is nothing to remove, and asking for it is an error.
    if (fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) fs.rmSync(aside, { force: true });
  }
  syncDirectory(directory);
}

function writeAside(aside: string, text: string, file: string): void {
  try {
    fs.mkdirSync(path.dirname(aside), { recursive: true });
    const fd = fs.openSync(aside, 'w', 0o600);
    try {
      fs.writeFileSync(fd, text);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  } catch (cause) {
    throw cannotWrite(file, cause);
  }
}
