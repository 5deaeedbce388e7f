import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { InspectorError } from '../../errors.ts';
import { finding } from '../../model/finding.ts';
import type { Finding } from '../../model/finding.ts';
import { lockStanding, MAX_LOCK_BYTES, parseLockRecord } from '../../native/lock-record.ts';
import type { HostFacts, LockRecord } from '../../native/lock-record.ts';
import { FileSource } from '../file-source.ts';
import { heldLock } from '../process-locks.ts';
import type { HeldLock } from '../process-locks.ts';
import type { NativeDir } from './data-dir.ts';

/** Whether a member runs on these files, as its lock file, or a lock on its environment's lock file, tells. Nothing is opened for it but the former. */
export function runningOn(directory: NativeDir, facts: HostFacts = thisHost()): { running: HeldLock | null; findings: Finding[] } {
  const { root, log, lock } = directory;
  const record = lock === null ? null : readLock(root, lock);
  const standing = record === null ? null : lockStanding(record, facts);
  if (record !== null && standing === 'held') return { running: { pid: record.pid }, findings: [] };
  const held = heldLock([log, log.replace(/data\.mdb$/, 'lock.mdb')].flatMap((name) => inodeOf(path.join(root, name))));
  const findings: Finding[] = [];
  if (held === null && record !== null && standing === 'elsewhere') {
    const message = `the lock file names process ${record.pid} on host ${record.host}, since ${record.since}: whether it still runs cannot be told from here`;
    findings.push(finding('lock-elsewhere', 'info', message, { file: lock, fix: 'Make sure that no process on that host uses this directory' }));
  }
  return { running: held, findings };
}

function readLock(root: string, name: string): LockRecord | null {
  try {
    using source = FileSource.open(path.join(root, name), name);
    return parseLockRecord(source.read(0, MAX_LOCK_BYTES + 1));
  } catch (error) {
    // Absent, or half-written: no process holds a directory by it.
    if (error instanceof InspectorError || error instanceof RangeError) return null;
    throw error;
  }
}

function inodeOf(file: string): { inode: FileSource['inode'] }[] {
  try {
    const { dev, ino } = fs.statSync(file);
    return [{ inode: { major: (dev >> 8) & 0xfff, minor: (dev & 0xff) | ((dev >> 12) & 0xfff00), number: ino } }];
  } catch {
    return [];
  }
}

function thisHost(): HostFacts {
  return {
    host: os.hostname(),
    bootId: readText('/proc/sys/kernel/random/boot_id').trim(),
    startTicksOf(pid) {
      if (!fs.existsSync('/proc/self')) return isAlive(pid) ? 0 : null;
      // The name of the program, in parentheses, may hold blanks: fields are counted behind it (man 5 proc, starttime is field 22).
      const stat = readText(`/proc/${pid}/stat`);
      return stat === '' ? null : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0');
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readText(file: string): string {
  try {
    return fs.readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
