import type { BoltFile } from '../../bbolt/file.ts';
import { crc32c } from '../../../native/crc32c.ts';

/** What `snapshot status` prints, in both counts of keys. */
export interface SnapshotStatus {
  /** CRC-32C over every bucket's name, keys and values, in key order. */
  hash: number;
  /** All rows of all buckets: `totalKey` of etcdctl up to 3.5. From 3.6 on `totalKey` is the number of live keys instead. */
  totalRows: number;
  /** Pages below the high-water mark, in bytes: `totalSize`. */
  totalBytes: number;
}

/**
 * The hash of `etcdctl snapshot status` (etcd 3.5 etcdutl/snapshot/v3_snapshot.go Status): nothing is left out, so it says
 * whether two files hold the same rows, whatever their pages look like.
 * @throws {CorruptDataError} At the first page that cannot be read: a hash of a part would mislead.
 */
export function readSnapshotStatus(bolt: BoltFile): SnapshotStatus {
  let hash = 0;
  let totalRows = 0;
  for (const bucket of bolt.buckets()) {
    hash = crc32c(Buffer.from(bucket.name), hash);
    for (const { key, value } of bucket.items()) {
      hash = crc32c(value, crc32c(key, hash));
      totalRows += 1;
    }
  }
  return { hash, totalRows, totalBytes: bolt.highWater * bolt.pageSize };
}
