import fs from 'node:fs';
import path from 'node:path';
import { UnknownStoreError, UsageError } from '../errors.ts';
import type { ReadOptions } from '../model/reading.ts';
import { detectReader } from '../readers/index.ts';

const MAX_DEPTH = 8;
const MAX_DIRECTORIES = 5000;

/**
 * The one member in an unpacked archive: the topmost directory (or single file) that a reader knows.
 * @throws {UsageError} When there are several.
 * @throws {UnknownStoreError} When there is none.
 */
export function findMember(root: string, shown: string, options: ReadOptions): string {
  let level = [root];
  let seen = 0;
  for (let depth = 0; depth < MAX_DEPTH && level.length > 0; depth += 1) {
    const known = level.filter((directory) => detectReader(directory, options) !== null);
    if (known.length === 1 && known[0] !== undefined) return known[0];
    if (known.length > 1) {
      const names = known.map((one) => path.relative(root, one)).sort();
      throw new UsageError(`${shown} holds ${known.length} members: ${names.slice(0, 5).join(', ')}`, 'Unpack it and name each directory');
    }
    const entries = level.flatMap((directory) => fs.readdirSync(directory, { withFileTypes: true }).map((entry) => ({ entry, file: path.join(directory, entry.name) })));
    const files = entries.filter(({ entry, file }) => entry.isFile() && detectReader(file, options) !== null).map(({ file }) => file);
    if (files.length === 1 && files[0] !== undefined) return files[0];
    level = entries.filter(({ entry }) => entry.isDirectory()).map(({ file }) => file);
    seen += level.length;
    if (seen > MAX_DIRECTORIES) break;
  }
  throw new UnknownStoreError(`${shown}: holds no store that can be read`, 'Pack the data directory itself: tar -czSf n1.tgz <data dir>');
}
