import type { StorageWrite } from '../ports/storage.ts';

// A commit stays small enough that it neither delays the next one nor bloats the store's free list.
const MAX_ENTRIES = 2000;
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * One write that does what `first` and then `second` do, or null when they must stay apart: an installed snapshot always has its own
 * commit, and a commit has a bounded size.
 */
export function mergeWrites(first: StorageWrite, second: StorageWrite): StorageWrite | null {
  if (first.install !== null || second.install !== null) return null;
  const from = second.truncateFrom;
  const kept = from === null ? first.entries : first.entries.filter((entry) => entry.index < from);
  const entries = kept.length === 0 ? second.entries : [...kept, ...second.entries];
  if (entries.length > MAX_ENTRIES || entries.reduce((bytes, entry) => bytes + entry.payload.length, 0) > MAX_BYTES) return null;
  const snapshots = second.snapshots ?? first.snapshots;
  return {
    hardState: second.hardState ?? first.hardState,
    truncateFrom: mergedTruncation(first, second),
    entries,
    install: null,
    ...(snapshots === undefined ? {} : { snapshots }),
  };
}

/** The second truncation counts only where it reaches behind what the first write adds: the rest never gets to the disk. */
function mergedTruncation(first: StorageWrite, second: StorageWrite): number | null {
  const from = second.truncateFrom;
  const added = first.entries[0]?.index;
  if (from === null || (added !== undefined && from >= added)) return first.truncateFrom;
  return Math.min(from, first.truncateFrom ?? from);
}
