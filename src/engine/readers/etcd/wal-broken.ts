import type { LogIndex, Term } from '../../core/types.ts';
import { finding, type Finding } from '../../model/finding.ts';
import type { TermRun } from '../../model/member-report.ts';
import { EntryHeader } from './entry-header.ts';
import { RECORD } from './wal-frame.ts';
import { walkWal } from './wal-scan.ts';
import { listBroken, type WalSegment } from './wal-segments.ts';

/** What a copy that etcd kept of a segment before it cut it still holds. */
export interface BrokenCopy {
  name: string;
  /** Whole entries above all that is known committed which the log does not hold; null when there are none. */
  later: { first: LogIndex; last: LogIndex; term: Term } | null;
  /** Why it could not be read to its end; null when it was. */
  problem: string | null;
}

/** etcd keeps one copy for each segment at most, and cuts a log rarely: of a directory full of them the newest are read. */
const COPIES_READ = 16;

/**
 * Looks into the copies beside the log. etcd cuts its log at what it takes for an unfinished write, and with it all that lies behind,
 * acknowledged or not. Such a copy stays for ever, so only entries above `floor` say anything of today.
 * @see etcd v3.6.14, server/storage/wal/repair.go, and isTornEntry in decoder.go
 */
export function readBroken(segments: readonly WalSegment[], runs: readonly TermRun[], floor: LogIndex): BrokenCopy[] {
  return listBroken(segments)
    .slice(-COPIES_READ)
    .map((copy) => readCopy(copy, runs, floor));
}

function readCopy(copy: WalSegment, runs: readonly TermRun[], floor: LogIndex): BrokenCopy {
  const result: BrokenCopy = { name: copy.name, later: null, problem: null };
  const header = new EntryHeader();
  for (const { damage, frame } of walkWal([copy])) {
    if (damage?.kind === 'unreadable') result.problem = damage.reason;
    if (damage || frame.type !== RECORD.entry || header.decode(frame.buffer, frame.dataFrom, frame.dataTo) !== undefined) continue;
    const { index, term } = header;
    // An entry replaces all from its index on.
    if (result.later && index <= result.later.last) result.later = index > result.later.first ? { ...result.later, last: index - 1 } : null;
    if (index <= floor || termIn(runs, index) === term) continue;
    result.later = { first: result.later?.first ?? index, last: index, term };
  }
  return result;
}

function termIn(runs: readonly TermRun[], index: LogIndex): Term | null {
  let [low, high] = [0, runs.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((runs[middle] as TermRun).last < index) low = middle + 1;
    else high = middle;
  }
  const run = runs[low];
  return run && run.first <= index ? run.term : null;
}

/** `wal-repaired` as a `warn` means: what this log lost may have been acknowledged. */
export function brokenFindings(copies: readonly BrokenCopy[]): Finding[] {
  return copies.map(({ name, later, problem }) => {
    const cut = 'etcd cut its own log once and kept the file as it was';
    if (later) {
      const range = later.first === later.last ? `entry ${later.first}` : `entries ${later.first}-${later.last}`;
      const fix = 'Keep the file. This member may have acknowledged them before it lost them, so it does not count for the proof: read the other disks too';
      return finding('wal-repaired', 'warn', `${cut}: ${range} ${later.first === later.last ? 'is' : 'are'} whole in it (up to ${later.term}/${later.last}), and not in the log`, { file: name, fix });
    }
    if (problem !== null) return finding('wal-repaired', 'warn', `${cut}; what was cut off is not known: ${problem}`, { file: name, fix: 'Keep the file, and read the other disks too' });
    return finding('wal-repaired', 'info', `${cut}: nothing whole in it is missing from the log`, { file: name });
  });
}
