import { CorruptDataError } from '../../../errors.ts';
import type { BoltFile } from '../../bbolt/file.ts';
import type { BoltBucket, BoltItem } from '../../bbolt/types.ts';
import { hexId, hexIds, isJsonObject, parseExactJson, stringsOf } from '../json-bigint.ts';
import type { DamageLog } from './damage-log.ts';
import { decodeRevision, u64be } from './key-value.ts';
import type { Compaction } from './mvcc.ts';

/** A member as the `members` bucket has it: a mirror of the truth before etcd 3.6, the truth itself from 3.6 on. */
export interface DbMember {
  id: string;
  name: string | null;
  peerUrls: string[];
  clientUrls: string[];
  isLearner: boolean;
}

export interface DbAlarm {
  memberId: string;
  alarm: 'NOSPACE' | 'CORRUPT' | string;
}

/** Everything of the backend but its keys (etcd 3.6 server/storage/schema; older versions keep a subset). */
export interface DbSchema {
  /** Raft index applied to this backend. */
  consistentIndex: number | null;
  /** Term of that entry, since 3.5. */
  term: number | null;
  /** Since 3.5; only rewritten by configuration changes, so stale after `snapshot restore`. */
  confState: { voters: string[]; learners: string[] } | null;
  compaction: Compaction;
  storageVersion: string | null;
  members: DbMember[];
  removed: string[];
  clusterVersion: string | null;
  downgrade: { targetVersion: string; enabled: boolean } | null;
  alarms: DbAlarm[];
  leases: number;
  authEnabled: boolean;
}

/** More members, alarms or removed ids than any cluster has are damage or an attack; the rest is not read. */
const MAX_ROWS = 10_000;
const MAX_JSON_BYTES = 1 << 20;
const ALARMS: Record<string, string> = { '0': 'NONE', '1': 'NOSPACE', '2': 'CORRUPT' };

/** Reads the small buckets. Damage goes to `log`; what cannot be read stays null or empty. */
export function readSchema(bolt: BoltFile, log: DamageLog): DbSchema {
  const meta = new Map<string, BoltItem>();
  eachRow(bolt, 'meta', log, (item) => meta.set(item.key.toString(), { ...item }));
  const cluster = new Map<string, BoltItem>();
  eachRow(bolt, 'cluster', log, (item) => cluster.set(item.key.toString(), { ...item }));
  const members: DbMember[] = [];
  eachRow(bolt, 'members', log, (item) => members.push(decodeMember(item, log)));
  const removed: string[] = [];
  eachRow(bolt, 'members_removed', log, ({ key }) => removed.push(key.toString()));
  const alarms: DbAlarm[] = [];
  eachRow(bolt, 'alarm', log, (item) => alarms.push(decodeAlarm(item, log)));
  const { at, text } = fields(log);
  return {
    consistentIndex: at(meta.get('consistent_index'), 'consistent_index'),
    term: at(meta.get('term'), 'term'),
    confState: decodeConfState(meta.get('confState'), log),
    compaction: {
      scheduled: mainOf(meta.get('scheduledCompactRev'), 'scheduledCompactRev', log),
      finished: mainOf(meta.get('finishedCompactRev'), 'finishedCompactRev', log),
    },
    storageVersion: text(meta.get('storageVersion')),
    members,
    removed,
    clusterVersion: text(cluster.get('clusterVersion')),
    downgrade: decodeDowngrade(cluster.get('downgrade'), log),
    alarms,
    leases: countRows(bolt, 'lease', log),
    authEnabled: readAuthEnabled(bolt, log),
  };
}

/** A top-level bucket, null when it is missing or its header is damaged (which is logged). */
export function openBucket(bolt: BoltFile, name: string, log: DamageLog): BoltBucket | null {
  try {
    return bolt.bucket(name);
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    log.page(error);
    return null;
  }
}

function eachRow(bolt: BoltFile, name: string, log: DamageLog, take: (item: BoltItem) => void): void {
  let rows = 0;
  for (const item of openBucket(bolt, name, log)?.items({ onDamage: (error) => log.page(error) }) ?? []) {
    if (++rows > MAX_ROWS) {
      log.add('db-value-bad', 'error', item.byteOffset, `bucket ${name} has more than ${MAX_ROWS} rows, the rest is not read`);
      return;
    }
    take(item);
  }
}

