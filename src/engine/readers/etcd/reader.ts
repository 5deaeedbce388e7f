import { UnreadableError } from '../../errors.ts';
import type { MemberReading, ReadOptions, StoreReader } from '../../model/reading.ts';
import { pendingBackend, readBackend } from './backend.ts';
import { findDataDir } from './data-dir.ts';
import { detectEtcd } from './detect.ts';
import { readLog } from './log-reading.ts';
import { readRecords } from './log-records.ts';
import { assemble, floorOf, type MemberParts } from './report.ts';
import { readSnapDirectory, usableSnaps } from './snap-directory.ts';
import { readBroken } from './wal-broken.ts';

/** etcd 3.3 to 3.6: data directories, a separate WAL, or single files of them. */
export const etcdReader: StoreReader = {
  store: 'etcd',
  title: 'etcd 3.3 to 3.6: write-ahead log, .snap files, db (bbolt)',
  looksFor: ['member/wal/*.wal', 'member/snap/db', 'wal/*.wal beside data/member/snap', '<seq>-<index>.wal', 'db'],
  detect: detectEtcd,
  read: readMember,
};

function readMember(place: string, options: ReadOptions): MemberReading {
  const parts = readParts(place, options);
  const { directory, log } = parts;
  const { report, findings, configurations } = assemble(parts);
  return { report, findings, configurations, records: (range) => readRecords(directory.segments, log.survey, log.ends, range) };
}

/**
 * Everything that lies in the directory, before it is judged. The db first, then the log: a server that writes meanwhile then leaves
 * the log ahead of the db, never the other way round.
 * @throws {UnreadableError} When nothing at all can be read.
 */
export function readParts(place: string, options: ReadOptions): MemberParts {
  const directory = findDataDir(place, options.walDir);
  if (!directory) throw new UnreadableError(place, 'holds no files of an etcd member', 'Name the data directory, a WAL directory, one .wal file or a db');
  let backend = readBackend(directory.db, options);
  const snaps = readSnapDirectory(directory);
  const log = readLog(directory.segments, backend.db?.consistentIndex ?? 0, options.progress);
  const { survey } = log;
  const usable = usableSnaps(snaps, survey.snapshots, survey.provenCommit);
  const newest = usable[0];
  if (newest && newest.position.index > (backend.db?.consistentIndex ?? 0)) {
    const pending = pendingBackend(directory, newest.position.index);
    if (pending) backend = readBackend(pending, options);
  }
  if (directory.segments.length === 0 && !backend.db && snaps.length === 0) {
    throw new UnreadableError(place, backend.name === null ? 'holds neither a log nor a db' : (backend.problem ?? 'nothing in it can be read'));
  }
  const broken = readBroken(directory.segments, survey.run.termRuns, floorOf({ backend, usable, log }));
  return { place, directory, backend, snaps, usable, log, broken };
}
