import { CorruptDataError } from '../../../errors.ts';
import type { Finding } from '../../../model/finding.ts';
import type { Progress } from '../../../model/reading.ts';
import { BoltFile } from '../../bbolt/file.ts';
import type { FileSource } from '../../file-source.ts';
import { DamageLog } from './damage-log.ts';
import { currentRevision, lastMainOf, readMvcc, type MvccState } from './mvcc.ts';
import { openBucket, readSchema, type DbSchema } from './schema.ts';

export type { DbAlarm, DbMember, DbSchema } from './schema.ts';
export { readSnapshotStatus, type SnapshotStatus } from './status-hash.ts';

/** The backend of an etcd member (`member/snap/db`), or the image in a snapshot file. */
export interface EtcdDb extends Omit<DbSchema, 'compaction'> {
  bolt: BoltFile;
  /** Current revision; null when the `key` bucket cannot be read. */
  revision: number | null;
  /** -1 for never compacted, as the server reports it. */
  compactRevision: number;
  /** Null at depth `log`, and when damage hides some keys. */
  liveKeys: number | null;
  /** HashKV at `revision`; null as `liveKeys`. Compare only where revision and compactRevision agree. */
  hash: number | null;
  findings: Finding[];
  /** The first damage that makes the content incomplete; null when everything that was asked for could be read. */
  problem: CorruptDataError | null;
}

export interface EtcdDbOptions {
  /** `log` leaves out what needs every page: live keys, hash, the format's own check. */
  depth: 'log' | 'full';
  /** Revision to hash at instead of the current one, to compare members; from the compaction to the current revision. */
  hashAt?: number;
  progress?: Progress;
}

/**
 * Reads an etcd backend. Damage inside becomes findings (`db-meta-bad`, `db-truncated`, `db-unreadable`, `db-page-bad`,
 * `db-value-bad`, `db-revision-gap`, `db-check`) and `problem`; what is still readable is given.
 * @throws {CorruptDataError} When both meta pages are bad: then nothing can be found in the file.
 * @throws {UnreadableError} On an I/O error.
 */
export function readEtcdDb(source: FileSource, options: EtcdDbOptions): EtcdDb {
  const bolt = BoltFile.open(source);
  const log = new DamageLog(source.name);
  noteMetas(bolt, log);
  if (!hasBuckets(bolt, log)) return { bolt, ...NOTHING, findings: log.close(), problem: log.problem };
  const { compaction, ...schema } = readSchema(bolt, log);
  const state = readState(bolt, compaction, log, options);
  if (options.depth === 'full') noteChecks(bolt, log);
  return { bolt, ...schema, ...state, findings: log.close(), problem: log.problem };
}

const NOTHING: Omit<EtcdDb, 'bolt' | 'findings' | 'problem'> = {
  consistentIndex: null,
  term: null,
  confState: null,
  storageVersion: null,
  members: [],
  removed: [],
  clusterVersion: null,
  downgrade: null,
  alarms: [],
  leases: 0,
  authEnabled: false,
  revision: null,
  compactRevision: -1,
  liveKeys: null,
  hash: null,
};

function noteMetas(bolt: BoltFile, log: DamageLog): void {
  for (const { page, problem } of bolt.metas) {
    if (problem === null) continue;
    const message = `meta page ${page} is bad (${problem}); the other one, transaction ${bolt.txid}, is used`;
    log.add('db-meta-bad', 'warn', page * bolt.pageSize, message, 'Prefer a member with both meta pages sound; etcd itself starts from the other page');
  }
  if (!bolt.truncated) return;
  const { have, need } = bolt.truncated;
  log.problem = new CorruptDataError(log.file, have, `the file is cut short (${have} of ${need} bytes)`);
  log.add('db-truncated', 'error', have, log.problem.problem);
}

function hasBuckets(bolt: BoltFile, log: DamageLog): boolean {
  try {
    const names = bolt.bucketNames();
    if (names.includes('key') && names.includes('meta')) return true;
    throw new CorruptDataError(log.file, bolt.current.rootPage * bolt.pageSize, 'has no buckets key and meta, so it is no etcd backend');
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    log.problem ??= error;
    log.add('db-unreadable', 'error', error.byteOffset, `no bucket can be read: ${error.problem}`);
    return false;
  }
}

interface State extends Omit<MvccState, 'revision'> {
  revision: number | null;
}

function readState(bolt: BoltFile, compaction: DbSchema['compaction'], log: DamageLog, options: EtcdDbOptions): State {
  const unknown: State = { revision: null, compactRevision: Math.max(compaction.scheduled, compaction.finished), liveKeys: null, hash: null };
  const bucket = openBucket(bolt, 'key', log);
  if (!bucket) return unknown;
  if (options.depth === 'full') {
    return readMvcc(bucket, compaction, log, {
      totalBytes: bolt.highWater * bolt.pageSize,
      ...(options.hashAt === undefined ? {} : { at: options.hashAt }),
      ...(options.progress ? { progress: options.progress } : {}),
    });
  }
  try {
    return { ...unknown, revision: currentRevision(lastMainOf(bucket), compaction) };
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    log.page(error);
    return unknown;
  }
}

function noteChecks(bolt: BoltFile, log: DamageLog): void {
  for (const { byteOffset, problem } of bolt.checkPages()) {
    if (!log.knows(byteOffset)) log.add('db-check', 'error', byteOffset, `bbolt check: ${problem}`);
  }
}
