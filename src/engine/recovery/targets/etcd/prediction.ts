import type { LogIndex } from '../../../core/types.ts';
import type { MemberReading } from '../../../model/reading.ts';
import type { EtcdDb } from '../../../readers/etcd/db/index.ts';
import { decodeEtcdEntry } from '../../../readers/etcd/requests.ts';

/** What the entries that the db has not applied yet will do to it at the next start. */
export interface TailEffect {
  /** Revision after them; null where it depends on what transactions and deletions find. */
  revision: number | null;
  /** HashKV there; null unless they leave the keys as they are. */
  stateHash: number | string | null;
  /** Transactions among them: their comparisons may name revisions. */
  transactions: number;
}

/** Operations that change keys or what is kept of them, other than a put. */
const UNCLEAR = new Set(['delete-range', 'txn', 'lease-revoke', 'compaction', 'undecodable', 'v2 request']);

/**
 * Walks the entries from `from` to `to`. Reads all of them, holds none. A put that is answered with an error (no space, no such lease, no
 * permission any more) makes no revision, so with leases, alarms or users in play the sum is an upper bound, and none is told.
 */
export function tailEffect(reading: MemberReading, db: EtcdDb | null, from: LogIndex, to: LogIndex): TailEffect {
  const { state } = reading.report;
  let [puts, unclear, transactions] = [0, 0, 0];
  if (from <= to) {
    for (const record of reading.records({ from, to })) {
      if (record.type !== 'entry' || record.kind !== 'command') continue;
      const { op, detail } = decodeEtcdEntry(record);
      if (op === 'txn') transactions++;
      if (op === 'put' && !detail.includes('lease')) puts++;
      else if (op === 'put' || UNCLEAR.has(op)) unclear++;
    }
  }
  const revision = state?.revision ?? null;
  const mayFail = db !== null && (db.authEnabled || db.alarms.length > 0);
  return {
    revision: revision === null || unclear > 0 || (mayFail && puts > 0) ? null : revision + puts,
    stateHash: puts + unclear === 0 ? (state?.hash ?? null) : null,
    transactions,
  };
}
