import type { StorageWrite } from '../ports/storage.ts';

// A commit stays small enough that it neither delays the next one nor bloats the store's free list.
const MAX_ENTRIES = 2000;
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * One write that does what `first` and then `second` do, or null when they must stay apart: an installed snapshot always has its own
 * commit; entries that were promised to be stored are stored, even when the next write takes them back, because what claims them is sent
 * when their write is durable; and a commit has a bounded size.
 */
export function mergeWrites(first: StorageWrite, second: StorageWrite): StorageWrite | null {
  if (first.install !== null || second.install !== null) return null;
  const last = first.entries.at(-1)?.index;
  if (second.truncateFrom !== null && last !== undefined && second.truncateFrom <= last) return null;
  const entries = first.entries.length === 0 ? second.entries : [...first.entries, ...second.entries];
  if (entries.length > MAX_ENTRIES || entries.reduce((bytes, entry) => bytes + entry.payload.length, 0) > MAX_BYTES) return null;
  const snapshots = second.snapshots ?? first.snapshots;
  return {
    hardState: second.hardState ?? first.hardState,
    truncateFrom: last === undefined ? earlier(first.truncateFrom, second.truncateFrom) : first.truncateFrom,
    entries,
    install: null,
    ...(snapshots === undefined ? {} : { snapshots }),
  };
}

function earlier(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}
