import crypto from 'node:crypto';
import type { LogIndex, LogPosition } from '../../../core/types.ts';
import { RefusedError } from '../../../errors.ts';
import type { MemberReport } from '../../../model/member-report.ts';
import type { LogEntry, MemberReading } from '../../../model/reading.ts';

/** The entries of a range as they were read: with it a rewritten log is compared with its source. */
export interface KeptLog {
  /** Oldest entry counted. */
  from: LogIndex;
  entries: number;
  /** SHA-256 over position, kind, data and extensions of each. */
  sha256: string;
}

/** What the log holds up to the last entry that is kept. */
export interface KeptPart {
  log: KeptLog;
  /** The last one kept: an entry, or the snapshot when that is newer. */
  last: LogPosition;
  /** Index of the newest usable snapshot, 0 for none. */
  base: LogIndex;
  /** Commands behind the snapshot: only the server itself can apply them. */
  commandsBehindBase: number;
  /** The log's last entry that can be read, kept or not; 0 for none. */
  lastStored: LogIndex;
  /** The last entry behind the last one kept that may follow it; 0 for none. One of a lower term is of a branch that was given up. */
  leftBehind: LogIndex;
  /** Whether something lies behind the last one kept that cannot be read. */
  damagedBehind: boolean;
}

/** The newest snapshot a server would start from; null for none. */
export function baseSnapshot(report: MemberReport): MemberReport['snapshots'][number] | null {
  return report.snapshots.find(({ status }) => status !== 'bad') ?? null;
}

/** Counts and hashes the readable entries in [from, to]. */
export function hashLog(reading: MemberReading, from: LogIndex, to: LogIndex): KeptLog {
  const hash = crypto.createHash('sha256');
  let entries = 0;
  for (const record of reading.records({ from, to })) {
    if (record.type !== 'entry') continue;
    feed(hash, record);
    entries++;
  }
  return { from, entries, sha256: hash.digest('hex') };
}

function feed(hash: crypto.Hash, entry: LogEntry): void {
  hash.update(`${entry.index} ${entry.term} ${entry.kind} ${entry.data.length} ${entry.extensions?.length ?? 0}\n`);
  hash.update(entry.data);
  if (entry.extensions !== undefined) hash.update(entry.extensions);
}

/**
 * Walks the log up to `keepTo` and makes sure that a server could start from it: every entry behind the snapshot there, terms that
 * never fall, a snapshot that can be restored where the log does not begin at 1.
 * What the newest snapshot stands for cannot be taken back, so no less than that is kept.
 * @throws {RefusedError} `log-incomplete`, `keep-to-outside`, `no-snapshot`, `nothing-kept`.
 */
export function keptPart(reading: MemberReading, wanted: LogIndex): KeptPart {
  const { report } = reading;
  const snapshot = baseSnapshot(report);
  if (snapshot === null && report.snapshots.length > 0) {
    throw new RefusedError('no-snapshot', `none of the ${report.snapshots.length} snapshots can be restored: no server starts from here`, 'Choose another source with --source');
  }
  const base = snapshot?.index ?? 0;
  const keepTo = Math.max(base, wanted);
  if (keepTo > report.lastEntry.index) {
    throw new RefusedError('keep-to-outside', `entry ${keepTo} is not among what can be kept, ${base}..${report.lastEntry.index}`, 'Give --in-doubt keep, or another source');
  }
  if (keepTo === 0) throw new RefusedError('nothing-kept', 'no entry is known committed and there is no snapshot: nothing would be left', 'Give --in-doubt keep');
  return walk(reading, keepTo, { term: snapshot?.term ?? 0, index: base });
}

function walk(reading: MemberReading, keepTo: LogIndex, base: LogPosition): KeptPart {
  const hash = crypto.createHash('sha256');
  const at = { ...base };
  let [entries, commands, lastStored, leftBehind, damagedBehind] = [0, 0, 0, 0, false];
  for (const record of reading.records()) {
    if (record.type === 'damage') {
      if (record.toIndex !== null && record.toIndex <= base.index) continue;
      if (at.index < keepTo) throw incomplete(`${record.file}, byte ${record.byteOffset}: ${record.reason}`);
      damagedBehind = true;
      continue;
    }
    lastStored = record.index;
    if (record.index > keepTo) {
      if (record.term >= at.term) leftBehind = record.index;
      continue;
    }
    feed(hash, record);
    entries++;
    if (record.index <= base.index) continue;
    if (record.index !== at.index + 1) throw incomplete(`entries ${at.index + 1}..${record.index - 1} are missing`);
    if (record.term < at.term) throw incomplete(`the term falls from ${at.term} to ${record.term} at entry ${record.index}`);
    [at.index, at.term] = [record.index, record.term];
    if (record.kind === 'command') commands++;
  }
  if (at.index !== keepTo) throw incomplete(`it ends at ${at.index}`);
  return { log: { from: 1, entries, sha256: hash.digest('hex') }, last: at, base: base.index, commandsBehindBase: commands, lastStored, leftBehind, damagedBehind };
}

/** In keeping, no entry that can be read is left behind. @throws {RefusedError} `log-incomplete`. */
export function refuseLeftBehind({ last, leftBehind }: KeptPart, inDoubt: 'keep' | 'drop'): void {
  if (inDoubt === 'keep' && leftBehind > last.index) throw incomplete(`entries up to ${leftBehind} lie behind damage at ${last.index + 1}`);
}

/** What a reviewer should know about the end of the log. */
export function lostTailNotes({ last, lastStored, leftBehind, damagedBehind }: KeptPart): string[] {
  if (lastStored > last.index && leftBehind === 0 && !damagedBehind) {
    return [`Entries ${last.index + 1}..${lastStored} are of an older term than ${last.term}/${last.index} and cannot follow it: they were never committed, and are cut off.`];
  }
  return damagedBehind ? [`Behind entry ${last.index} the log is damaged or missing: entries that were there cannot be read, and are not carried over.`] : [];
}

function incomplete(problem: string): RefusedError {
  return new RefusedError('log-incomplete', `the log cannot be carried over: ${problem}`, 'Choose another source with --source: recover compare shows who holds what');
}
