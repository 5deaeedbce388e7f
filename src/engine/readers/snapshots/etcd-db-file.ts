import crypto from 'node:crypto';
import { CorruptDataError } from '../../errors.ts';
import type { Progress } from '../../model/reading.ts';
import type { SnapshotFileReport } from '../../model/snapshot-file.ts';
import type { BoltFile } from '../bbolt/file.ts';
import { readEtcdDb, readSnapshotStatus, type EtcdDb } from '../etcd/db/index.ts';
import type { FileSource } from '../file-source.ts';
import type { VerifyOptions } from './options.ts';
import { blankReport, CheckList, concluded, type Verified } from './check-list.ts';

const HASH_BYTES = 32;
/** A bolt image is a multiple of its page size, so of 512; the appended hash leaves this remainder (etcd clientv3 snapshot). */
const SECTOR_BYTES = 512;
const TAKE_WITH_HASH = 'Take the snapshot with `etcdctl snapshot save`, which appends a hash; a restore of this one needs --skip-hash-check';

/**
 * A file of `etcdctl snapshot save`: the bolt image and its SHA-256 (etcd 3.4 clientv3/snapshot/v3_snapshot.go, 3.6
 * etcdutl/snapshot). Without the hash the pages can still be walked, but bolt pages carry no checksums: a flipped bit in a
 * value stays unseen, so such a file is never more than unverifiable.
 */
export function verifyEtcdDbFile(source: FileSource, path: string, options: VerifyOptions = {}): Verified {
  const list = new CheckList(source.name);
  const blank = { ...blankReport(path, 'etcd-db', source.size), takenAt: new Date(source.mtimeMs).toISOString() };
  if (source.size === 0) {
    list.fail('image', 'is empty', 0);
    return concluded(blank, list);
  }
  checkHash(list, source, options.progress);
  const image = readImage(list, source, options);
  return concluded({ ...blank, ...image }, list);
}

function checkHash(list: CheckList, source: FileSource, progress: Progress | undefined): void {
  const remainder = source.size % SECTOR_BYTES;
  if (remainder === 0) return list.unknown('sha256', 'has no appended SHA-256: a copied db, or a snapshot whose end is cut off', TAKE_WITH_HASH);
  if (remainder !== HASH_BYTES) return list.fail('sha256', `has ${source.size} bytes, neither whole pages nor pages and a hash: cut short`, source.size);
  const imageBytes = source.size - HASH_BYTES;
  const hash = crypto.createHash('sha256');
  let done = 0;
  for (const chunk of source.chunks(0, imageBytes)) {
    hash.update(chunk);
    done += chunk.length;
    progress?.(done, source.size, source.name);
  }
  if (hash.digest().equals(source.read(imageBytes, HASH_BYTES))) list.pass('sha256', 'the appended SHA-256 matches the image');
  else list.fail('sha256', `the SHA-256 of the first ${imageBytes} bytes is not the appended one`, imageBytes);
}

type Image = Pick<SnapshotFileReport, 'term' | 'index' | 'confState' | 'parts' | 'state' | 'formatVersion'>;

function readImage(list: CheckList, source: FileSource, { progress, depth }: VerifyOptions): Partial<Image> {
  try {
    const db = readEtcdDb(source, { depth: 'full', ...(progress ? { progress } : {}) });
    const problem = problemOf(db);
    if (problem === null) list.pass('pages', `all pages reachable, none twice; bolt transaction ${db.bolt.txid}`);
    else list.fail('pages', problem.message, problem.byteOffset);
    if (depth === 'restore' && problem === null) tryRestore(db, list);
    return imageOf(db, list);
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    list.fail('pages', error.problem, error.byteOffset);
    return {};
  }
}

/** Reading at full depth has decoded every row; a restore needs the position the server would start from as well. */
function tryRestore(db: EtcdDb, list: CheckList): void {
  const { revision, liveKeys, hash, consistentIndex } = db;
  if (revision === null || liveKeys === null || hash === null) list.fail('trial-restore', 'its keys cannot all be decoded', null);
  else if (consistentIndex === null) list.fail('trial-restore', 'it does not say which entry it has applied', null);
  else list.pass('trial-restore', `${liveKeys} live keys rebuilt at revision ${revision}, HashKV ${hash}, index ${consistentIndex}`);
}

function problemOf(db: EtcdDb): { message: string; byteOffset: number | null } | null {
  if (db.problem !== null) return { message: db.problem.problem, byteOffset: db.problem.byteOffset };
  return db.findings.find((one) => one.severity === 'error') ?? null;
}

function imageOf(db: EtcdDb, list: CheckList): Partial<Image> {
  const state = { revision: db.revision, keys: db.liveKeys, hash: db.hash };
  const fields = {
    term: db.term,
    index: db.consistentIndex,
    confState: db.confState ?? membersAsConfState(db),
    formatVersion: db.storageVersion ?? db.clusterVersion,
  };
  if (db.problem !== null) return { ...fields, state };
  const status = readSnapshotStatus(db.bolt);
  list.pass('state', `revision ${db.revision}, ${status.totalRows} rows, ${status.totalBytes} bytes in use`);
  const totalKeys = countsLiveKeys(db) && db.liveKeys !== null ? db.liveKeys : status.totalRows;
  return { ...fields, parts: bucketsOf(db.bolt), state: { ...state, statusHash: status.hash.toString(16), totalKeys } };
}

/** `totalKey` of `snapshot status` counts rows up to 3.5, live keys from 3.6 on; only 3.6 writes a storage version of its own. */
function countsLiveKeys(db: EtcdDb): boolean {
  const [major = 0, minor = 0] = (db.storageVersion ?? '').split('.').map(Number);
  return major > 3 || (major === 3 && minor >= 6);
}

function membersAsConfState(db: EtcdDb): SnapshotFileReport['confState'] {
  if (db.members.length === 0) return null;
  const ids = (isLearner: boolean) => db.members.filter((one) => one.isLearner === isLearner).map((one) => one.id);
  return { voters: ids(false), learners: ids(true) };
}

function bucketsOf(bolt: BoltFile): SnapshotFileReport['parts'] {
  const parts: SnapshotFileReport['parts'] = [];
  for (const bucket of bolt.buckets()) {
    const part = { type: bucket.name, count: 0, bytes: 0 };
    for (const { key, value } of bucket.items()) {
      part.count++;
      part.bytes += key.length + value.length;
    }
    parts.push(part);
  }
  return parts;
}
