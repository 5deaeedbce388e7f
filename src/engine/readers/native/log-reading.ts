import path from 'node:path';
import type { HardState } from '../../core/entry.ts';
import type { LogIndex } from '../../core/types.ts';
import type { PageDamage } from '../../native/pages/byte-source.ts';
import { hasMoved, openLmdb } from '../../native/pages/lmdb-file.ts';
import type { LmdbView } from '../../native/pages/lmdb-file.ts';
import type { BadMeta } from '../../native/pages/meta.ts';
import type { ChainPosition } from '../../native/position-records.ts';
import type { EntryRange, LogEntry, LogRecord } from '../../model/reading.ts';
import { FileSource } from '../file-source.ts';
import { laterRecords, readEnvironment } from './environment.ts';
import type { Environment } from './environment.ts';
import { walkLog } from './log-walk.ts';
import type { LogBounds, WalkedEntry } from './log-walk.ts';
import { surveyLog } from './log-survey.ts';
import type { LogSurvey } from './log-survey.ts';
import { readStoredRecords, tailOf } from './stored-records.ts';
import type { StoredRecords } from './stored-records.ts';
import type { NativeDir } from './data-dir.ts';

const RESTARTS = 8;

type PlacedTail = { readonly position: ChainPosition; readonly byteOffset: number };

/** A commit behind the one that was read: it cannot be read itself. */
export interface LostCommit {
  readonly damage: PageDamage;
  /** How far the log went with it; null where that cannot be told. */
  readonly tail: PlacedTail | null;
  readonly hardState: HardState | null;
}

/** The environment `raft`, read once. */
export interface LogReading {
  readonly transaction: number;
  readonly bytes: number;
  readonly mtimeMs: number;
  readonly records: StoredRecords;
  readonly tail: PlacedTail | null;
  readonly survey: LogSurvey;
  readonly badMetas: readonly BadMeta[];
  readonly pageDamage: PageDamage | null;
  readonly freeDamage: PageDamage | null;
  readonly lostCommit: LostCommit | null;
  readonly isDamaged: boolean;
}

/**
 * Reads the log and what lies beside it; null when neither meta page leads anywhere.
 * @param snapshotIndex Of the newest sound snapshot, given the records: what is lost below it is lost to nobody.
 * @throws {UnreadableError} When the file cannot be opened.
 */
export function readLog(directory: NativeDir, snapshotIndex: (records: StoredRecords) => LogIndex): LogReading | { readonly badMetas: readonly BadMeta[]; readonly isDamaged: true; readonly survey: null } {
  return readEnvironment(directory.root, directory.log, (environment) => {
    const { view, badMetas } = environment;
    return view === null ? { badMetas, isDamaged: true, survey: null } : readView(environment, view, snapshotIndex);
  });
}

function readView(environment: Environment, view: LmdbView, snapshotIndex: (records: StoredRecords) => LogIndex): LogReading {
  const { source, name, badMetas, damage, freeDamage } = environment;
  const records = readStoredRecords(view);
  const tail = tailOf(records);
  const survey = surveyLog(walkLog(view, name, boundsOf(records)), {
    file: name,
    base: records.base.value,
    snapshotIndex: snapshotIndex(records),
    chainAt: records.snapshots.value?.map((one) => one.index) ?? [],
  });
  return {
    transaction: view.meta.transaction,
    bytes: source.size,
    mtimeMs: source.mtimeMs,
    records,
    tail,
    survey,
    badMetas,
    pageDamage: damage,
    freeDamage,
    lostCommit: lostCommitOf(environment, view),
    isDamaged: survey.damagedPlaces > 0 || badMetas.length > 0,
  };
}

function lostCommitOf({ forsaken, badMetas }: Environment, view: LmdbView): LostCommit | null {
  if (forsaken !== null) {
    const records = readStoredRecords(forsaken.view);
    return { damage: forsaken.damage, tail: tailOf(records), hardState: records.hardState.value };
  }
  const [bad] = badMetas;
  if (bad === undefined) return null;
  const later = laterRecords(view);
  return later.isThere ? { damage: bad, tail: later.tail, hardState: later.hardState } : null;
}

function boundsOf(records: StoredRecords): LogBounds {
  const tail = tailOf(records);
  return { base: records.base.value?.index ?? null, tail: tail && { index: tail.position.index, byteOffset: tail.byteOffset } };
}

/**
 * Walks the log anew, in the view that was read before while it is there. A server may write meanwhile: where a page was reused
 * under the walk, it goes on in the newest view.
 */
export function* readRecords(directory: NativeDir, transaction: number, range: EntryRange = {}): Generator<LogRecord, void, void> {
  const to = range.to ?? Number.MAX_SAFE_INTEGER;
  let from = range.from ?? 0;
  for (let attempt = 1; attempt <= RESTARTS; attempt++) {
    using source = FileSource.open(path.join(directory.root, directory.log), directory.log);
    const { views } = openLmdb(source);
    const view = (attempt === 1 ? views.find((one) => one.meta.transaction === transaction) : undefined) ?? views[0];
    if (view === undefined) return;
    let isMoved = false;
    for (const item of walkLog(view, directory.log, boundsOf(readStoredRecords(view)), from)) {
      isMoved = item.type === 'damage' && attempt < RESTARTS && hasMoved(view);
      if (isMoved) break;
      if (item.type === 'damage') {
        if ((item.toIndex ?? Infinity) < from) continue;
        if ((item.fromIndex ?? 0) > to) return;
        yield item;
        continue;
      }
      if (item.entry.index > to) return;
      if (item.entry.index < from) continue;
      from = item.entry.index + 1;
      yield toLogEntry(item, directory.log);
    }
    if (!isMoved) return;
  }
}

/** The chain hash goes along as an extension, so that two members' digests differ from the first entry on where their logs part. */
function toLogEntry({ entry, chainHash, byteOffset }: WalkedEntry, file: string): LogEntry {
  const { index, term, kind, payload, wallClockMs } = entry;
  const shown: LogEntry = { type: 'entry', index, term, kind, file, byteOffset, bytes: payload.length, data: payload, extensions: chainHash };
  if (wallClockMs > 0 && wallClockMs <= 253_402_300_799_999) shown.appendedAt = new Date(wallClockMs).toISOString();
  return shown;
}
