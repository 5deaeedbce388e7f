import fs from 'node:fs';
import path from 'node:path';
import type { ByteSource } from './byte-source.ts';
import { descriptorSource } from './descriptor-source.ts';
import { openLmdb } from './lmdb-file.ts';

export const DATA_FILE = 'data.mdb';

/** `byteOffset` is the start of the page or node; null when the whole file is meant. */
export type OpenCheck = { readonly ok: true } | { readonly ok: false; readonly file: string; readonly byteOffset: number | null; readonly problem: string };

/**
 * Whether the native library may open an LMDB environment: a damaged file ends the process there, without a word. Every page that
 * the newest transaction reaches is looked at, those of the free pages' list too. Reads only; a missing file is a new environment.
 * To be called under the directory's lock, so that nobody writes meanwhile.
 * @param directory Of the environment: where data.mdb lies.
 */
export function checkBeforeOpen(directory: string): OpenCheck {
  const file = path.join(directory, DATA_FILE);
  const bad = (problem: string, byteOffset: number | null = null): OpenCheck => ({ ok: false, file, byteOffset, problem });
  let fd: number;
  try {
    fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? { ok: true } : bad(`cannot be opened: ${code ?? String(error)}`);
  }
  try {
    const stat = fs.fstatSync(fd);
    if (!stat.isFile()) return bad('is not a regular file');
    if (stat.size === 0) return bad('is empty: an environment that was opened once is never', 0);
    return checkSource(descriptorSource(fd, file, stat.size), bad);
  } catch (error) {
    return bad(`cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  } finally {
    fs.closeSync(fd);
  }
}

function checkSource(source: ByteSource, bad: (problem: string, byteOffset: number) => OpenCheck): OpenCheck {
  const { views, badMetas } = openLmdb(source);
  const [badMeta, view] = [badMetas[0], views[0]];
  // The library looks at little more than the magic number: a bad meta page it would take for the newest.
  if (badMeta !== undefined) return bad(badMeta.problem, badMeta.byteOffset);
  const damage = view?.firstDamage() ?? null;
  return damage === null ? { ok: true } : bad(damage.problem, damage.byteOffset);
}
