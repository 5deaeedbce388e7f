import { FieldError, parseFields } from './json-fields.ts';

/** Largest content of a lock file that is believed. */
export const MAX_LOCK_BYTES = 4096;

/** Who holds a data directory. One line of JSON in `<data>/LOCK`, written before anything else is opened. */
export interface LockRecord {
  readonly pid: number;
  /** When that process began, in the kernel's clock ticks since boot: tells a process from a later one with its number; 0 where unknown. */
  readonly startTicks: number;
  readonly host: string;
  /** Changes with each boot of the host, so that a lock never outlives one; empty where the system tells none. */
  readonly bootId: string;
  /** RFC 3339. */
  readonly since: string;
}

export function encodeLockRecord(record: LockRecord): string {
  return `${JSON.stringify({ version: 1, ...record })}\n`;
}

/** @throws {RangeError} When the bytes are no lock record. */
export function parseLockRecord(bytes: Uint8Array): LockRecord {
  try {
    if (bytes.length > MAX_LOCK_BYTES) throw new FieldError(`the lock file is longer than ${MAX_LOCK_BYTES} bytes`);
    const fields = parseFields(bytes, 'the lock file');
    fields.constant('version', 1);
    const record: LockRecord = {
      pid: fields.counter('pid'),
      startTicks: fields.counter('startTicks'),
      host: fields.text('host', { maxBytes: 256, mayBeEmpty: true }),
      bootId: fields.text('bootId', { maxBytes: 64, mayBeEmpty: true }),
      since: fields.text('since', { maxBytes: 64 }),
    };
    fields.end();
    if (record.pid < 1) throw new FieldError('the lock file names no process');
    return record;
  } catch (error) {
    if (error instanceof FieldError) throw new RangeError(error.message, { cause: error });
    throw error;
  }
}

/** What this host says of itself and of a process. */
export interface HostFacts {
  readonly host: string;
  readonly bootId: string;
  /** Start of a running process in clock ticks; 0 where unknown; null when no such process runs. */
  startTicksOf(pid: number): number | null;
}

/**
 * Whether a lock still binds: `held` by a living process of this boot, `stale` when that is certainly over, `elsewhere` when another
 * host wrote it and this one cannot tell.
 */
export function lockStanding(record: LockRecord, facts: HostFacts): 'held' | 'stale' | 'elsewhere' {
  // Containers of one machine share the boot and not the host name: their process numbers mean nothing here.
  if (record.host !== facts.host) return 'elsewhere';
  if (record.bootId !== '' && facts.bootId !== '' && record.bootId !== facts.bootId) return 'stale';
  const ticks = facts.startTicksOf(record.pid);
  if (ticks === null) return 'stale';
  return record.startTicks !== 0 && ticks !== 0 && ticks !== record.startTicks ? 'stale' : 'held';
}
