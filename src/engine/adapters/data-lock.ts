import fs from 'node:fs';
import path from 'node:path';
import { RefusedError } from '../errors.ts';
import { LOCK_FILE } from '../native/layout.ts';
import { encodeLockRecord, type HostFacts, type LockRecord, lockStanding, MAX_LOCK_BYTES, parseLockRecord } from '../native/lock-record.ts';
import { thisHost } from './host-facts.ts';

/** The right to open a data directory; LMDB itself would let two processes write to it at once. */
export class DataLock {
  private constructor(
    private readonly file: string,
    private readonly text: string,
  ) {}

  /**
   * Takes the lock. A link to a file that is written already appears whole or not at all, and only for one of several who try. The
   * lock of a process that is certainly gone is moved aside first; who finds that it moved a fresh one puts it back and gives up.
   * @throws {RefusedError} `directory-in-use`, naming the process and how to stop it.
   */
  static take(dataDir: string, facts: HostFacts = thisHost, pid = process.pid): DataLock {
    const file = path.join(dataDir, LOCK_FILE);
    const own = `${file}.${pid}`;
    const record: LockRecord = { pid, startTicks: facts.startTicksOf(pid) ?? 0, host: facts.host, bootId: facts.bootId, since: new Date().toISOString() };
    const text = encodeLockRecord(record);
    writeDurably(own, text);
    try {
      for (let attempt = 0; attempt < 3; attempt += 1) {
        if (link(own, file)) return new DataLock(file, text);
        const holder = readLock(file);
        if (holder === null) continue; // gone meanwhile
        const standing = holder.record === null ? 'stale' : lockStanding(holder.record, facts);
        if (standing !== 'stale') throw inUse(dataDir, file, holder.record, standing);
        setAside(file, holder.text, dataDir);
      }
      throw inUse(dataDir, file, null, 'held');
    } finally {
      fs.rmSync(own, { force: true });
    }
  }

  /** Whether the file is still the one that was taken. */
  isHeld(): boolean {
    return readLock(this.file)?.text === this.text;
  }

  release(): void {
    if (this.isHeld()) fs.rmSync(this.file, { force: true });
  }
}

function setAside(file: string, text: string, dataDir: string): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    fs.renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (readLock(aside)?.text !== text) {
    link(aside, file);
    fs.rmSync(aside);
    throw inUse(dataDir, file, readLock(file)?.record ?? null, 'held');
  }
  fs.rmSync(aside);
}

/** False when there is a file already. */
function link(from: string, to: string): boolean {
  try {
    fs.linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** `record` null: the file is no lock record. It is written whole before it gets its name, so only a crash of the host can have left it. */
function readLock(file: string): { text: string; record: LockRecord | null } | null {
  try {
    const bytes = readStart(file);
    return { text: bytes.toString('latin1'), record: parseOrNull(bytes) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function readStart(file: string): Buffer {
  const fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(MAX_LOCK_BYTES + 1);
    return bytes.subarray(0, fs.readSync(fd, bytes, 0, bytes.length, 0));
  } finally {
    fs.closeSync(fd);
  }
}

function parseOrNull(bytes: Uint8Array): LockRecord | null {
  try {
    return parseLockRecord(bytes);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function writeDurably(file: string, text: string): void {
  const fd = fs.openSync(file, 'w', 0o644);
  try {
    fs.writeSync(fd, text);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function inUse(dataDir: string, file: string, record: LockRecord | null, standing: 'held' | 'elsewhere'): RefusedError {
  const who = record === null ? 'another process' : `process ${record.pid} on ${record.host} since ${record.since}`;
  const hint =
    standing === 'elsewhere'
      ? `If that host no longer runs the member and cannot write here any more, remove ${file}`
      : `Stop it first${record === null ? '' : `: kill ${record.pid}`}; two processes on one directory would destroy it`;
  return new RefusedError('directory-in-use', `${dataDir} is in use by ${who}`, hint);
}
