import path from 'node:path';
import { InspectorError } from '../../errors.ts';
import type { MemberReport } from '../../model/member-report.ts';
import { detectReader } from '../index.ts';

/** `<data>/raft/snapshots/<id>` and `<data>/member/snap/<file>`: the member is at most this far up. */
const LEVELS = 4;

/** The member whose directory a snapshot lies in, read for its log; null when there is none, or it cannot be read. */
export function memberBeside(target: string): MemberReport | null {
  let directory = path.resolve(target);
  for (let level = 0; level <= LEVELS && path.dirname(directory) !== directory; level++, directory = path.dirname(directory)) {
    try {
      const reader = detectReader(directory);
      if (reader !== null && path.basename(directory) !== 'snapshots') return reader.read(directory, { depth: 'log' }).report;
    } catch (error) {
      if (!(error instanceof InspectorError)) throw error;
      return null; // a snapshot is judged by itself when the log beside it cannot be read
    }
  }
  return null;
}
