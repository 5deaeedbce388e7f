import crypto from 'node:crypto';
import path from 'node:path';
import { UnreadableError } from '../../errors.ts';
import { FileSource } from '../file-source.ts';
import type { RaftLayout } from './layout.ts';

/** Holds both meta pages of a Bolt file and its first pages: which page holds what depends on every transaction before. */
const HEAD_BYTES = 1 << 20;

/**
 * A mark of the file that every write to the log changes: its size and its beginning. Two servers write the same entries to other pages
 * (raft-boltdb) or at other times (raft-wal's list of segments), so equal marks over equal logs are copies of one disk. Null where the
 * file cannot be read.
 */
export function digestOfStore({ root, store, log, stable }: RaftLayout): string | null {
  const file = store === 'raft-wal' ? stable : log;
  try {
    using source = FileSource.open(path.join(root, file), file);
    return crypto.createHash('sha256').update(`${source.size}\n`).update(source.read(0, HEAD_BYTES)).digest('hex');
  } catch (error) {
    if (error instanceof UnreadableError) return null;
    throw error;
  }
}
