import type { LogIndex, Term } from '../../core/types.ts';
import { rewriteBolt, withKey, type BucketEdit } from '../bbolt/fresh-file-from.ts';
import type { BoltPair } from '../bbolt/fresh-file.ts';

const LOGS = 'logs';
const CONF = 'conf';
const CURRENT_TERM = 'CurrentTerm';

/** What a rewritten raft-boltdb file differs in from its source. */
export interface BoltStoreEdits {
  /** Entries above it are left out; 0 leaves out all. */
  keepTo: LogIndex;
  /** Entries at or below it may be left out where they cannot be read: the snapshot there covers them. */
  coveredTo: LogIndex;
  /** Written behind the last one kept. */
  append: { index: LogIndex; value: Uint8Array } | null;
  /** New value of `CurrentTerm`; null keeps the stored one. Vote and all other keys stay as they are. */
  currentTerm: Term | null;
}

/** A u64 as raft-boltdb has it everywhere, keys and terms: big-endian. */
export function boltCounter(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function counterOf(key: Uint8Array): number {
  return key.length === 8 ? Number(Buffer.from(key).readBigUInt64BE()) : Number.POSITIVE_INFINITY;
}

/**
 * Writes a raft-boltdb file anew with `edits`; every other bucket and key is kept. Both buckets are made where they are missing, as
 * the library does in each file it opens.
 * @param from The file as it is; null: it begins empty.
 * @throws {RefusedError} `bucket-unreadable` when a page that is needed cannot be read.
 */
export function rewriteBoltStore(from: string | null, into: string, name: string, edits: BoltStoreEdits): void {
  rewriteBolt(from, into, name, { [LOGS]: logEdit(edits), [CONF]: stableEdit(edits.currentTerm) });
}

function logEdit({ keepTo, coveredTo, append }: BoltStoreEdits): BucketEdit {
  return {
    *edit(items) {
      const end = boltCounter(keepTo);
      let last: Uint8Array = Buffer.alloc(0);
      for (const item of items) {
        // A damaged key may stand anywhere; one that is needed is missed when the result is compared with its source.
        if (Buffer.compare(item[0], last) <= 0 || Buffer.compare(item[0], end) > 0) continue;
        last = item[0];
        yield item;
      }
      if (append !== null) yield [boltCounter(append.index), append.value];
    },
    isSpare: (last, after) => (last !== null && counterOf(last) >= keepTo) || (after !== null && counterOf(after) - 1 <= coveredTo),
  };
}

function stableEdit(term: Term | null): BucketEdit {
  return { edit: (items: Iterable<BoltPair>) => (term === null ? items : withKey(items, CURRENT_TERM, boltCounter(term))) };
}
