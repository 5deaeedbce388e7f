import path from 'node:path';
import type { CorruptDataError } from '../../errors.ts';
import type { EntryRange, LogDamage, LogRecord } from '../../model/reading.ts';
import { BoltFile } from '../bbolt/file.ts';
import type { CellVisit } from '../bbolt/walk.ts';
import { FileSource } from '../file-source.ts';
import type { LogStore } from '../hashicorp/log-store.ts';
import { decodeMsgpackLog } from '../hashicorp/msgpack-log.ts';
import { toLogEntry } from '../hashicorp/raft-log.ts';

export const LOGS_BUCKET = 'logs';

/** The log of a raft-boltdb file: bucket `logs`, key u64 big-endian index, value msgpack `raft.Log`. */
export class BoltLog implements LogStore {
  constructor(
    private readonly root: string,
    readonly newestFile: string,
  ) {}

  *records(range: EntryRange, times: boolean): IterableIterator<LogRecord> {
    using source = FileSource.open(path.join(this.root, this.newestFile), this.newestFile);
    const to = range.to ?? Number.MAX_SAFE_INTEGER;
    const lost: LogDamage[] = [];
    let last = (range.from ?? 1) - 1;
    const onDamage = (error: CorruptDataError, before: Buffer | null, after: Buffer | null): void => {
      lost.push(this.lostPages(error, before, after, last));
    };
    const bucket = BoltFile.open(source).bucket(LOGS_BUCKET);
    if (bucket === null) return;
    for (const visit of bucket.cells({ onDamage, ...(range.from === undefined ? {} : { from: keyOf(range.from) }) })) {
      if (lost.length > 0) yield* lost.splice(0);
      const { page, cell } = visit;
      if (cell.isBucket) continue;
      const index = indexIn(page.bytes, cell.keyStart, cell.valueStart);
      if (index === null) {
        yield this.damage(null, page.byteOffset, `a key of ${cell.valueStart - cell.keyStart} bytes is no log index`);
        continue;
      }
      if (index > to) return;
      last = index;
      yield this.record(index, visit, times);
    }
    yield* lost;
  }

  private record(index: number, { page, cell }: CellVisit, times: boolean): LogRecord {
    const log = decodeMsgpackLog(page.bytes, cell.valueStart, cell.end);
    if (typeof log === 'string') return this.damage(index, page.byteOffset, `the entry under key ${index} does not decode: ${log}`);
    if (log.index !== index) return this.damage(index, page.byteOffset, `the entry under key ${index} says index ${log.index}`);
    return toLogEntry(log, this.newestFile, page.byteOffset, times);
  }

  private damage(index: number | null, byteOffset: number, reason: string): LogDamage {
    return { type: 'damage', fromIndex: index, toIndex: index, file: this.newestFile, byteOffset, reason };
  }

  /** `before` is the last key read, or the first key of the lost page as its parent has it. */
  private lostPages(error: CorruptDataError, before: Buffer | null, after: Buffer | null, last: number): LogDamage {
    const first = before && indexOf(before);
    const end = after && indexOf(after);
    const fromIndex = first === null ? last + 1 : Math.max(first, last + 1);
    const toIndex = end === null || end <= fromIndex ? null : end - 1;
    return { type: 'damage', fromIndex, toIndex, file: this.newestFile, byteOffset: error.byteOffset, reason: error.problem };
  }
}

function keyOf(index: number): Buffer {
  const key = Buffer.alloc(8);
  key.writeBigUInt64BE(BigInt(index));
  return key;
}

function indexOf(key: Buffer): number | null {
  return indexIn(key, 0, key.length);
}

function indexIn(bytes: Buffer, from: number, to: number): number | null {
  if (to - from !== 8) return null;
  const index = bytes.readUInt32BE(from) * 0x1_0000_0000 + bytes.readUInt32BE(from + 4);
  return Number.isSafeInteger(index) ? index : null;
}
