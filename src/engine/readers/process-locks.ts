import fs from 'node:fs';
import type { FileSource } from './file-source.ts';

/** A lock that some process holds on a file; `pid` null where the kernel names none (locks of an open file description). */
export interface HeldLock {
  pid: number | null;
}

/**
 * Who holds a lock on one of `sources`, as /proc/locks tells (Linux; null elsewhere and when nobody does). Taking a lock to find
 * out would itself disturb a server, so the kernel's list is read instead. A line with a pid wins over one without: etcd's db
 * has an flock with a pid, its WAL files have locks of the open file description, which have none.
 * @see man 5 proc, /proc/locks
 */
export function heldLock(sources: readonly Pick<FileSource, 'inode'>[], locksFile = '/proc/locks'): HeldLock | null {
  let text: string;
  try {
    text = fs.readFileSync(locksFile, 'utf8');
  } catch {
    return null;
  }
  const wanted = new Set(sources.map(({ inode }) => `${inode.major}:${inode.minor}:${inode.number}`));
  let found: HeldLock | null = null;
  for (const line of text.split('\n')) {
    const lock = parseLock(line);
    if (!lock || !wanted.has(lock.inode)) continue;
    if (lock.pid !== null) return { pid: lock.pid };
    found = { pid: null };
  }
  return found;
}

/** `1: FLOCK  ADVISORY  WRITE 2214 08:01:131090 0 EOF`; the device is hexadecimal, the inode decimal. Waiters (`->`) hold nothing. */
function parseLock(line: string): { pid: number | null; inode: string } | null {
  const match = /^\d+: (?:\w+)\s+\w+\s+\w+\s+(-?\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /.exec(line);
  if (!match) return null;
  const pid = Number(match[1]);
  const [major, minor] = [Number.parseInt(match[2] as string, 16), Number.parseInt(match[3] as string, 16)];
  return { pid: pid > 0 ? pid : null, inode: `${major}:${minor}:${match[4]}` };
}