function countRows(bolt: BoltFile, name: string, log: DamageLog): number {
  let rows = 0;
  for (const _ of openBucket(bolt, name, log)?.items({ onDamage: (error) => log.page(error) }) ?? []) rows += 1;
  return rows;
}

function readAuthEnabled(bolt: BoltFile, log: DamageLog): boolean {
  try {
    return openBucket(bolt, 'auth', log)?.get('authEnabled')?.[0] === 1;
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    log.page(error);
    return false;
  }
}

function bad(log: DamageLog, item: BoltItem, what: string): null {
  const value = item.value.subarray(0, 24).toString('hex');
  log.add('db-value-bad', 'error', item.byteOffset, `${what} cannot be decoded (${item.value.length} bytes: 0x${value}${item.value.length > 24 ? '...' : ''})`);
  return null;
}

function fields(log: DamageLog) {
  return {
    at: (item: BoltItem | undefined, what: string): number | null => {
      if (!item) return null;
      const value = item.value.length === 8 ? u64be(item.value, 0) : NaN;
      return Number.isSafeInteger(value) ? value : bad(log, item, what);
    },
    text: (item: BoltItem | undefined): string | null => (item ? item.value.subarray(0, 64).toString() : null),
  };
}

function mainOf(item: BoltItem | undefined, what: string, log: DamageLog): number {
  if (!item) return -1;
  return (decodeRevision(item.value) ?? bad(log, item, what))?.main ?? -1;
}

function jsonOf(item: BoltItem) {
  const value = item.value.length > MAX_JSON_BYTES ? undefined : parseExactJson(item.value.toString());
  return isJsonObject(value) ? value : null;
}

function decodeConfState(item: BoltItem | undefined, log: DamageLog): DbSchema['confState'] {
  if (!item) return null;
  const json = jsonOf(item);
  const voters = json && hexIds(json['voters']);
  const learners = json && hexIds(json['learners']);
  return voters && learners ? { voters, learners } : bad(log, item, 'confState');
}

function decodeDowngrade(item: BoltItem | undefined, log: DamageLog): DbSchema['downgrade'] {
  if (!item) return null;
  const json = jsonOf(item);
  if (!json) return bad(log, item, 'downgrade');
  const target = json['target-version'];
  return { targetVersion: typeof target === 'string' ? target : '', enabled: json['enabled'] === true };
}

function decodeMember(item: BoltItem, log: DamageLog): DbMember {
  const keyId = item.key.subarray(0, 32).toString();
  const json = jsonOf(item);
  const id = json && hexId(json['id']);
  if (!json || !id) {
    bad(log, item, `member ${keyId}`);
    return { id: keyId, name: null, peerUrls: [], clientUrls: [], isLearner: false };
  }
  if (id !== keyId) log.add('db-value-bad', 'error', item.byteOffset, `member ${keyId} carries the id ${id}`);
  const name = json['name'];
  return {
    id,
    name: typeof name === 'string' && name !== '' ? name : null,
    peerUrls: stringsOf(json['peerURLs']),
    clientUrls: stringsOf(json['clientURLs']),
    isLearner: json['isLearner'] === true,
  };
}

/** The key is an `AlarmMember` message: 1 memberID, 2 alarm, both varints. */
function decodeAlarm(item: BoltItem, log: DamageLog): DbAlarm {
  const found: bigint[] = [0n, 0n, 0n];
  let at = 0;
  while (at < item.key.length && at < 64) {
    const tag = item.key[at++] as number;
    let value = 0n;
    let shift = 0n;
    while (at < item.key.length && shift < 70n) {
      const byte = item.key[at++] as number;
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte < 0x80) break;
    }
    if (tag !== 0x08 && tag !== 0x10) {
      bad(log, { ...item, value: item.key }, 'an alarm');
      break;
    }
    found[tag >> 3] = BigInt.asUintN(64, value);
  }
  const alarm = String(found[2]);
  return { memberId: (found[1] as bigint).toString(16), alarm: ALARMS[alarm] ?? alarm };
}
