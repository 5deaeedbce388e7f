import { RefusedError } from '../../errors.ts';
import { BoltFile } from '../../readers/bbolt/file.ts';
import { FileSource } from '../../readers/file-source.ts';
import { writeFreshBolt, type BoltPair, type FreshBucket } from './fresh-file.ts';

/** What becomes of one bucket: its stored items in, the new ones out, both ascending by key. */
export interface BucketEdit {
  edit: (items: Iterable<BoltPair>) => Iterable<BoltPair>;
  /**
   * Whether a page that cannot be read may be left out. `last`: the last key read before it, `after`: the first key behind it, null for
   * none. Default: never.
   */
  isSpare?: (last: Uint8Array | null, after: Uint8Array | null) => boolean;
}

/**
 * Writes a bbolt file anew: the buckets that `edits` names as it says, made if they are not there, all others as they are. Page size and
 * the way of keeping a freelist are those of the source. Without a source the file begins empty.
 * @param from The file as it is, null for none.
 * @param name How the source is named to people.
 * @throws {RefusedError} `bucket-unreadable` when a page that is needed cannot be read.
 */
export function rewriteBolt(from: string | null, into: string, name: string, edits: Readonly<Record<string, BucketEdit>>): void {
  if (from === null) {
    writeFreshBolt(into, Object.entries(edits).map(([bucket, { edit }]) => ({ name: bucket, items: edit([]) })));
    return;
  }
  using source = FileSource.open(from, name);
  const bolt = BoltFile.open(source);
  const buckets = [...new Set([...bolt.bucketNames(), ...Object.keys(edits)])].map((bucket): FreshBucket => {
    const { edit, isSpare } = edits[bucket] ?? { edit: (items: Iterable<BoltPair>) => items };
    return { name: bucket, items: edit(storedItems(bolt, bucket, isSpare ?? (() => false))) };
  });
  const freelist = bolt.current.freelistPage === null ? 'none' : 'synced';
  writeFreshBolt(into, buckets, { pageSize: bolt.pageSize, txid: bolt.txid + 1, freelist });
}

function* storedItems(bolt: BoltFile, name: string, isSpare: NonNullable<BucketEdit['isSpare']>): Generator<BoltPair> {
  const bucket = bolt.bucket(name);
  if (bucket === null) return;
  const refuse = (problem: string, byteOffset: number): never => {
    throw new RefusedError('bucket-unreadable', `bucket ${name} cannot be copied: ${problem} (byte ${byteOffset})`, 'Plan again from another disk: recover plan with --source');
  };
  let last: Uint8Array | null = null;
  const cells = bucket.cells({
    onDamage: (error, _before, after) => {
      if (!isSpare(last, after)) refuse(error.problem, error.byteOffset);
    },
  });
  for (const { page, cell } of cells) {
    if (cell.isBucket) refuse('it holds a bucket of its own, and no store of this family has such', page.byteOffset);
    const key = Buffer.from(page.bytes.subarray(cell.keyStart, cell.valueStart));
    yield [key, page.bytes.subarray(cell.valueStart, cell.end)];
    last = key;
  }
}

/** The items with one key set to a value; it takes its place in the order. */
export function* withKey(items: Iterable<BoltPair>, name: string, value: Uint8Array): Generator<BoltPair> {
  const key = Buffer.from(name);
  let isWritten = false;
  for (const item of items) {
    const order = Buffer.compare(item[0], key);
    if (order >= 0 && !isWritten) {
      yield [key, value];
      isWritten = true;
    }
    if (order !== 0) yield item;
  }
  if (!isWritten) yield [key, value];
}
