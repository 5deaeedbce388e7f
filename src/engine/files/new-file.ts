import fs from 'node:fs';
import { UsageError } from '../errors.ts';

/** Makes the names in a directory durable: a created, renamed or removed file is, only after this. */
export function syncDirectory(directory: string): void {
  const fd = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Gives a finished file its name, never over another one. The caller syncs the directory.
 * @throws {UsageError} When the name is taken, or the place cannot be written.
 */
export function linkNew(aside: string, file: string): void {
  try {
    fs.linkSync(aside, file);
  } catch (cause) {
    throw cannotWrite(file, cause);
  }
}

/** Why a new file cannot be written, in the operator's words. */
export function cannotWrite(file: string, cause: unknown): UsageError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'EEXIST') return new UsageError(`${file} exists already`, 'Name another file with -o, or move the old one away: nothing is overwritten', { cause });
  return new UsageError(`${file} cannot be written: ${code ?? message}`, 'Name a place that can be written with -o', { cause });
}
