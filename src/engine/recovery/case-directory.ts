import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.ts';

/** Where a recovery keeps its evidence, plan and journal: named after the cluster, or after the first member without an id. */
export function caseDirectory(given: string | undefined, clusterId: string | null, fallback: string): string {
  return given ?? `case-${(clusterId ?? fallback).replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 8)}`;
}

/**
 * Writes a new file whole or not at all, and never over another: a temporary file beside it, synced, then linked into place.
 * @throws {UsageError} When the file exists or its directory cannot be written.
 */
export function writeNewFile(file: string, text: string): void {
  const directory = path.dirname(file);
  const aside = path.join(directory, `.${path.basename(file)}.${process.pid}.tmp`);
  try {
    fs.mkdirSync(directory, { recursive: true });
    const fd = fs.openSync(aside, 'wx', 0o600);
    try {
      fs.writeFileSync(fd, text);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.linkSync(aside, file);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') throw new UsageError(`${file} exists already`, 'Name another file with -o, or move the old one away: nothing is overwritten', { cause });
    throw new UsageError(`${file} cannot be written: ${code ?? String(cause)}`, 'Name a place that can be written with -o', { cause });
  } finally {
    fs.rmSync(aside, { force: true });
  }
  syncDirectory(directory);
}

function syncDirectory(directory: string): void {
  const fd = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
